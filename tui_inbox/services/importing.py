"""Importing contacts from a CSV file: who is new, who is known already, what can't be used.

A file is looked through whole before anything is written. A long one comes in by several commits, so that others can
go on writing; each notes how far it came, and after an interruption the same import goes on behind that row. What is
kept in memory does not grow with the file, but for a dry run, which must remember whom it would have added. Reading the
file is in :mod:`tui_inbox.services.import_file`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
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
from tui_inbox.services.import_file import ContactFile, FileRow, open_file

__all__ = ["ContactFile", "ImportReport", "ImportService", "RefusedRow"]

PHONE_KINDS = frozenset(
    {ChannelKind.SMS, ChannelKind.WHATSAPP, ChannelKind.WHATSAPP_TWILIO, ChannelKind.WHATSAPP_360DIALOG}
)
"""Kinds whose address of a customer is the phone number."""
REACHABLE_KINDS = PHONE_KINDS | {ChannelKind.EMAIL}
REMEMBERED = timedelta(days=30)
"""An import that was cut off longer ago begins anew."""
IMPORTED = "contacts imported"
_FAMILY = {kind: "whatsapp" if kind.value.startswith("whatsapp") else kind.value for kind in REACHABLE_KINDS}


@dataclass(frozen=True)
class RefusedRow:
    """A row that was not imported."""

    number: int
    """As a spreadsheet counts: the header is row 1."""
    reason: str
    cells: tuple[str, ...] = field(default=(), compare=False)
    """As they came."""
    known: bool = False
    """The contact is there already."""


@dataclass
class ImportReport:
    """What an import did, or (``dry_run``) would do."""

    added: int = 0
    """Contacts added."""
    known: int = 0
    """Rows skipped since the contact exists."""
    bad: int = 0
    """Rows that can't be used."""
    dry_run: bool = False
    channels: tuple[str, ...] = ()
    """Names of channels on which the added contacts can be reached from now on."""
    ignored_columns: tuple[str, ...] = ()
    """Headers that were not recognised."""
    came_before: int = 0
    """The last row that came in by an import of this file that was cut off; 0 = there was none."""


Told = Callable[[RefusedRow], object]


@dataclass
class _Seen:
    """Everybody of the file so far: by folded email and by digits of the phone, with the number of the row."""

    emails: dict[str, int] = field(default_factory=dict)
    phones: dict[str, int] = field(default_factory=dict)

    def add(self, row: int, email: str, phone: str) -> None:
        """Remember a row's contact."""
        if email:
            self.emails[email] = row
        if phone:
            self.phones[phone] = row


