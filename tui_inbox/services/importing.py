"""Importing contacts from a CSV file: who is new, who is known already, what can't be used.

A file is read and compared whole before anything is written. A long one comes in by several commits, so that others can
go on writing; after an interruption the same import goes on: who is in already is known by email or phone, and who has
neither comes with the last commit. Reading the file is in :mod:`tui_inbox.services.import_file`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.kinds import ChannelKind
from tui_inbox.domain.models import Channel
from tui_inbox.domain.search import digits_of, fold
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.history import History, HistoryChannel, HistoryRepository
from tui_inbox.repository.unit import Unit
from tui_inbox.services.context import Context
from tui_inbox.services.import_file import ImportFile, read_file

__all__ = ["ImportReport", "ImportService"]

PHONE_KINDS = frozenset(
    {ChannelKind.SMS, ChannelKind.WHATSAPP, ChannelKind.WHATSAPP_TWILIO, ChannelKind.WHATSAPP_360DIALOG}
)
"""Kinds whose address of a customer is the phone number."""
REACHABLE_KINDS = PHONE_KINDS | {ChannelKind.EMAIL}
BATCH = 5000
"""New contacts of one commit; a shorter file is all or nothing."""
_FAMILY = {kind: "whatsapp" if kind.value.startswith("whatsapp") else kind.value for kind in REACHABLE_KINDS}


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or (``dry_run``) would do."""

    added: int
    """Contacts added."""
    duplicates: tuple[tuple[int, str], ...] = ()
    """Rows skipped since the contact exists: row number in the file (the header is row 1) and the reason."""
    bad: tuple[tuple[int, str], ...] = ()
    """Rows that can't be used: row number and the reason."""
    dry_run: bool = False
    channels: tuple[str, ...] = ()
    """Names of channels on which the added contacts can be reached from now on."""
    ignored_columns: tuple[str, ...] = ()
    """Headers that were not recognised."""
    header: tuple[str, ...] = field(default=(), compare=False)
    bad_cells: tuple[tuple[str, ...], ...] = field(default=(), compare=False)
    """The rows in ``bad`` as they came, under ``header``."""


@dataclass
class _Known:
    """Everybody that a row could repeat: by folded email and by digits of the phone."""

    emails: dict[str, str]
    phones: dict[str, str]
    new: list[NewContact] = field(default_factory=list)
    duplicates: list[tuple[int, str]] = field(default_factory=list)

    def take(self, row: int, contact: NewContact) -> None:
        """Add ``contact`` unless it is somebody already."""
        email, phone = fold(contact.email), digits_of(contact.phone)
        if email and email in self.emails:
            self.duplicates.append((row, f"{self.emails[email]} has the email {contact.email}"))
            return
        if phone and phone in self.phones:
            self.duplicates.append((row, f"{self.phones[phone]} has the phone {contact.phone}"))
            return
        if email:
            self.emails[email] = f"row {row}"
        if phone:
            self.phones[phone] = f"row {row}"
        self.new.append(contact)


