"""The unit of work: one transaction and a repository per subject that reads and writes inside it."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from tui_inbox.domain.clock import Clock
from tui_inbox.repository.activity import ActivityRepository
from tui_inbox.repository.attachments import AttachmentRepository
from tui_inbox.repository.chat import ChatRepository
from tui_inbox.repository.contacts import ContactRepository
from tui_inbox.repository.conversations import ConversationRepository
from tui_inbox.repository.directory import DirectoryRepository
from tui_inbox.repository.drafts import DraftRepository
from tui_inbox.repository.health import HealthRepository
from tui_inbox.repository.inbound import InboundRepository
from tui_inbox.repository.inbox import InboxRepository
from tui_inbox.repository.invariants import InvariantRepository
from tui_inbox.repository.outbox import OutboxRepository
from tui_inbox.repository.outbox_pages import OutboxPages
from tui_inbox.repository.search_index import index_of
from tui_inbox.repository.timeline import TimelineRepository


class Unit:
    """Everything seen through one unit is of one instant; everything written through it happens together or not."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self.clock = clock
        self.contacts = ContactRepository(connection)
        self.conversations = ConversationRepository(connection)
        self.inbox = InboxRepository(connection)
        self.search = index_of(connection)
        self.timeline = TimelineRepository(connection)
        self.attachments = AttachmentRepository(connection)
        self.outbox = OutboxRepository(connection)
        self.outbox_pages = OutboxPages(connection)
        self.inbound = InboundRepository(connection)
        self.drafts = DraftRepository(connection)
        self.directory = DirectoryRepository(connection)
        self.invariants = InvariantRepository(connection)
        self.health = HealthRepository(connection)
        self.activity = ActivityRepository(connection)
        self.chat = ChatRepository(connection)