class ImportService:
    """Brings a list of contacts into the workspace."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def check(self, path: Path, *, mapping: Mapping[str, str] | None = None, region: str = "") -> ContactFile:
        """Look through a CSV file of contacts.

        ``mapping``: own header → field (``first_name``, ``last_name``, ``name``, ``email``, ``phone``, ``language``,
        ``country``, ``tags``, or ``custom:KEY``). ``region``: country (``US``, ``DE``…) of phone numbers written
        without ``+``. Raises :class:`UsageError` for a file that can't be read as such a list.
        """
        # Reading and phone parsing take a while for a long list and must not hold up the screen.
        return await asyncio.to_thread(open_file, path, mapping or {}, region)

    async def run(
        self,
        file: ContactFile,
        *,
        dry_run: bool = False,
        channels: Sequence[str] | None = None,
        refused: Told = lambda _row: None,
        progress: Callable[[int], object] = lambda _row: None,
    ) -> ImportReport:
        """Add the contacts of a file, some rows at a time.

        ``channels``: names of the channels to reach the new contacts on; ``None`` = WhatsApp, SMS and email where the
        workspace has exactly one of the kind; empty = none. ``refused`` is told every row that is not taken,
        ``progress`` the number of the last row that is done. Raises :class:`UsageError` for a channel that won't do,
        and ``StoreError`` when the database can't take more: what was told before stays, and the same import goes on.
        """
        before = await self.came_before(file)
        async with self._context.store.read() as unit:
            targets = await _targets(unit, channels)
        report = ImportReport(
            dry_run=dry_run,
            channels=tuple(channel.name for channel in targets),
            ignored_columns=file.ignored,
            came_before=before,
        )
        seen = _Seen()
        noted, steps = before, file.steps(max(1, before))
        while rows := await asyncio.to_thread(next, steps, None):
            if dry_run:
                async with self._context.store.read() as unit:
                    new, told = await _sorted(unit, rows, seen)
            else:
                new, told = await self._context.store.write(partial(self._add, file=file, rows=rows, targets=targets))
                noted = rows[-1].number if new else noted
            for row in told:
                refused(row)
            report.added += len(new)
            report.known += sum(row.known for row in told)
            report.bad += sum(not row.known for row in told)
            progress(rows[-1].number)
        if 0 < noted < file.rows and not dry_run:  # else the same file would go on behind that row for ever
            await self._context.store.write(partial(self._note, file=file, row=file.rows, added=0))
        return report

    async def came_before(self, file: ContactFile) -> int:
        """The last row that came in by an import of this file that was cut off; 0 where there was none."""
        since = self._context.clock() - REMEMBERED
        async with self._context.store.read() as unit:
            lines = await unit.activity.of_kind(IMPORTED, since)
        row = next((int(line.detail["row"]) for line in lines if line.detail.get("digest") == file.digest), 0)
        return row if row < file.rows else 0

    async def _add(
        self, unit: Unit, *, file: ContactFile, rows: Sequence[FileRow], targets: Sequence[Channel]
    ) -> tuple[list[NewContact], list[RefusedRow]]:
        """Add those who are new, and note how far that came."""
        new, told = await _sorted(unit, rows, _Seen())
        if new:
            free = {channel.id: await _free_addresses(unit, channel, new) for channel in targets}
            histories = [History(contact, _addresses(contact, targets, free)) for contact in new]
            by_id = {item.id: item for item in targets}
            await HistoryRepository.within(unit).add(unit, histories, by_id, self._context.clock())
            await self._note(unit, file=file, row=rows[-1].number, added=len(new))
        return new, told

    async def _note(self, unit: Unit, *, file: ContactFile, row: int, added: int) -> None:
        detail = {"file": file.path.name, "added": added, "row": row, "digest": file.digest}
        await unit.activity.add(IMPORTED, detail=detail, now=self._context.clock())


async def _sorted(unit: Unit, rows: Sequence[FileRow], seen: _Seen) -> tuple[list[NewContact], list[RefusedRow]]:
    """Who is new among the rows, and what is not taken; ``seen`` learns the new ones."""
    keys = {row.number: (fold(row.contact.email), digits_of(row.contact.phone)) for row in rows if row.contact}
    emails, phones = await unit.contacts.known_among(
        {email for email, _ in keys.values() if email}, {phone for _, phone in keys.values() if phone}
    )
    new: list[NewContact] = []
    told: list[RefusedRow] = []
    for row in rows:
        if row.contact is None:
            if row.reason:
                told.append(RefusedRow(row.number, row.reason, row.cells))
            continue
        email, phone = keys[row.number]
        who, has = _whose(email, emails, seen.emails), f"email {row.contact.email}"
        if not who:
            who, has = _whose(phone, phones, seen.phones), f"phone {row.contact.phone}"
        if who:
            told.append(RefusedRow(row.number, f"{who} has the {has}", row.cells, known=True))
            continue
        seen.add(row.number, email, phone)
        new.append(row.contact)
    return new, told


def _whose(key: str, known: Mapping[str, int], seen: Mapping[str, int]) -> str:
    """Who has this email or phone already; empty for nobody."""
    if key in known:
        return f"contact id:{known[key]}"
    return f"row {seen[key]}" if key in seen else ""


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
