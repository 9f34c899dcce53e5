"""WhatsApp by Twilio: texts, and templates of its Content API (reference: channels, section 3.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tui_inbox.channels import payload
from tui_inbox.channels.http import Http, HttpFailure
from tui_inbox.channels.port import FirstByteGuard, RemoteTemplate, Secrets
from tui_inbox.channels.twilio import TwilioChannel
from tui_inbox.channels.twilio_errors import LABEL
from tui_inbox.channels.twilio_events import WHATSAPP
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.events import OutcomeKind, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind, ContentKind, ErrorClass
from tui_inbox.domain.templates import APPROVED, TemplateContent, one_line

CONTENT = "https://content.twilio.com"
PAGE = 100
MOST_PAGES = 100
"""More pages than this is a server that goes round in circles."""
GONE = "Twilio does not have this template in this language any more. Read the templates anew and choose another one."


class WhatsAppTwilioAdapter(TwilioChannel):
    """One WhatsApp number."""

    kind: ChannelKind = ChannelKind.WHATSAPP_TWILIO
    prefix = WHATSAPP

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        super().__init__(config, secrets, http)
        self._contents = f"{config.get('base_url', '') or CONTENT}/v1/ContentAndApprovals"
        self._sids: dict[tuple[str, str], str] = {}
        """Ids of templates by name and language, as far as they are known."""

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send a text or a template. Raises only what the guard raises."""
        if message.content_kind is not ContentKind.TEMPLATE or message.template is None:
            return await super().send(message, before_first_byte)
        return await self._send_template(message.template, message, before_first_byte)

    async def _send_template(self, template: TemplateContent, message: Outgoing, guard: FirstByteGuard) -> SendOutcome:
        """A template has an id of its own at Twilio, which is looked up before anything is sent."""
        key = (template.name, template.language)
        if key not in self._sids:
            try:
                await self.templates()
            except InboxError as error:
                text = f"{error} Nothing was sent; it is tried again by itself."
                return SendOutcome(OutcomeKind.NOT_SENT, error_class=ErrorClass.TEMPORARY, error_text=text)
        if key not in self._sids:
            return SendOutcome(OutcomeKind.REFUSED, error_class=ErrorClass.TEMPLATE, error_text=GONE)
        outcome = await self.post(_filled(self._sids[key], template), message, guard)
        if outcome.error_class is ErrorClass.TEMPLATE:
            del self._sids[key]  # whatever was wrong, next time it is looked up anew
        return outcome

    async def templates(self) -> Sequence[RemoteTemplate]:
        """Every template with its approval. Raises :class:`InboxError`."""
        contents = await self._list()
        found = [(payload.text(item.get("sid")), _template(item)) for item in contents]
        kept: dict[tuple[str, str], tuple[str, RemoteTemplate]] = {}
        for sid, item in found:
            key = (item.name, item.language)
            # Names can come twice: the approved one counts.
            if key not in kept or kept[key][1].status != APPROVED:
                kept[key] = (sid, item)
        self._sids = {key: sid for key, (sid, _) in kept.items() if sid}
        return [item for _, item in kept.values()]

    async def _list(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        page: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            answer = await self._page({"PageSize": str(PAGE), **page})
            found += payload.mappings(answer.get("contents"))
            # Pages on our own base address: the address of the next one is the server's word, not ours.
            following = urlsplit(payload.text(payload.mapping(answer.get("meta")).get("next_page_url"))).query
            after = {name: value for name, value in parse_qsl(following) if name in ("Page", "PageToken")}
            if not after or after == page:
                return found
            page = after
        raise InboxError(f"{LABEL}'s list of templates does not end. Nothing was changed; try again later.")

    async def _page(self, query: Mapping[str, str]) -> Mapping[str, Any]:
        reply = await self._http.get_json(f"{self._contents}?{urlencode(query)}", self._headers)
        if isinstance(reply, HttpFailure):
            raise InboxError(f"{LABEL} {reply.text}. Check the connection and base_url of this channel.")
        if reply.status == 200 and isinstance(reply.body, dict) and isinstance(reply.body.get("contents"), list):
            return reply.body
        if reply.status == 401:
            raise InboxError(f"{LABEL} refused the access token. Set a new one for this channel and test it again.")
        raise InboxError(f"{LABEL} refused the question (status {reply.status}). Check the ids of this channel.")


def _filled(sid: str, template: TemplateContent) -> dict[str, str]:
    """Fields of a message; Twilio numbers the placeholders of text and buttons in one row."""
    values = {key.rpartition(".")[2]: one_line(value) for key, value in template.values.items()}
    return {"ContentSid": sid, **({"ContentVariables": json.dumps(values)} if values else {})}


def _template(item: Mapping[str, Any]) -> RemoteTemplate:
    approval = payload.mapping(item.get("approval_requests"))
    return RemoteTemplate(
        name=payload.text(item.get("friendly_name")),
        language=payload.text(item.get("language")),
        status=payload.text(approval.get("status")).upper() or "UNSUBMITTED",
        category=payload.text(approval.get("category")),
        components=_components(payload.mapping(item.get("types"))),
        named=any(not name.isdecimal() for name in payload.mapping(item.get("variables"))),
        reason=payload.text(approval.get("rejection_reason")),
    )


def _components(types: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The content as components; the richest of its types has the buttons."""
    found = [payload.mapping(content) for content in types.values()]
    body = next((payload.text(content.get("body")) for content in found if content.get("body")), "")
    actions = [action for content in found for action in payload.mappings(content.get("actions"))]
    components: list[dict[str, Any]] = [{"type": "BODY", "text": body}]
    if actions:
        components.append({"type": "BUTTONS", "buttons": [_button(action) for action in actions]})
    return components


def _button(action: Mapping[str, Any]) -> dict[str, str]:
    kind = payload.text(action.get("type")).upper() or "QUICK_REPLY"
    return {"type": kind, "text": payload.text(action.get("title")), "url": payload.text(action.get("url"))}
