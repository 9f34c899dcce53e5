"""The files of a message on their way out: their bytes, and the public address of those that the channel fetches."""

from __future__ import annotations

import secrets
from datetime import timedelta

from tui_inbox.domain.attachments import RULES, Attachment, OutgoingFile, kind_of, name_for
from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import ChannelKind, ErrorClass
from tui_inbox.repository.unit import Unit
from tui_inbox.services.context import Context

PUBLIC_FOR = timedelta(days=30)
"""How long a file stays at its public address: some channels have the customer's own device fetch it."""
NO_ADDRESS = (
    "This channel fetches files from us, and there is no address for that. The file was not sent: ask an admin to set "
    "public_url under [serve] in the settings file."
)


class OutgoingFiles:
    """Reads files for a sender; ``url`` is the address under which :mod:`tui_inbox.server.files` has them."""

    def __init__(self, context: Context, url: str) -> None:
        self._context, self._url = context, url

    async def of(self, message_id: str, kind: ChannelKind) -> tuple[OutgoingFile, ...] | SendOutcome:
        """The files of a message, or why they cannot go."""
        rules = RULES.get(kind)
        async with self._context.store.read() as unit:
            found = await unit.attachments.of_message(message_id)
            contents = [await unit.attachments.content(file.id) for file in found]
        if not found:
            return ()
        links = [""] * len(found)
        if rules is not None and rules.by_link:
            if not self._url:
                return SendOutcome(OutcomeKind.REFUSED, error_class=ErrorClass.INVALID, error_text=NO_ADDRESS)
            links = await self._context.store.write(lambda unit: self._links(unit, found))
        return tuple(
            OutgoingFile(file.id, kind_of(file.media_type), name_for(file), file.media_type, content, link)
            for file, content, link in zip(found, contents, links, strict=True)
        )

    async def _links(self, unit: Unit, files: list[Attachment]) -> list[str]:
        until = self._context.clock() + PUBLIC_FOR
        tokens = [await unit.attachments.link(file.id, secrets.token_urlsafe(24), until) for file in files]
        return [f"{self._url}/{token}" for token in tokens]
