"""Stand-in of WhatsApp by Twilio, with its Content API (reference: channels, section 3.1)."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tui_inbox.standins.config import Member, TemplateConfig
from tui_inbox.standins.meta_templates import PLACEHOLDER, UNFIT_VALUE
from tui_inbox.standins.platform import Answer, Call
from tui_inbox.standins.state import Fault
from tui_inbox.standins.twilio import TwilioStandin, refuse

WINDOW_CLOSED, NOT_FOUND, BLOCKED = 63016, 63003, 63033
UNAPPROVED = {"PAUSED": 63041, "DISABLED": 63041}


class WhatsAppTwilioStandin(TwilioStandin):
    """One WhatsApp number. Whatever WhatsApp itself has to say comes later, as the status of a message."""

    prefix = "whatsapp:"
    address = re.compile(r"\+[0-9]{5,15}|[A-Z]{2}\.[A-Za-z0-9.]+")
    steps: Sequence[str] = ("delivered", "read")

    def read(self, call: Call) -> Answer:
        """The account, and the list of templates."""
        if call.path != "/v1/ContentAndApprovals":
            return super().read(call)
        try:
            size, page = min(500, max(1, int(call.query.get("PageSize", "50")))), int(call.query.get("Page", "0"))
        except ValueError as problem:
            raise refuse(20001, "Page or PageSize is not a number") from problem
        templates = self.state.config.templates
        found = templates[page * size : (page + 1) * size]
        more = (page + 1) * size < len(templates)
        following = f"https://content.invalid/v1/ContentAndApprovals?PageSize={size}&Page={page + 1}&PageToken=t"
        meta = {"page": page, "page_size": size, "key": "contents", "next_page_url": following if more else None}
        return Answer(200, {"contents": [self._listed(item) for item in found], "meta": meta})

    def _listed(self, template: TemplateConfig) -> dict[str, Any]:
        body, actions = _text(template), _actions(template)
        types: dict[str, Any] = {"twilio/text": {"body": body}}
        if actions:
            types["twilio/call-to-action"] = {"body": body, "actions": actions}
        approval = {
            "name": template.name,
            "category": template.category,
            "content_type": "twilio/text",
            "status": template.status.lower(),
            "rejection_reason": "" if template.rejected_reason == "NONE" else template.rejected_reason,
        }
        return {
            "sid": sid_of(template),
            "account_sid": self.account,
            "friendly_name": template.name,
            "language": template.language,
            "variables": dict.fromkeys(_wanted(template), "sample"),
            "types": types,
            "approval_requests": approval,
        }

    def content(self, form: Mapping[str, str]) -> tuple[str, str]:
        """A text, or a template filled."""
        if "ContentSid" not in form:
            return super().content(form)
        if "Body" in form:
            raise refuse(21655, "Body must not be given together with ContentSid")
        template = next((item for item in self.state.config.templates if sid_of(item) == form["ContentSid"]), None)
        if template is None:
            raise refuse(21655, "The ContentSid is invalid")
        if template.status != "APPROVED":
            raise refuse(UNAPPROVED.get(template.status, 63040), f"The template is {template.status.lower()}")
        values = _values(form.get("ContentVariables", "{}"))
        if set(values) != set(_wanted(template)):
            raise refuse(63028, "Number of parameters does not match the expected number of params")
        return PLACEHOLDER.sub(lambda found: values[found[1]], _text(template)), template.name

    def failure_of(self, member: Member | None, *, is_template: bool) -> Fault | None:
        """Who can't be reached, and a text after the window."""
        if member is not None and member.blocked:
            return Fault(kind="late", code=BLOCKED)
        if member is not None and not member.started:
            return Fault(kind="late", code=NOT_FOUND)
        age = self.state.age(member)
        if not is_template and (age is None or age >= timedelta(seconds=self.state.config.window_seconds)):
            return Fault(kind="late", code=WINDOW_CLOSED)
        return None

    def said(self, member: Member, text: str, at: datetime) -> Mapping[str, Any]:
        """A message, with the name that the customer has on WhatsApp."""
        form = {**super().said(member, text, at), "ProfileName": member.name or "Customer"}
        if member.address.startswith("+"):
            return form | {"WaId": member.address.lstrip("+")}
        return form | {"ExternalUserId": f"{self.prefix}{member.address}"}

    def membership(self, member: Member, at: datetime) -> Mapping[str, Any] | None:
        """WhatsApp does not tell who blocks a business."""
        return None


def sid_of(template: TemplateConfig) -> str:
    """The template's id."""
    return f"HX{zlib.crc32(f'{template.name}/{template.language}'.encode()):032x}"


def _text(template: TemplateConfig) -> str:
    found = (str(item.get("text", "")) for item in template.components if str(item.get("type")).upper() == "BODY")
    return next(found, "")


def _actions(template: TemplateConfig) -> list[dict[str, Any]]:
    buttons = [button for item in template.components for button in item.get("buttons", [])]
    return [
        {"type": button.get("type", "URL"), "title": button.get("text", ""), "url": button.get("url", "")}
        for button in buttons
    ]


def _wanted(template: TemplateConfig) -> list[str]:
    """Names of the placeholders, in order."""
    texts = [_text(template), *(str(action["url"]) for action in _actions(template))]
    return list(dict.fromkeys(name for text in texts for name in PLACEHOLDER.findall(text)))


def _values(given: str) -> dict[str, str]:
    try:
        values = json.loads(given)
    except ValueError as problem:
        raise refuse(21656, "The ContentVariables Parameter is invalid") from problem
    if not isinstance(values, dict) or not all(isinstance(value, str) and value.strip() for value in values.values()):
        raise refuse(21656, "The ContentVariables Parameter is invalid")
    if any(UNFIT_VALUE.search(value) for value in values.values()):
        raise refuse(21656, "The ContentVariables Parameter has line breaks")
    return values
