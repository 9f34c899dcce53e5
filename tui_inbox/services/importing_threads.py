"""Importing contacts with their conversations from JSON lines, as an export writes them, in steps of one commit each.

A contact whose email, phone number or address is known already is passed over, so that the same file may be given
again: after an interruption the import goes on by itself, and nothing is there twice. What cannot be used is told with
its line, and what is still unsent in the file is never sent: it comes as taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.ids import new_id
from tui_inbox.domain.kinds import ConversationStatus, DeliveryState, Direction, Receipt
from tui_inbox.domain.models import Channel
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.history import History, HistoryChannel, HistoryDelivery, HistoryEntry, HistoryRepository
from tui_inbox.repository.unit import Unit
from tui_inbox.services.context import Context

STEP = 200
"""Lines in one commit."""
LONGEST_LINE = 64 << 20
"""Bytes of one line."""
LONGEST_BODY = 200_000
SETTLED = {DeliveryState.SENT.value: DeliveryState.SENT, DeliveryState.FAILED.value: DeliveryState.FAILED}
"""States that are kept; anything else was not through yet and must not go out now."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _text(value: object) -> object:
    return "" if value is None else value


Text = Annotated[str, BeforeValidator(_text)]


class _Contact(_Record):
    first_name: Text = Field(default="", max_length=2000)
    last_name: Text = Field(default="", max_length=2000)
    email: Text = Field(default="", max_length=2000)
    phone: Text = Field(default="", max_length=2000)
    language: Text = Field(default="", max_length=2000)
    country: Text = Field(default="", max_length=2000)
    tags: tuple[str, ...] = ()
    custom: Mapping[str, str] = {}
    blocked: bool = False


class _Address(_Record):
    channel: str
    address: str = Field(min_length=1, max_length=2000)
    started: bool = True
    opted_out: bool = False


class _Entry(_Record):
    at: AwareDatetime
    direction: Literal["inbound", "outbound", "note"] | None = None
    event: Text = ""
    author: Text = ""
    channel: Text = ""
    body: Text = Field(default="", max_length=LONGEST_BODY)
    tag: Text = ""
    state: Text = ""
    receipt: Text = ""
    error: Text = ""
    detail: Mapping[str, Any] | None = None


class _Line(_Record):
    contact: _Contact
    status: ConversationStatus = ConversationStatus.NONE
    assignee: Text = ""
    team: Text = ""
    snoozed_until: AwareDatetime | None = None
    last_activity_at: AwareDatetime | None = None
    addresses: tuple[_Address, ...] = ()
    timeline: tuple[_Entry, ...] = ()


@dataclass(frozen=True)
class RefusedLine:
    """A line that was not imported."""

    number: int
    reason: str
    raw: bytes = field(repr=False)
    known: bool = False
    """It is there already."""

    @property
    def text(self) -> str:
        """As it came."""
        return self.raw.decode("utf-8", "backslashreplace").rstrip("\r\n")


@dataclass
class ThreadsReport:
    """What an import of conversations did, or would do."""

    added: int = 0
    messages: int = 0
    known: int = 0
    bad: int = 0


class _RefusedError(Exception):
    """This line can't be used; ``str()`` says why."""

    def __init__(self, told: str, *, known: bool = False) -> None:
        super().__init__(told)
        self.known = known


@dataclass(frozen=True)
class _Place:
    """What the names in a file mean in this workspace."""

    channels: Mapping[str, Channel]
    agents: Mapping[str, int]
    teams: Mapping[str, int]

    @classmethod
    async def of(cls, unit: Unit) -> _Place:
        return cls(
            {item.name: item for item in await unit.directory.channels()},
            {item.handle: item.id for item in await unit.directory.agents()},
            {item.name: item.id for item in await unit.directory.teams()},
        )


Told = Callable[[RefusedLine], object]
Progress = Callable[[int], object]


