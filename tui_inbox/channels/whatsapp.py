"""WhatsApp Cloud API: sending, templates, checking (reference: channels, section 2). Webhooks: ``whatsapp_events``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels import meta_templates, payload, whatsapp_events
from tui_inbox.channels.http import Http, HttpFailure, HttpReply
from tui_inbox.channels.meta import Graph, GraphChannel
from tui_inbox.channels.port import ChannelCheck, Fetched, FirstByteGuard, RemoteTemplate, Secrets
from tui_inbox.channels.whatsapp_errors import ERRORS, LABEL
from tui_inbox.channels.whatsapp_media import Media, MediaPlaces
from tui_inbox.domain.attachments import RemoteFile
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.events import ChannelEvent, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind, ContentKind

PHONE = re.compile(r"\+?[0-9]{5,20}")


class WhatsAppAdapter(GraphChannel):
    """One WhatsApp number."""

    kind: ChannelKind = ChannelKind.WHATSAPP
    label = LABEL
    required_config: Sequence[str] = ("phone_number_id",)
    useful_config: Sequence[str] = ("waba_id",)

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        super().__init__(config, secrets, http)
        self._number_id = config["phone_number_id"]
        self._account_id = config.get("waba_id", "")
        places = MediaPlaces(self._graph.url(self._number_id, "media"), self._place, self._base)
        self._media = Media(self._graph, places, ERRORS)

    def _place(self, ident: str) -> str:
        return self._graph.url(ident, phone_number_id=self._number_id)

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send a text, a template or a file. Raises only what the guard raises."""
        url = self._graph.url(self._number_id, "messages")
        return await send(self._graph, self._media, url, message, before_first_byte)

    async def fetch(self, file: RemoteFile, maximum: int) -> Fetched:
        """Get a file of a customer. Raises :class:`FetchError`."""
        return await self._media.fetch(file, maximum)

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """Every event in a body. Raises :class:`PayloadError`."""
        return whatsapp_events.parse(body, received_at, self._number_id)

    async def templates(self) -> Sequence[RemoteTemplate]:
        """All templates of the business account. Raises :class:`InboxError`."""
        if not self._account_id:
            raise InboxError("Set waba_id for this channel to list its templates: the id of the WhatsApp account.")
        return await meta_templates.listed(self._graph, self._account_id)

    async def check(self) -> ChannelCheck:
        """Read the number's name; sends nothing."""
        url = self._graph.url(self._number_id, fields="verified_name,display_phone_number")
        return await self._graph.check(url, LABEL, "verified_name", "display_phone_number")


async def send(graph: Graph, media: Media, url: str, message: Outgoing, guard: FirstByteGuard) -> SendOutcome:
    """One message, after its file where it has one. Raises only what the guard raises."""
    body = request(message)
    if message.files:
        shown = await media.content(message)
        if isinstance(shown, SendOutcome):
            return shown
        body = {name: value for name, value in body.items() if name not in ("type", "text")} | shown
    reply = await graph.post(url, body, guard)
    return graph.outcome(reply, ERRORS, provider_id(reply))


def request(message: Outgoing) -> dict[str, Any]:
    """Body of ``POST /{phone_number_id}/messages``; our message id comes back in every status."""
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **_recipient(message.address),
        "biz_opaque_callback_data": message.message_id,
    }
    if message.content_kind is ContentKind.TEMPLATE and message.template is not None:
        # The policy is optional for WhatsApp and demanded by its published description.
        filled = meta_templates.filled(message.template, policy="deterministic")
        return body | {"type": "template", "template": filled}
    return body | {"type": "text", "text": {"body": message.text, "preview_url": False}}


def _recipient(address: str) -> dict[str, str]:
    """A phone number always with ``+``, else the business number's country may be put before it; a user id as it is."""
    if PHONE.fullmatch(address):
        return {"to": f"+{address.lstrip('+')}"}
    return {"recipient": address}


def provider_id(reply: HttpReply | HttpFailure) -> str:
    """The id in an answer; empty when there is none."""
    messages = payload.mapping(reply.body).get("messages") if isinstance(reply, HttpReply) else None
    return next((payload.text(item.get("id")) for item in payload.mappings(messages)), "")
