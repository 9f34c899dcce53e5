"""WhatsApp by 360dialog: Meta's bodies under another address and key (reference: channels, section 3.2).

360dialog signs nothing. Its webhooks must be set up to carry our secret as a bearer token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

from tui_inbox.channels import meta_templates, payload, whatsapp_events
from tui_inbox.channels.http import Http
from tui_inbox.channels.meta import BODY_MAXIMUM, Graph
from tui_inbox.channels.port import (
    JSON_TYPES,
    ChannelCheck,
    Fetched,
    FirstByteGuard,
    RemoteTemplate,
    Secrets,
    WebhookAnswer,
    WebhookRequest,
)
from tui_inbox.channels.signatures import bearer_shown
from tui_inbox.channels.whatsapp import send
from tui_inbox.channels.whatsapp_errors import ERRORS
from tui_inbox.channels.whatsapp_media import Media, MediaPlaces
from tui_inbox.domain.attachments import RemoteFile
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.events import ChannelEvent, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind

LABEL = "360dialog"
API = "https://waba-v2.360dialog.io"
KEY_HEADER = "D360-API-KEY"
PAGE = 1000
MOST_PAGES = 100


class WhatsApp360dialogAdapter:
    """One WhatsApp number."""

    kind: ChannelKind = ChannelKind.WHATSAPP_360DIALOG
    keyed: bool = False
    body_maximum: int = BODY_MAXIMUM
    required_config: Sequence[str] = ("phone_number_id",)
    required_secrets: Sequence[str] = ("token",)
    webhook_secrets: Sequence[str] = ("webhook_secret",)
    webhook_types: frozenset[str] = JSON_TYPES
    webhook_answer: WebhookAnswer = WebhookAnswer()

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        self._base = config.get("base_url", "") or API
        self._graph = Graph(LABEL, self._base, {KEY_HEADER: secrets.get("token")}, http)
        places = MediaPlaces(f"{self._base}/media", self._place, self._base, proxied=True)
        self._media = Media(self._graph, places, ERRORS)
        self._number_id = config["phone_number_id"]
        self._secret = secrets.get("webhook_secret")

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send a text, a template or a file. Raises only what the guard raises."""
        return await send(self._graph, self._media, f"{self._base}/messages", message, before_first_byte)

    async def fetch(self, file: RemoteFile, maximum: int) -> Fetched:
        """Get a file of a customer, from 360dialog's own address. Raises :class:`FetchError`."""
        return await self._media.fetch(file, maximum)

    def _place(self, ident: str) -> str:
        return f"{self._base}/{quote(ident, safe='')}"

    @property
    def receives(self) -> bool:
        """Whether the secret is set that webhooks must carry."""
        return bool(self._secret)

    def verify(self, request: WebhookRequest) -> bool:
        """Whether the request carries our secret."""
        return bearer_shown(self._secret, request.headers)

    def handshake(self, request: WebhookRequest) -> str | None:
        """360dialog has no handshake."""
        return None

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """Every event in a body. Raises :class:`PayloadError`."""
        return whatsapp_events.parse(body, received_at, self._number_id)

    async def templates(self) -> Sequence[RemoteTemplate]:
        """All templates of the account. Raises :class:`InboxError`."""
        found: list[RemoteTemplate] = []
        for _ in range(MOST_PAGES):
            query = urlencode({"limit": PAGE, "offset": len(found)})
            answer = await self._graph.get(f"{self._base}/v1/configs/templates?{query}")
            items = [meta_templates.remote(item) for item in payload.mappings(answer.get("waba_templates"))]
            found += items
            if not items or len(found) >= (payload.integer(answer.get("total")) or 0):
                return found
        raise InboxError(f"{LABEL}'s list of templates does not end. Nothing was changed; try again later.")

    async def check(self) -> ChannelCheck:
        """Read where webhooks go; sends nothing."""
        try:
            found = await self._graph.get(f"{self._base}/v1/configs/webhook")
        except InboxError as error:
            return ChannelCheck(False, str(error))
        if "url" not in found:
            return ChannelCheck(False, f"{LABEL} did not answer as it should. Check base_url of this channel.")
        told = (
            "webhooks have an address" if payload.text(found["url"]) else "the key is good, but no webhook is set there"
        )
        return ChannelCheck(True, f"{LABEL}: {told}.")

    async def close(self) -> None:
        """Nothing is kept open."""
