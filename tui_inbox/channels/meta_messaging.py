"""What Messenger and Instagram do in the same words: sending a text or a file, with a tag where it has one, fetching
files, and checking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels import media, meta_events, payload
from tui_inbox.channels.http import Http, HttpReply
from tui_inbox.channels.meta import ErrorTable, GraphChannel
from tui_inbox.channels.port import ChannelCheck, Fetched, FirstByteGuard, Secrets
from tui_inbox.domain.attachments import RemoteFile
from tui_inbox.domain.events import ChannelEvent, Outgoing, SendOutcome

TYPES: Mapping[str, str] = {"photo": "image", "audio": "audio", "video": "video"}
"""Types of attachments by kind of file; any other is a ``file``."""


class MessagingChannel(GraphChannel):
    """One account whose customers are known by ids scoped to it."""

    node: str
    """Setting with the id of the account."""
    webhook_object: str
    """What webhooks say they are about."""
    errors: ErrorTable
    names: Sequence[str] = ("name",)
    """Fields of the account that may hold its name."""

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        super().__init__(config, secrets, http)
        self._account_id = config[self.node]

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send one message. Raises only what the guard raises."""
        url = self._graph.url(self._account_id, "messages")
        reply = await self._graph.post(url, self.request(message), before_first_byte)
        answer = payload.mapping(reply.body) if isinstance(reply, HttpReply) else {}
        return self._graph.outcome(reply, self.errors, payload.text(answer.get("message_id")))

    def request(self, message: Outgoing) -> dict[str, Any]:
        """Body of ``POST /{account}/messages``; our message id comes back in the echo."""
        kind = {"messaging_type": "MESSAGE_TAG", "tag": message.tag} if message.tag else {"messaging_type": "RESPONSE"}
        content: dict[str, Any] = {"text": message.text}
        if message.files:
            file = message.files[0]
            asked = {"url": file.link, "is_reusable": False}
            content = {"attachment": {"type": TYPES.get(file.kind, "file"), "payload": asked}}
        return {"recipient": {"id": message.address}, **kind, "message": {**content, "metadata": message.message_id}}

    async def fetch(self, file: RemoteFile, maximum: int) -> Fetched:
        """Get a file from Meta's own servers, which sign its address. Raises :class:`FetchError`."""
        return await media.download(self._http, self.label, file.locator, maximum, base=self._base)

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """Every event in a body. Raises :class:`PayloadError`."""
        return meta_events.parse(body, received_at, self.webhook_object)

    async def check(self) -> ChannelCheck:
        """Read the account's name; sends nothing."""
        url = self._graph.url(self._account_id, fields="name")
        return await self._graph.check(url, self.label, *self.names)
