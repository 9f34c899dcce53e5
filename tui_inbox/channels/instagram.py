"""Instagram messaging (reference: channels, sections 4.4 to 5)."""

from __future__ import annotations

from collections.abc import Sequence

from tui_inbox.channels.meta_errors import messaging_errors
from tui_inbox.channels.meta_messaging import MessagingChannel
from tui_inbox.channels.port import RemoteTemplate
from tui_inbox.domain.kinds import ChannelKind

LABEL = "Instagram"


class InstagramAdapter(MessagingChannel):
    """One Instagram professional account, by Facebook Login (page id) or Instagram Login (Instagram id)."""

    kind: ChannelKind = ChannelKind.INSTAGRAM
    label = LABEL
    node = "account_id"
    webhook_object = "instagram"
    errors = messaging_errors(LABEL, "Wait until the customer writes, or use another channel.")
    names: Sequence[str] = ("name", "username")
    required_config: Sequence[str] = ("account_id",)

    async def templates(self) -> Sequence[RemoteTemplate]:
        """Instagram has none."""
        return ()
