"""Templates as Meta keeps them for WhatsApp and Messenger: listing, filling, changes (reference: channels, 2.7)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels import payload
from tui_inbox.channels.meta import Graph
from tui_inbox.channels.payload import text
from tui_inbox.channels.port import RemoteTemplate
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.events import TemplateChanged
from tui_inbox.domain.templates import MEDIA, TemplateContent, one_line

FIELDS = "id,name,status,category,language,components,parameter_format,quality_score,rejected_reason"
PAGE = 100
MOST_PAGES = 100
"""A verified portfolio holds 6,000 templates; more pages than this is a server that goes round in circles."""
BUTTON_KEY = re.compile(r"button([0-9]+)\.(.+)")
CHANGED = "message_template_status_update"
"""Webhook field that tells a template's new status."""
STATUS = {"REINSTATED": "APPROVED", "UNARCHIVED": "APPROVED"}
"""Events of templates that have another name than the status that they lead to."""
FLAGGED = "FLAGGED"
"""Only a warning: the template may still be sent."""


async def listed(graph: Graph, node: str) -> Sequence[RemoteTemplate]:
    """All templates of an account. Raises :class:`InboxError`."""
    found: list[RemoteTemplate] = []
    after = ""
    for _page in range(MOST_PAGES):
        # Pages by the cursor and on our own base address: the address in ``next`` is the server's word, not ours.
        page = {"after": after} if after else {}
        answer = await graph.get(graph.url(node, "message_templates", fields=FIELDS, limit=str(PAGE), **page))
        found += [remote(item) for item in payload.mappings(answer.get("data"))]
        paging = payload.mapping(answer.get("paging"))
        following = text(payload.mapping(paging.get("cursors")).get("after"))
        if not paging.get("next") or not following or following == after:
            return found
        after = following
    raise InboxError(f"{graph.label}'s list of templates does not end. Nothing was changed; try again later.")


def remote(item: Mapping[str, Any]) -> RemoteTemplate:
    """One entry of the list."""
    reason = payload.text(item.get("rejected_reason"))
    return RemoteTemplate(
        name=payload.text(item.get("name")),
        language=payload.text(item.get("language")),
        status=payload.text(item.get("status")).upper(),
        category=payload.text(item.get("category")),
        components=list(payload.mappings(item.get("components"))),
        quality=payload.text(payload.mapping(item.get("quality_score")).get("score")),
        named=payload.text(item.get("parameter_format")).upper() == "NAMED",
        reason="" if reason == "NONE" else reason,
    )


def filled(template: TemplateContent, **language: str) -> dict[str, Any]:
    """The ``template`` of a message; ``language`` is added to its language."""
    header: dict[str, str] = {}
    media: list[dict[str, Any]] = []
    body: dict[str, str] = {}
    buttons: dict[int, list[str]] = {}
    for key, value in template.values.items():
        button = BUTTON_KEY.fullmatch(key)
        if key.startswith(MEDIA):
            kind = key.removeprefix(MEDIA)
            media.append({"type": kind, kind: {"link": value.strip()}})
        elif key.startswith("header."):
            header[key.removeprefix("header.")] = value
        elif button is not None:
            buttons.setdefault(int(button[1]), []).append(value)
        else:
            body[key] = value
    components: list[dict[str, Any]] = []
    if media:
        components.append({"type": "header", "parameters": media})
    if header:
        components.append({"type": "header", "parameters": _parameters(header, template.named)})
    if body:
        components.append({"type": "body", "parameters": _parameters(body, template.named)})
    components += [
        {
            "type": "button",
            "sub_type": "url",
            "index": str(index),
            "parameters": [{"type": "text", "text": one_line(value)} for value in values],
        }
        for index, values in sorted(buttons.items())
    ]
    told = {"code": template.language, **language}
    return {"name": template.name, "language": told, **({"components": components} if components else {})}


def _parameters(values: Mapping[str, str], named: bool) -> list[dict[str, str]]:
    if named:
        return [{"type": "text", "parameter_name": key, "text": one_line(value)} for key, value in values.items()]
    ordered = sorted(values, key=lambda key: (not key.isdecimal(), int(key) if key.isdecimal() else 0, key))
    return [{"type": "text", "text": one_line(values[key])} for key in ordered]


def changed(value: Mapping[str, Any], at: datetime) -> Iterator[TemplateChanged]:
    """What a webhook tells of a template's status."""
    name, language = text(value.get("message_template_name")), text(value.get("message_template_language"))
    event = text(value.get("event")).upper()
    if not name or not language or not event or event == FLAGGED:
        return
    reason = text(value.get("reason"))
    yield TemplateChanged(
        key=f"template:{name}:{language}:{event}:{int(at.timestamp())}",
        at=at,
        name=name,
        language=language,
        status=STATUS.get(event, event),
        reason="" if reason == "NONE" else reason,
    )
