"""Templates in the stand-ins of WhatsApp and Messenger: listing them, checking a filled one (channels, 2.5, 2.7)."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tui_inbox.standins import meta
from tui_inbox.standins.config import TemplateConfig
from tui_inbox.standins.files import is_link
from tui_inbox.standins.platform import Answer, Call, RefusedError

PRODUCT = "whatsapp"
FILES = ("image", "video", "document")
"""Formats of a header that is a file."""
PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
BODY_MAXIMUM, HEADER_MAXIMUM = 1024, 60
UNFIT_VALUE = re.compile(r"[\n\t]| {5,}")
STATUS_CODES = {"PAUSED": 132015, "DISABLED": 132016}


def listed(template: TemplateConfig) -> dict[str, Any]:
    """One entry of the list."""
    return {
        "id": str(10**14 + zlib.crc32(f"{template.name}/{template.language}".encode())),
        "name": template.name,
        "language": template.language,
        "status": template.status,
        "category": template.category,
        "components": list(template.components),
        "parameter_format": template.parameter_format,
        "quality_score": {"score": template.quality},
        "rejected_reason": template.rejected_reason,
    }


def page(call: Call, templates: Sequence[TemplateConfig], bad: Callable[[str], RefusedError]) -> Answer:
    """A page of the list; the cursor is the number of templates before it. Raises what ``bad`` makes."""
    try:
        limit = min(250, max(1, int(call.query.get("limit", "25"))))
        start = int(base64.urlsafe_b64decode(call.query.get("after", "") or _cursor(0)))
    except ValueError as problem:
        raise bad("Param limit or after is not valid.") from problem
    found = templates[start : start + limit]
    paging: dict[str, Any] = {}
    if found:
        end = start + len(found)
        cursors = {"before": _cursor(start), "after": _cursor(end)}
        paging = {"cursors": cursors}
        if end < len(templates):
            # As the real one, a whole address with the token in it, to a host that must not be followed blindly.
            paging["next"] = f"https://graph.invalid/next?access_token=secret&after={cursors['after']}"
    return Answer(200, {"data": [listed(item) for item in found], "paging": paging})


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode()


def filled(content: object, known: Sequence[TemplateConfig]) -> tuple[str, str]:
    """Text that the customer reads, and the template's name. Raises :class:`RefusedError`."""
    if not isinstance(content, dict) or not isinstance(content.get("name"), str):
        raise _refuse(131008, "Param template['name'] is missing.")
    language = content.get("language")
    if not isinstance(language, dict) or not isinstance(language.get("code"), str):
        raise _refuse(131008, "Param template['language']['code'] is missing.")
    if language.get("policy", "deterministic") != "deterministic":
        raise _refuse(100, "Param template['language']['policy'] must be deterministic.")
    template = _find(content["name"], language["code"], known)
    given = _given(content.get("components", []))
    parts = [
        _header(template, given.pop("header", [])),
        _part(template, "BODY", given.pop("body", []), BODY_MAXIMUM),
        _component(template, "FOOTER"),
    ]
    _check_buttons(template, given)
    return "\n".join(part for part in parts if part), template.name


def _find(name: str, language: str, known: Sequence[TemplateConfig]) -> TemplateConfig:
    for template in known:
        if (template.name, template.language) == (name, language):
            if template.status == "APPROVED":
                return template
            raise _refuse(STATUS_CODES.get(template.status, 132001), f"template is {template.status.lower()}")
    raise _refuse(132001, f"template name ({name}) does not exist in {language}")


def _given(components: object) -> dict[str, list[Mapping[str, Any]]]:
    """Parameters by component: ``header``, ``body``, ``button0``…."""
    if not isinstance(components, list):
        raise _refuse(100, "Param template['components'] must be an array.")
    found: dict[str, list[Mapping[str, Any]]] = {}
    for component in components:
        kind = component.get("type") if isinstance(component, dict) else None
        if kind not in ("header", "body", "button"):
            raise _refuse(100, "Param template['components'][]['type'] is not one of header, body, button.")
        if kind == "button":
            if component.get("sub_type") not in ("url", "quick_reply") or not isinstance(component.get("index"), str):
                raise _refuse(131008, "A button needs sub_type and index.")
            kind = f"button{component['index']}"
        parameters = component.get("parameters")
        if not isinstance(parameters, list) or not parameters or kind in found:
            raise _refuse(100, f"Param parameters of {kind} must be a filled array, once.")
        found[kind] = [_checked(parameter) for parameter in parameters]
    return found


