"""Message templates: placeholders, filling, validation. Filling is plain replacement, never a format language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
APPROVED = "APPROVED"
BODY_MAXIMUM = 1024
"""Longest body after filling, in characters (reference: channels, section 2.7)."""
HEADER_MAXIMUM = 60
MEDIA = "media."
"""Before the key of a header that is a file: ``media.image``, ``media.video``, ``media.document``."""
LINK = re.compile(r"https://[^\s/]+\.[^\s/]+/\S{1,1900}")
"""Where the file of such a header lies, for the channel to fetch."""


@dataclass(frozen=True)
class TemplateContent:
    """A template chosen for sending, with its values.

    ``values`` are keyed by placeholder: ``1``, ``2``… or a name; header and URL-button placeholders are prefixed
    ``header.`` and ``button0.``, ``button1.``…. A header that is a file has one of :data:`MEDIA`, an address.
    """

    name: str
    language: str
    values: Mapping[str, str] = field(default_factory=dict)
    rendered: str = ""
    """The filled text as the customer sees it; for the timeline."""
    named: bool = False
    """Placeholders have names rather than numbers."""


@dataclass(frozen=True)
class Template:
    """Text approved beforehand by a channel."""

    id: int
    channel_id: int
    name: str
    language: str
    status: str
    category: str
    components: Sequence[Mapping[str, Any]]
    """As the channel lists them: ``type`` HEADER, BODY, FOOTER, BUTTONS, ``text``, ``buttons``…"""
    quality: str = ""
    named: bool = False
    reason: str = ""
    """Why the channel rejected or paused it."""

    @property
    def unavailable(self) -> str:
        """Why it cannot be sent, in one sentence; empty when it can."""
        if self.status == APPROVED:
            return _unfillable_header(self)
        told = f" ({self.reason})" if self.reason and self.reason != "NONE" else ""
        return f"{self.status.lower().replace('_', ' ')}{told}: only approved templates can be sent"

    @property
    def body(self) -> str:
        """Text of the body with its placeholders."""
        return component_text(self, "BODY")


def component_text(template: Template, kind: str) -> str:
    """Text of the first component of ``kind``; empty when there is none."""
    for component in template.components:
        if str(component.get("type", "")).upper() == kind:
            return str(component.get("text", ""))
    return ""


def _header_format(template: Template) -> str:
    """``text``, ``image``, ``video``, ``document``, ``location``…; empty without a header."""
    for component in template.components:
        if str(component.get("type", "")).upper() == "HEADER":
            return str(component.get("format", "TEXT")).lower()
    return ""


def _unfillable_header(template: Template) -> str:
    """Why the header cannot be filled (a place); empty when it can."""
    kind = _header_format(template)
    return "" if kind in ("", "text", *_FILES) else f"its header needs a {kind}, which this program cannot give"


_FILES = ("image", "video", "document")


def placeholders(template: Template) -> tuple[str, ...]:
    """Keys that must be filled, in reading order: header, body, URL buttons."""
    kind = _header_format(template)
    keys = [f"{MEDIA}{kind}"] if kind in _FILES else []
    keys += [f"header.{name}" for name in PLACEHOLDER.findall(component_text(template, "HEADER"))]
    keys += PLACEHOLDER.findall(component_text(template, "BODY"))
    for index, button in enumerate(buttons(template)):
        if str(button.get("type", "")).upper() == "URL":
            keys += [f"button{index}.{name}" for name in PLACEHOLDER.findall(str(button.get("url", "")))]
    return tuple(dict.fromkeys(keys))


def buttons(template: Template) -> Sequence[Mapping[str, Any]]:
    """The buttons, in order."""
    for component in template.components:
        if str(component.get("type", "")).upper() == "BUTTONS":
            found: Sequence[Mapping[str, Any]] = component.get("buttons", ())
            return found
    return ()


def one_line(value: str) -> str:
    """A value as channels accept it: no line breaks, tabs or runs of blanks."""
    return " ".join(value.split())


def fill(text: str, values: Mapping[str, str], prefix: str = "") -> str:
    """``text`` with placeholders replaced once; a missing one stays as it is, and values are never looked into."""
    return PLACEHOLDER.sub(lambda found: one_line(values.get(prefix + found[1], found[0])), text)


def render(template: Template, values: Mapping[str, str]) -> str:
    """The filled template as the customer sees it: header, body, footer, a line per button."""
    kind = _header_format(template)
    header = f"[{kind}]" if kind in _FILES else fill(component_text(template, "HEADER"), values, "header.")
    body = fill(component_text(template, "BODY"), values)
    footer = component_text(template, "FOOTER")
    labels = "  ".join(f"[{button.get('text', '')}]" for button in buttons(template))
    return "\n".join(part for part in (header, body, footer, labels) if part)


def problems(template: Template, values: Mapping[str, str]) -> tuple[str, ...]:
    """Everything that the channel would refuse, one sentence each; empty when it may be sent."""
    found = [template.unavailable] if template.unavailable else []
    wanted = placeholders(template)
    found += [f"fill in {{{{{key}}}}}" for key in wanted if not one_line(values.get(key, ""))]
    found += [
        f"{key} must be an address that begins with https://"
        for key in wanted
        if key.startswith(MEDIA) and values.get(key, "").strip() and not LINK.fullmatch(values[key].strip())
    ]
    found += [f"{key} is not a placeholder of this template" for key in values if key not in wanted]
    if len(fill(component_text(template, "BODY"), values)) > BODY_MAXIMUM:
        found.append(f"the filled text is longer than {BODY_MAXIMUM:,} characters")
    if len(fill(component_text(template, "HEADER"), values, "header.")) > HEADER_MAXIMUM:
        found.append(f"the filled header is longer than {HEADER_MAXIMUM} characters")
    return tuple(found)
