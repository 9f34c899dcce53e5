"""The use cases that screens need, without channels: nothing in these tests talks to a network."""

from __future__ import annotations

from tests.support.files import path_of
from tui_inbox.channels.port import ChannelAdapter
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.models import Channel
from tui_inbox.repository.presence import FilePresence
from tui_inbox.repository.store import Store
from tui_inbox.services.attachments import AttachmentService
from tui_inbox.services.contacts import ContactService
from tui_inbox.services.context import Context
from tui_inbox.services.directory import DirectoryService
from tui_inbox.services.draft_files import DraftFiles
from tui_inbox.services.drafts import DraftService
from tui_inbox.services.inbox import InboxService
from tui_inbox.services.lifecycle import LifecycleService
from tui_inbox.services.outbox import OutboxService
from tui_inbox.services.presence import PresenceService
from tui_inbox.services.sending import SendingService


class NoAdapters:
    """No channel can be reached."""

    def get(self, channel: Channel) -> ChannelAdapter:
        """Always refuses."""
        raise UsageError(f"{channel.name} cannot be reached in a test.")

    def former(self, channel: Channel) -> ChannelAdapter | None:
        """No secret was changed."""
        return None


class ScreenServices:
    """What :class:`tui_inbox.screens.base.Services` asks for."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.store: Store = context.store
        self.inbox = InboxService(context)
        self.contacts = ContactService(context)
        self.attachments = AttachmentService(context)
        self.sending = SendingService(context)
        self.outbox = OutboxService(context)
        self.lifecycle = LifecycleService(context)
        self.drafts = DraftService(context, DraftFiles(path_of(context.store).parent / "drafts"))
        self.directory = DirectoryService(context, NoAdapters())
        self.presence = PresenceService(context, FilePresence(path_of(context.store)))

    async def close(self) -> None:
        """Release the store."""
        await self.presence.close()
        await self.store.close()