class ThreadImportService:
    """Brings conversations in."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def run(self, path: Path, *, refused: Told, progress: Progress, dry_run: bool = False) -> ThreadsReport:
        """Import ``path``. ``refused`` is told every line that is not taken, ``progress`` how many bytes were read.

        Raises :class:`UsageError` for a file that can't be read, ``StoreError`` when the database can't take it: what
        was told before stays, and the same command goes on.
        """
        report = ThreadsReport()
        for lines in _steps(path):
            added, told = await self._step(lines, dry_run=dry_run)
            for line in told:
                refused(line)
            report.added += len(added)
            report.messages += sum(entry.direction is not None for history in added for entry in history.entries)
            report.known += sum(line.known for line in told)
            report.bad += sum(not line.known for line in told)
            progress(sum(len(raw) for _, raw in lines))
        return report

    async def _step(self, lines: list[tuple[int, bytes]], *, dry_run: bool) -> tuple[list[History], list[RefusedLine]]:
        if dry_run:
            async with self._context.store.read() as unit:
                return await _sorted(unit, lines, await _Place.of(unit))
        now = self._context.clock()

        async def work(unit: Unit) -> tuple[list[History], list[RefusedLine]]:
            place = await _Place.of(unit)
            new, told = await _sorted(unit, lines, place)
            by_id = {channel.id: channel for channel in place.channels.values()}
            await HistoryRepository.within(unit).add(unit, new, by_id, now)
            return new, told

        return await self._context.store.write(work)


def _steps(path: Path) -> Iterator[list[tuple[int, bytes]]]:
    """Lines with their numbers, some at a time; empty ones are left out."""
    try:
        with path.open("rb") as file:
            step: list[tuple[int, bytes]] = []
            number = 0
            while raw := file.readline(LONGEST_LINE):
                number += 1
                if raw.strip():
                    step.append((number, raw))
                if len(step) == STEP:
                    yield step
                    step = []
            if step:
                yield step
    except OSError as error:
        raise UsageError(f"{path} can't be read: {(error.strerror or 'unknown error').lower()}.") from error


async def _sorted(unit: Unit, lines: list[tuple[int, bytes]], place: _Place) -> tuple[list[History], list[RefusedLine]]:
    """What is new among the lines, and what is not taken."""
    new: list[History] = []
    told: list[RefusedLine] = []
    seen: set[tuple[str, str]] = set()
    for number, raw in lines:
        try:
            line = _read(raw)
            history = _history(line, place)
            keys = _keys(line)
            if keys & seen or await _is_known(unit, line, place):
                raise _RefusedError("this contact is there already", known=True)
        except _RefusedError as error:
            told.append(RefusedLine(number, str(error), raw, error.known))
        else:
            seen |= keys
            new.append(history)
    return new, told


def _keys(line: _Line) -> set[tuple[str, str]]:
    keys = {("email", line.contact.email.casefold()), ("phone", line.contact.phone)}
    keys |= {(item.channel, item.address) for item in line.addresses}
    return {key for key in keys if key[1]}


async def _is_known(unit: Unit, line: _Line, place: _Place) -> bool:
    person = line.contact
    if await unit.contacts.find(email=person.email) or await unit.contacts.find(phone=person.phone):
        return True
    for item in line.addresses:
        if await unit.contacts.by_address(place.channels[item.channel].id, item.address) is not None:
            return True
    return False


def _read(raw: bytes) -> _Line:
    try:
        return _Line.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _RefusedError(f"{where or 'the line'}: {first['msg'][:200]}") from error


def _history(line: _Line, place: _Place) -> History:
    person = line.contact
    if not (person.first_name or person.last_name or person.email or person.phone or line.addresses):
        raise _RefusedError("it has no name, no email, no phone and no address")
    new = NewContact(**person.model_dump(exclude={"blocked"}))
    entries = tuple(_entry(entry, place) for entry in sorted(line.timeline, key=lambda entry: entry.at))
    return History(
        contact=new,
        channels=tuple(
            HistoryChannel(_channel(item.channel, place), item.address, item.started, item.opted_out)
            for item in line.addresses
        ),
        entries=entries,
        status=_status(line, entries),
        assignee_id=place.agents.get(line.assignee),
        team_id=place.teams.get(line.team),
        snoozed_until=line.snoozed_until if line.status is ConversationStatus.SNOOZED else None,
        blocked=person.blocked,
        since=line.last_activity_at if not entries else None,
    )


def _status(line: _Line, entries: tuple[HistoryEntry, ...]) -> ConversationStatus:
    if line.status is ConversationStatus.SNOOZED and line.snoozed_until is None:
        raise _RefusedError("it is snoozed, but snoozed_until is missing")
    if line.status is not ConversationStatus.NONE and not entries:
        raise _RefusedError(f"it is {line.status.value}, but has no timeline")
    return line.status


def _channel(name: str, place: _Place) -> int:
    channel = place.channels.get(name)
    if channel is None:
        raise _RefusedError(f"there is no channel '{name[:60]}'; add it first: tui-inbox channel add")
    return channel.id


def _entry(entry: _Entry, place: _Place) -> HistoryEntry:
    if entry.direction is None and not entry.event:
        raise _RefusedError("an entry of the timeline has neither direction nor event")
    message = entry.direction in {"inbound", "outbound"}
    if message and not entry.channel:
        raise _RefusedError("a message in the timeline has no channel")
    return HistoryEntry(
        at=entry.at,
        direction=Direction(entry.direction) if entry.direction is not None else None,
        body=entry.body,
        event=entry.event,
        author_id=place.agents.get(entry.author),
        channel_id=_channel(entry.channel, place) if message else None,
        delivery=_delivery(entry) if entry.direction == "outbound" else None,
        detail=dict(entry.detail or {}),
    )


def _delivery(entry: _Entry) -> HistoryDelivery:
    state = SETTLED.get(entry.state or DeliveryState.SENT.value, DeliveryState.CANCELLED)
    receipt = Receipt.__members__.get(entry.receipt.upper(), Receipt.NONE)
    ident = new_id(_at(entry.at))
    return HistoryDelivery(ident, state, receipt, error_text=entry.error, tag=entry.tag)


def _at(at: datetime) -> datetime:
    """Identifiers hold the time; before 1970 they cannot."""
    return max(at, datetime.fromtimestamp(0, at.tzinfo))
