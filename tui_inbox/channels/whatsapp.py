"""WhatsApp Cloud API: sending, templates, checking (reference: channels, section 2). Webhooks: ``whatsapp_events``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels import payload, whatsapp_events
from tui_inbox.channels.http import Http, HttpReply
from tui_inbox.channels.meta import BODY_MAXIMUM, Graph
from tui_inbox.channels.port import (
    JSON_TYPES,
    ChannelCheck,
    FirstByteGuard,
    RemoteTemplate,
    Secrets,
    WebhookAnswer,
    WebhookRequest,
)
from tui_inbox.channels.whatsapp_errors import ERRORS, LABEL
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.events import ChannelEvent, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind, ContentKind
from tui_inbox.domain.templates import TemplateContent, one_line

TEMPLATE_FIELDS = "id,name,status,category,language,components,parameter_format,quality_score,rejected_reason"
TEMPLATE_PAGE = 100
MOST_TEMPLATE_PAGES = 100
"""A verified portfolio holds 6,000 templates; more pages than this is a server that goes round in circles."""
PHONE = re.compile(r"\+?[0-9]{5,20}")
BUTTON_KEY = re.compile(r"button([0-9]+)\.(.+)")


class WhatsAppAdapter:
    """One WhatsApp number."""

    kind: ChannelKind = ChannelKind.WHATSAPP
    keyed: bool = False
    body_maximum: int = BODY_MAXIMUM
    required_config: Sequence[str] = ("phone_number_id",)
    required_secrets: Sequence[str] = ("token",)
    webhook_secrets: Sequence[str] = ("app_secret", "verify_token")
    webhook_types: frozenset[str] = JSON_TYPES
    webhook_answer: WebhookAnswer = WebhookAnswer()

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        self._graph = Graph(config, secrets, http, LABEL)
        self._number_id = config["phone_number_id"]
        self._account_id = config.get("waba_id", "")

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send a text or a template. Raises only what the guard raises."""
        url = self._graph.url(self._number_id, "messages")
        reply = await self._graph.post(url, request(message), before_first_byte)
        return self._graph.outcome(reply, ERRORS, _provider_id(reply.body) if isinstance(reply, HttpReply) else "")

    @property
    def receives(self) -> bool:
        """Whether the app secret is set that webhooks are verified with."""
        return self._graph.can_verify

    def verify(self, request: WebhookRequest) -> bool:
        """Whether Meta signed the body with our app secret."""
        return self._graph.signed(request)

    def handshake(self, request: WebhookRequest) -> str | None:
        """The challenge, when the verify token is ours."""
        return self._graph.handshake(request)

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """Every event in a body. Raises :class:`PayloadError`."""
        return whatsapp_events.parse(body, received_at, self._number_id)

    async def templates(self) -> Sequence[RemoteTemplate]:
        """All templates of the business account. Raises :class:`InboxError`."""
        if not self._account_id:
            raise InboxError("Set waba_id for this channel to list its templates: the id of the WhatsApp account.")
        found: list[RemoteTemplate] = []
        after = ""
        for _page in range(MOST_TEMPLATE_PAGES):
            # Pages by the cursor and on our own base address: the address in ``next`` is the server's word, not ours.
            page = {"after": after} if after else {}
            url = self._graph.url(
                self._account_id, "message_templates", fields=TEMPLATE_FIELDS, limit=str(TEMPLATE_PAGE), **page
            )
            answer = await self._graph.get(url)
            found += [_template(item) for item in payload.mappings(answer.get("data"))]
            paging = payload.mapping(answer.get("paging"))
            following = payload.text(payload.mapping(paging.get("cursors")).get("after"))
            if not paging.get("next") or not following or following == after:
                return found
            after = following
        raise InboxError("WhatsApp's list of templates does not end. Nothing was changed; try again later.")

    async def check(self) -> ChannelCheck:
        """Read the number's name; sends nothing."""
        url = self._graph.url(self._number_id, fields="verified_name,display_phone_number")
        return await self._graph.check(url, LABEL, "verified_name", "display_phone_number")

    async def close(self) -> None:
        """Nothing is kept open."""


def request(message: Outgoing) -> dict[str, Any]:
    """Body of ``POST /{phone_number_id}/messages``; our message id comes back in every status."""
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **_recipient(message.address),
        "biz_opaque_callback_data": message.message_id,
    }
    if message.content_kind is ContentKind.TEMPLATE and message.template is not None:
        return body | {"type": "template", "template": _filled(message.template)}
    return body | {"type": "text", "text": {"body": message.text, "preview_url": False}}


def _recipient(address: str) -> dict[str, str]:
    """A phone number always with ``+``, else the business number's country may be put before it; a user id as it is."""
    if PHONE.fullmatch(address):
        return {"to": f"+{address.lstrip('+')}"}
    return {"recipient": address}


def _filled(template: TemplateContent) -> dict[str, Any]:
    header: dict[str, str] = {}
    body: dict[str, str] = {}
    buttons: dict[int, list[str]] = {}
    for key, value in template.values.items():
        button = BUTTON_KEY.fullmatch(key)
        if key.startswith("header."):
            header[key.removeprefix("header.")] = value
        elif button is not None:
            buttons.setdefault(int(button[1]), []).append(value)
        else:
            body[key] = value
    components: list[dict[str, Any]] = []
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
    # The policy is optional for WhatsApp and demanded by its published description.
    language = {"code": template.language, "policy": "deterministic"}
    return {"name": template.name, "language": language, **({"components": components} if components else {})}


def _parameters(values: Mapping[str, str], named: bool) -> list[dict[str, str]]:
    if named:
        return [{"type": "text", "parameter_name": key, "text": one_line(value)} for key, value in values.items()]
    ordered = sorted(values, key=lambda key: (not key.isdecimal(), int(key) if key.isdecimal() else 0, key))
    return [{"type": "text", "text": one_line(values[key])} for key in ordered]


def _provider_id(body: object) -> str:
    messages = payload.mapping(body).get("messages")
    return next((payload.text(item.get("id")) for item in payload.mappings(messages)), "")


def _template(item: Mapping[str, Any]) -> RemoteTemplate:
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