class ImportService:
    """Brings a list of contacts into the workspace."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def import_contacts(
        self,
        path: Path,
        *,
        dry_run: bool = False,
        mapping: Mapping[str, str] | None = None,
        region: str = "",
        channels: Sequence[str] | None = None,
        progress: Callable[[int, int], object] = lambda _done, _whole: None,
    ) -> ImportReport:
        """Add the contacts of a CSV file, :data:`BATCH` at a time.

        ``mapping``: own header → field (``first_name``, ``last_name``, ``name``, ``email``, ``phone``, ``language``,
        ``country``, ``tags``, or ``custom:KEY``). ``region``: country (``US``, ``DE``…) of phone numbers written
        without ``+``. ``channels``: names of the channels to reach the new contacts on; ``None`` = WhatsApp, SMS and
        email where the workspace has exactly one of the kind; empty = none. ``progress`` is told how many new contacts
        are written, and how many there are, where they take several commits.
        Raises :class:`UsageError` for a file that can't be read as such a list; nothing is written then.
        """
        # Reading and phone parsing take a while for a long list and must not hold up the screen.
        file = await asyncio.to_thread(read_file, path, mapping or {}, region)
        async with self._context.store.read() as unit:
            known, targets = await _compare(unit, file), await _targets(unit, channels)
        added = len(known.new) if dry_run else await self._add_all(path, known, targets, progress)
        return _report(file, known, targets, added, dry_run=dry_run)

    async def _add_all(
        self, path: Path, known: _Known, targets: Sequence[Channel], progress: Callable[[int, int], object]
    ) -> int:
        """Those who can be recognised first: an import that is cut off must not double the others when it goes on."""
        new = sorted(known.new, key=lambda contact: not (contact.email or contact.phone))
        namable = sum(1 for contact in new if contact.email or contact.phone)
        done = added = 0
        while done < len(new):
            end = len(new) if done + BATCH >= namable else done + BATCH
            added += await self._context.store.write(partial(self._add, batch=new[done:end], targets=targets))
            done = end
            if len(new) > BATCH:
                progress(done, len(new))
        if added:
            await self._context.store.write(partial(self._note, path=path, added=added))
        return added

    async def _add(self, unit: Unit, *, batch: Sequence[NewContact], targets: Sequence[Channel]) -> int:
        """Add those whom nobody has added since the file was compared; returns how many."""
        now = self._context.clock()
        emails = {fold(contact.email) for contact in batch} - {""}
        phones = {digits_of(contact.phone) for contact in batch} - {""}
        there = await unit.contacts.keys_among(emails, phones)
        batch = [item for item in batch if fold(item.email) not in there[0] and digits_of(item.phone) not in there[1]]
        free = {channel.id: await _free_addresses(unit, channel, batch) for channel in targets}
        histories = [History(contact, _addresses(contact, targets, free)) for contact in batch]
        await HistoryRepository.within(unit).add(unit, histories, {item.id: item for item in targets}, now)
        return len(histories)

    async def _note(self, unit: Unit, *, path: Path, added: int) -> None:
        detail = {"file": path.name, "added": added}
        await unit.activity.add("contacts imported", detail=detail, now=self._context.clock())


async def _compare(unit: Unit, file: ImportFile) -> _Known:
    emails, phones = await unit.contacts.known_keys()
    known = _Known(
        {email: f"contact id:{ident}" for email, ident in emails.items()},
        {phone: f"contact id:{ident}" for phone, ident in phones.items()},
    )
    for row, contact in file.contacts:
        known.take(row, contact)
    return known


async def _targets(unit: Unit, names: Sequence[str] | None) -> list[Channel]:
    present = await unit.directory.channels()
    if names is None:
        usable = [channel for channel in present if channel.kind in REACHABLE_KINDS]
        families = [_FAMILY[channel.kind] for channel in usable]
        return [channel for channel in usable if families.count(_FAMILY[channel.kind]) == 1]
    by_name = {channel.name: channel for channel in present}
    chosen = []
    for name in dict.fromkeys(names):
        channel = by_name.get(name)
        if channel is None:
            raise UsageError(f"There is no channel {name}. Known: {', '.join(by_name) or 'none'}.")
        if channel.kind not in REACHABLE_KINDS:
            raise UsageError(
                f"Contacts can't be added to {name}: a {channel.kind.value} address comes only from the customer."
            )
        chosen.append(channel)
    return chosen


async def _free_addresses(unit: Unit, channel: Channel, new: Sequence[NewContact]) -> set[str]:
    """Addresses of new contacts that nobody has on this channel yet."""
    wanted = {_address(channel, contact) for contact in new} - {""}
    return wanted - await unit.contacts.addresses(channel.id, wanted)


def _addresses(
    contact: NewContact, targets: Sequence[Channel], free: Mapping[int, set[str]]
) -> tuple[HistoryChannel, ...]:
    pairs = ((channel.id, _address(channel, contact)) for channel in targets)
    return tuple(HistoryChannel(ident, address, started=False) for ident, address in pairs if address in free[ident])


def _address(channel: Channel, contact: NewContact) -> str:
    return contact.email if channel.kind is ChannelKind.EMAIL else contact.phone


def _report(file: ImportFile, known: _Known, targets: Sequence[Channel], added: int, *, dry_run: bool) -> ImportReport:
    return ImportReport(
        added=added,
        duplicates=tuple(known.duplicates),
        bad=tuple(file.bad),
        dry_run=dry_run,
        channels=tuple(channel.name for channel in targets),
        ignored_columns=file.ignored,
        header=file.header,
        bad_cells=file.bad_cells,
    )