def _checked(parameter: object) -> Mapping[str, Any]:
    if isinstance(parameter, dict) and parameter.get("type") in FILES:
        content = parameter.get(parameter["type"])
        if set(parameter) != {"type", parameter["type"]} or not isinstance(content, dict):
            raise _refuse(132012, "Parameter format does not match format in the created template")
        if set(content) != {"link"} or not is_link(content["link"]):
            raise _refuse(131053, "Media upload error")
        return parameter
    if not isinstance(parameter, dict) or parameter.get("type") != "text":
        raise _refuse(132012, "Parameter format does not match format in the created template")
    value = parameter.get("text")
    if not isinstance(value, str) or not value.strip():
        raise _refuse(131008, "Parameter of type text is missing text value")
    if UNFIT_VALUE.search(value):
        raise _refuse(132012, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces")
    return parameter


def _header(template: TemplateConfig, parameters: Sequence[Mapping[str, Any]]) -> str:
    formats = (item.get("format", "TEXT") for item in template.components if str(item.get("type")).upper() == "HEADER")
    kind = str(next(formats, "TEXT")).lower()
    if kind not in FILES:
        if any(parameter["type"] in FILES for parameter in parameters):
            raise _refuse(132012, "header: Format mismatch, expected TEXT")
        return _part(template, "HEADER", parameters, HEADER_MAXIMUM)
    if [parameter["type"] for parameter in parameters] != [kind]:
        raise _refuse(132012, f"header: Format mismatch, expected {kind.upper()}")
    return f"[{kind}]"


def _part(template: TemplateConfig, kind: str, parameters: Sequence[Mapping[str, Any]], maximum: int) -> str:
    text = _component(template, kind)
    values = _matched(template, list(dict.fromkeys(PLACEHOLDER.findall(text))), parameters, kind.lower())
    result = PLACEHOLDER.sub(lambda found: values[found[1]], text)
    if len(result) > maximum:
        raise _refuse(132005, f"{kind.lower()} is longer than {maximum} characters")
    return result


def _matched(
    template: TemplateConfig, wanted: Sequence[str], parameters: Sequence[Mapping[str, Any]], place: str
) -> dict[str, str]:
    if len(parameters) != len(wanted):
        told = f"{place}: number of localizable_params ({len(parameters)}) does not match the expected ({len(wanted)})"
        raise _refuse(132000, told)
    if template.parameter_format == "POSITIONAL":
        return {
            key: str(parameter["text"]) for key, parameter in zip(sorted(wanted, key=_order), parameters, strict=True)
        }
    values = {str(parameter.get("parameter_name", "")): str(parameter["text"]) for parameter in parameters}
    if set(values) != set(wanted):
        raise _refuse(132000, f"{place}: parameter names do not match those of the template")
    return values


def _order(key: str) -> int:
    return int(key) if key.isdigit() else 0


def _component(template: TemplateConfig, kind: str) -> str:
    for component in template.components:
        if str(component.get("type", "")).upper() == kind:
            return str(component.get("text", ""))
    return ""


def _check_buttons(template: TemplateConfig, given: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    wanted: dict[str, int] = {}
    for component in template.components:
        if str(component.get("type", "")).upper() == "BUTTONS":
            for index, button in enumerate(component.get("buttons", [])):
                count = len(PLACEHOLDER.findall(str(button.get("url", ""))))
                wanted |= {f"button{index}": count} if count else {}
    if {key: len(parameters) for key, parameters in given.items()} != wanted:
        raise _refuse(132000, "buttons: number of parameters does not match")


def _refuse(code: int, details: str) -> RefusedError:
    return RefusedError(meta.error(code, details, product=PRODUCT))
