"""SMS by Twilio (reference: channels, section 9.1)."""

from __future__ import annotations

from collections.abc import Sequence

from tui_inbox.channels.port import RemoteTemplate
from tui_inbox.channels.twilio import TwilioChannel
from tui_inbox.domain.kinds import ChannelKind


class SmsAdapter(TwilioChannel):
    """One number for text messages."""

    kind: ChannelKind = ChannelKind.SMS
    prefix = ""

    async def templates(self) -> Sequence[RemoteTemplate]:
        """SMS has none that need approval."""
        return ()
