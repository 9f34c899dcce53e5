"""The composition root: opens the store and builds the services. Nothing else builds engines, clients or services.

Imported lazily by the application and the command line, since it brings the database layer with it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tui_inbox import paths
from tui_inbox.channels.port import ChannelAdapter, Secrets
from tui_inbox.config import Settings, secrets_for
from tui_inbox.domain.clock import Clock, system_clock
from tui_inbox.domain.delivery import Timing
from tui_inbox.domain.models import Channel
from tui_inbox.repository.dialect import Journal
from tui_inbox.repository.store import Store
from tui_inbox.services.attachments import AttachmentService
from tui_inbox.services.chat_away import ChatAwayService
from tui_inbox.services.contacts import ContactService
from tui_inbox.services.context import Context
from tui_inbox.services.directory import DirectoryService
from tui_inbox.services.draft_files import DraftFiles
from tui_inbox.services.drafts import DraftService
from tui_inbox.services.exporting import ExportService
from tui_inbox.services.fetching import FetchingService
from tui_inbox.services.importing import ImportService
from tui_inbox.services.importing_threads import ThreadImportService
from tui_inbox.services.inbox import InboxService
from tui_inbox.services.lifecycle import LifecycleService
from tui_inbox.services.outbox import OutboxService
from tui_inbox.services.polling import PollingService
from tui_inbox.services.presence import PresenceService
from tui_inbox.services.receiving import ReceivingService
from tui_inbox.services.sending import SendingService
from tui_inbox.services.webchat import ChatService

if TYPE_CHECKING:
    from tui_inbox.channels.webchat import Mailbox
    from tui_inbox.services.delivery import DeliveryService

PURGE_EVERY = timedelta(hours=1)
"""Between two looks for drafts and raw webhooks that are old enough to go."""


class Adapters:
    """One adapter per channel, built when first asked for: the screens never need a channel's secrets."""

    def __init__(self, settings: Settings, timing: Timing | None = None, mailbox: Mailbox | None = None) -> None:
        self._settings = settings
        self._mailbox = mailbox
        self._timing = timing or Timing()
        self._built: dict[int, tuple[Channel, ChannelAdapter]] = {}
        self._former: dict[int, ChannelAdapter] = {}
        self._replaced: list[ChannelAdapter] = []

    def get(self, channel: Channel) -> ChannelAdapter:
        """The adapter of ``channel``; built anew when the channel's settings have changed. Raises ``UsageError``."""
        known = self._built.get(channel.id)
        if known is not None and known[0].kind is channel.kind and known[0].config == channel.config:
            return known[1]
        secrets = Secrets(secrets_for(self._settings, channel.name))
        adapter, former = self._make(channel, secrets), secrets.former()
        if known is not None:
            self._replaced.append(known[1])
        if channel.id in self._former:
            self._replaced.append(self._former.pop(channel.id))
        if former is not None:
            self._former[channel.id] = self._make(channel, former)
        self._built[channel.id] = (channel, adapter)
        return adapter

    def former(self, channel: Channel) -> ChannelAdapter | None:
        """The one with the secrets of before, where such are told. Raises ``UsageError``."""
        self.get(channel)
        return self._former.get(channel.id)

    def _make(self, channel: Channel, secrets: Secrets) -> ChannelAdapter:
        from tui_inbox.channels.http import Http
        from tui_inbox.channels.registry import build_adapter  # brings the HTTP client: only who sends needs it

        http = Http(total=self._timing.total_timeout)
        url = self._settings.serve.webhook_url(channel.webhook_path or "")
        return build_adapter(channel, secrets, http=http, webhook_url=url, mailbox=self._mailbox)

    async def close(self) -> None:
        """Release every connection."""
        adapters = [*self._replaced, *self._former.values(), *(adapter for _, adapter in self._built.values())]
        self._built.clear()
        self._former.clear()
        self._replaced.clear()
        for adapter in adapters:
            await adapter.close()


@dataclass
class Services:
    """Everything that an entry point needs."""

    settings: Settings
    context: Context
    store: Store
    adapters: Adapters
    inbox: InboxService
    contacts: ContactService
    sending: SendingService
    outbox: OutboxService
    lifecycle: LifecycleService
    drafts: DraftService
    directory: DirectoryService
    importing: ImportService
    importing_threads: ThreadImportService
    exporting: ExportService
    receiving: ReceivingService
    polling: PollingService
    fetching: FetchingService
    attachments: AttachmentService
    chat: ChatService
    chat_away: ChatAwayService
    presence: PresenceService
    _closed: bool = field(default=False, repr=False)
    _purged_at: datetime | None = field(default=None, repr=False)

    def make_delivery(self, worker: str) -> DeliveryService:
        """A sender under this worker name; unique among running ones."""
        from tui_inbox.services.delivery import DeliveryService

        return DeliveryService(
            self.context,
            self.adapters,
            worker,
            journal=paths.state_dir() / "results",
            files_url=self.settings.serve.files_url,
            wake_due=self._upkeep,
        )

    async def _upkeep(self) -> int:
        """What a sender does between messages: wake snoozed conversations; at times forget what is kept for a while."""
        now = self.context.clock()
        if self._purged_at is None or now - self._purged_at > PURGE_EVERY:
            self._purged_at = now
            await self.drafts.purge()
            await self.receiving.forget()
        await self.chat_away.run_once()
        return await self.lifecycle.wake_due()

    async def close(self) -> None:
        """Release connections and the store; harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        try:
            await self.drafts.close()
            await self.presence.close()
            await self.adapters.close()
        finally:
            await self.store.close()


async def open_services(
    settings: Settings,
    *,
    clock: Clock = system_clock,
    migrate: bool = True,
    create: bool = True,
    or_read_only: bool = False,
    timing: Timing | None = None,
) -> Services:
    """Open the store that the settings name and build every service on it.

    Raises ``StoreError`` with one sentence when it cannot be used. ``migrate``: create or upgrade the schema;
    ``create``: make a file that is not there. ``or_read_only``: a database that cannot be written is opened for
    reading. ``timing``: other spans than those of the product, for a harness that cannot wait for them.
    """
    store = await Store.open(
        settings.database,
        clock=clock,
        migrate=migrate,
        create=create,
        journal=Journal(settings.sqlite_journal),
        allow_network=settings.network_database,
        or_read_only=or_read_only,
    )
    context = Context(store, store.clock, settings.rules, random.Random(), timing or Timing())
    chat = ChatService(context)
    adapters = Adapters(settings, context.timing, chat)
    receiving = ReceivingService(context, adapters)
    return Services(
        settings=settings,
        context=context,
        store=store,
        adapters=adapters,
        inbox=InboxService(context),
        contacts=ContactService(context),
        sending=SendingService(context),
        outbox=OutboxService(context),
        lifecycle=LifecycleService(context),
        drafts=DraftService(context, DraftFiles(paths.drafts_dir())),
        directory=DirectoryService(context, adapters),
        importing=ImportService(context),
        importing_threads=ThreadImportService(context),
        exporting=ExportService(context),
        receiving=receiving,
        polling=PollingService(context, adapters, receiving),
        fetching=FetchingService(context, adapters),
        attachments=AttachmentService(context),
        chat=chat,
        chat_away=ChatAwayService(context),
        presence=PresenceService(context, store.presence()),
    )
