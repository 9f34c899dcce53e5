"""WhatsApp's media: uploaded before the message that shows them, fetched by their ids (reference: channels, 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tui_inbox.channels import payload
from tui_inbox.channels.http import FilePart
from tui_inbox.channels.meta import ErrorTable, Graph
from tui_inbox.channels.port import Fetched, FetchError
from tui_inbox.channels.uploads import Uploads
from tui_inbox.domain.attachments import OutgoingFile, RemoteFile
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.events import Outgoing, SendOutcome

TYPES: Mapping[str, str] = {"photo": "image", "video": "video", "audio": "audio"}
"""Types of messages by kind of file; any other is a ``document``."""
CDN = "lookaside.fbsbx.com"
"""Where Meta keeps media; the token is wanted there, too."""


@dataclass(frozen=True)
class MediaPlaces:
    """Where one provider has media."""

    upload: str
    """Address that a file is posted to."""
    look_up: Callable[[str], str]
    """Address that tells where the file with an id lies."""
    own: str
    """The provider's own address."""
    proxied: bool = False
    """Files are fetched from the provider's own address, whatever address of Meta's it names."""


class Media:
    """Media of one number."""

    def __init__(self, graph: Graph, places: MediaPlaces, errors: ErrorTable) -> None:
        self._graph, self._places, self._errors = graph, places, errors
        self._uploads = Uploads(graph.label)

    async def content(self, message: Outgoing) -> dict[str, Any] | SendOutcome:
        """The part of a request that shows the file of ``message``, or why it cannot go."""
        file = message.files[0]
        ident = await self._uploads.ident(file, self._upload)
        if isinstance(ident, SendOutcome):
            return ident
        kind = TYPES.get(file.kind, "document")
        shown = {"id": ident}
        if message.text and kind != "audio":
            shown["caption"] = message.text
        if kind == "document":
            shown["filename"] = file.name
        return {"type": kind, kind: shown}

    async def _upload(self, file: OutgoingFile) -> str | SendOutcome:
        fields = {"messaging_product": "whatsapp", "type": file.media_type}
        part = FilePart("file", file.name, file.media_type, file.content)
        reply = await self._graph.post_file(self._places.upload, fields, part)
        return self._uploads.read(
            reply,
            lambda found: payload.text(payload.mapping(found.body).get("id")),
            lambda found: self._graph.outcome(found, self._errors, ""),
        )

    async def fetch(self, file: RemoteFile, maximum: int) -> Fetched:
        """Look up where the file lies, and get it. Raises :class:`FetchError`."""
        try:
            found = await self._graph.get(self._places.look_up(file.locator))
        except InboxError as error:
            raise FetchError(str(error)) from error
        address = payload.text(found.get("url"))
        if not address:
            raise FetchError(f"{self._graph.label} does not say where the file is.")
        return await self._graph.file(*self._at(address), maximum)

    def _at(self, address: str) -> tuple[str, str]:
        """The address to fetch from, and the one whose servers may see the token."""
        parts, own = urlsplit(address), self._places.own
        if parts.netloc.lower() != CDN:
            return address, own
        if self._places.proxied:
            return f"{own}{parts.path}{'?' if parts.query else ''}{parts.query}", own
        return address, f"https://{CDN}"
