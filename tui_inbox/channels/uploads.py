"""Files that a channel wants before the message that shows them: uploaded once, and shown by the id that it gives.

Nothing of this reaches the customer, so whatever goes wrong here leaves the message unsent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tui_inbox.channels.http import HttpFailure, HttpReply
from tui_inbox.domain.attachments import OutgoingFile
from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import ErrorClass

UPLOAD_SECONDS = 20.0
"""An upload must leave enough of the message's lease for the send itself."""
KEPT = 100
"""Uploads that are remembered, so that a message which is tried again does not upload its file again."""

Upload = Callable[[OutgoingFile], Awaitable["str | SendOutcome"]]
"""Hands a file to the channel; its id there, or why the message cannot go."""


class Uploads:
    """Files that one account has handed over."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._known: dict[int, str] = {}

    async def ident(self, file: OutgoingFile, upload: Upload) -> str | SendOutcome:
        """The channel's id of a file, which is uploaded where it is not known; or why the message cannot go."""
        known = self._known.get(file.id)
        if known is not None:
            return known
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                found = await upload(file)
        except TimeoutError:
            return self._not_there()
        if isinstance(found, str):
            while len(self._known) >= KEPT:
                del self._known[next(iter(self._known))]
            self._known[file.id] = found
        return found

    def forget(self, file: OutgoingFile) -> None:
        """Upload it anew the next time: the channel does not know its id any more."""
        self._known.pop(file.id, None)

    def read(
        self,
        reply: HttpReply | HttpFailure,
        ident_of: Callable[[HttpReply], str],
        judge: Callable[[HttpReply], SendOutcome],
    ) -> str | SendOutcome:
        """The id in the answer to an upload, or what the answer means for the message."""
        if isinstance(reply, HttpFailure):
            return self._not_there()
        ident = ident_of(reply)
        if ident:
            return ident
        found = judge(reply)
        return found if found.kind in (OutcomeKind.REFUSED, OutcomeKind.RETRY) else self._not_there()

    def _not_there(self) -> SendOutcome:
        text = f"The file could not be handed to {self._label}. Nothing was sent; it is tried again by itself."
        return SendOutcome(OutcomeKind.NOT_SENT, error_class=ErrorClass.TEMPORARY, error_text=text)
