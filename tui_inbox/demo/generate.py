"""Makes the demo's data: the hand-written customers first, then as many invented ones as wanted.

The same seed, number and instant give the same data. Windows stand in every stage: closing within minutes, open for
hours, in the days of tagged messages, closed for good.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tui_inbox.demo.model import DemoAddress, DemoAgent, DemoChannel, DemoContact, DemoData, DemoLine, DemoTeam
from tui_inbox.demo.people import Person, invent
from tui_inbox.demo.story import story
from tui_inbox.demo.templates import TEMPLATES
from tui_inbox.demo.threads import CITIES, PRODUCTS, Script, opener_for, script_for
from tui_inbox.domain.kinds import ConversationStatus as Status
from tui_inbox.domain.kinds import DeliveryState, Direction, ErrorClass, Receipt, Role

AGENT = "ana"
"""Who sits in front of the demo."""
AGENTS = (
    DemoAgent("ana", "Ana Lopes"),
    DemoAgent("bo", "Bo Lindgren"),
    DemoAgent("chen", "Chen Yu", away=True),
    DemoAgent("dora", "Dora Weiss", Role.LEAD),
)
TEAMS = (
    DemoTeam("orders", ("ana", "chen", "dora")),
    DemoTeam("refunds", ("ana", "bo"), "unassign_when_away"),
)
MIX = {
    "whatsapp": 26, "telegram": 17, "instagram": 14, "messenger": 9, "email": 10, "sms": 6, "webchat": 5, "line": 4,
    "viber": 3, "wechat": 3, "tiktok": 2, "x": 1,
}  # fmt: skip
"""How often each channel is the one that a customer writes on."""
AT_HOME = {"zh": "wechat", "ja": "line"}
"""Channels that most customers of a language use."""
PROVIDERS = {3: "whatsapp-twilio", 7: "whatsapp-360dialog"}
"""WhatsApp numbers besides the first, by the last digit of a customer's number."""
STATUSES = {Status.CLOSED: 56, Status.OPEN: 30, Status.SNOOZED: 7, Status.NONE: 7}
ASSIGNEES = {"ana": 30, "bo": 22, "chen": 16, "dora": 7, "": 25}
AGES = (
    ((0.02, 0.9), 8), ((0.9, 20), 24), ((20, 23.95), 10), ((24.1, 47), 16), ((48, 160), 18), ((170, 24 * 30), 14),
    ((24 * 30, 24 * 200), 10),
)  # fmt: skip
"""Hours since the newest message: a span and how often it is met."""


def generate(*, contacts: int, seed: int, now: datetime, channels: tuple[DemoChannel, ...]) -> DemoData:
    """The whole workspace with this many customers (at least one), seen at ``now``."""
    return DemoData(AGENTS, TEAMS, channels, TEMPLATES, DemoContacts(contacts, seed, now))


@dataclass(frozen=True)
class DemoContacts(Collection[DemoContact]):
    """So many customers, made while one goes through them."""

    number: int
    seed: int
    now: datetime

    def __len__(self) -> int:
        """How many."""
        return self.number

    def __iter__(self) -> Iterator[DemoContact]:
        """The hand-written ones, then the invented ones."""
        rng = random.Random(self.seed)
        written = story(self.now)[: self.number]
        yield from written
        taken = {contact.phone for contact in written}
        for number in range(len(written) + 1, self.number + 1):
            yield _invented(rng, number, self.now, taken)

    def __contains__(self, contact: object) -> bool:
        """Whether this is one of them."""
        return any(contact == one for one in self)


def _pick(rng: random.Random, weights: dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


def _invented(rng: random.Random, number: int, now: datetime, taken: set[str]) -> DemoContact:
    person = invent(rng, number)
    if person.phone in taken:
        person = replace(person, phone="")
    taken.add(person.phone)
    main = AT_HOME[person.language] if person.language in AT_HOME and rng.random() < 0.6 else _pick(rng, MIX)
    if main == "whatsapp":
        main = PROVIDERS.get(number % 10, main)
    addresses = _addresses(rng, person, main, number)
    contact = DemoContact(
        person.first_name,
        person.last_name,
        person.email,
        person.phone,
        person.language,
        person.country,
        addresses=addresses,
        custom={"plan": rng.choice(("Basic", "Plus", "Gold"))} if rng.random() < 0.3 else {},
    )
    status = rng.choices(list(STATUSES), list(STATUSES.values()))[0]
    if status is Status.NONE:
        silent = tuple(replace(address, started=False) for address in addresses)
        since = _before(now, rng.uniform(86_400, 200 * 86_400))
        tags = ("newsletter",) if rng.random() < 0.4 else ()
        return replace(contact, addresses=silent, tags=tags, since=since)
    return _Matter(rng, contact, main, now).with_status(status)


def _before(at: datetime, seconds: float) -> datetime:
    """So many whole seconds before ``at``: channels date their events in seconds."""
    return at.replace(microsecond=0) - timedelta(seconds=int(seconds))


def _addresses(rng: random.Random, person: Person, main: str, number: int) -> tuple[DemoAddress, ...]:
    others = [name for name in ("email", "sms") if name != main and rng.random() < 0.35]
    if rng.random() < 0.2:
        others.append("telegram" if main.startswith("whatsapp") else "whatsapp")
    if rng.random() < 0.02:
        others.append("google-business")
    found = []
    for name in dict.fromkeys((main, *others)):
        address = _address(rng, person, name, number)
        if address:
            opted_out = name != main and rng.random() < 0.04
            found.append(DemoAddress(name, address, started=True, opted_out=opted_out))
    return tuple(found)


def _address(rng: random.Random, person: Person, channel: str, number: int) -> str:
    """The address of a customer on a channel, in the shape that the channel uses; empty when there is none."""
    match channel:
        case "whatsapp" | "whatsapp-twilio" | "whatsapp-360dialog":
            # Of an area that no invented number has: among a million of them one would be the same.
            return person.phone or f"+1556{number:07d}"
        case "sms":
            return person.phone
        case "email":
            return person.email
        case "telegram":
            return str(700_200_000 + number)
        case "instagram" | "messenger":
            return f"{rng.randrange(10**14, 10**15)}{number:06d}"
        case "x":
            return f"{rng.randrange(10**14, 10**15)}{number:06d}"[-19:]
        case "viber":
            return f"{rng.getrandbits(64):016x}{number:x}="
        case "line":
            return f"U{rng.getrandbits(96):024x}{number:08x}"
        case _:
            return f"{channel[0].upper()}{rng.getrandbits(96):024x}{number:x}"


class _Matter:
    """Strings scripts together into one customer's thread."""

    def __init__(self, rng: random.Random, contact: DemoContact, channel: str, now: datetime) -> None:
        reachable = {address.channel for address in contact.addresses}
        self.rng, self.contact, self.now = rng, contact, now
        self.channel = channel if channel in reachable else next(iter(sorted(reachable)), "webchat")
        self.assignee = _pick(rng, ASSIGNEES)
        self.author = self.assignee or rng.choice(("ana", "bo", "dora"))
        self.words = {
            "first": contact.first_name,
            "order": f"A-{rng.randrange(1000, 9999)}",
            "product": rng.choice(PRODUCTS),
            "city": rng.choice(CITIES),
            "amount": f"{rng.randrange(12, 240)}.{rng.choice(('00', '50', '90', '95'))} €",
        }
        self.lines: list[DemoLine] = []

    def with_status(self, status: Status) -> DemoContact:
        span = self.rng.choices([span for span, _ in AGES], [weight for _, weight in AGES])[0]
        if status is Status.OPEN and span[0] > 170:
            span = (1.0, 40.0)
        last = _before(self.now, self.rng.uniform(*span) * 3600)
        waiting = status is Status.OPEN and self.rng.random() < 0.55
        script = script_for(self.contact.language, self.rng.random())
        end = _before(last, self.rng.uniform(180, 12_000)) if waiting else last
        self._play(script, end)
        snoozed_until = None
        if waiting:
            self._inbound(last, opener_for(self.contact.language, self.rng.random()))
        elif status is Status.SNOOZED:
            snoozed_until = _before(self.now, -self.rng.uniform(1800, 350_000))
            detail = {"from": "open", "until": snoozed_until.isoformat()}
            self.lines.append(DemoLine(last, None, author=self.author, event="snoozed", detail=detail))
        elif status is Status.CLOSED:
            self._close(script, last)
        elif status is Status.OPEN:
            self._mishap()
        contact = replace(
            self.contact,
            lines=tuple(sorted(self.lines, key=lambda line: line.at)),
            status=status,
            assignee="" if status is Status.CLOSED and self.rng.random() < 0.1 else self.assignee,
            team=self.rng.choice(("orders", "refunds", "", "")),
            snoozed_until=snoozed_until,
            tags=self._tags(script),
        )
        return self._known_on(contact)

    def _play(self, script: Script, end: datetime) -> None:
        """The script's lines with believable pauses, the last one at ``end``."""
        texts = script.lines
        pauses = [self.rng.randrange(30, 840) for _ in texts]
        if self.rng.random() < 0.15:
            pauses[-1] += self.rng.randrange(3600, 36_000)
        at = _before(end, sum(pauses[1:]))
        self.lines.append(self._said(texts[0], at))
        self.lines.append(DemoLine(at, None, event="opened", detail={"by": "customer", "from": "none"}))
        if self.assignee:
            detail = {"from": "", "to": self.assignee}
            self.lines.append(
                DemoLine(at + timedelta(seconds=20), None, author="dora", event="assigned", detail=detail)
            )
        for text, pause in zip(texts[1:], pauses[1:], strict=True):
            at += timedelta(seconds=pause)
            self.lines.append(self._said(text, at))

    def _said(self, text: str, at: datetime) -> DemoLine:
        body = text[1:].format_map(self.words)
        match text[0]:
            case "<":
                return DemoLine(at, Direction.INBOUND, body, self.channel)
            case ">":
                receipt = self.rng.choices((Receipt.READ, Receipt.DELIVERED, Receipt.SENT), (7, 2, 1))[0]
                return DemoLine(at, Direction.OUTBOUND, body, self.channel, self.author, receipt=receipt)
            case _:
                return DemoLine(at, Direction.NOTE, body, author=self.author)

    def _inbound(self, at: datetime, text: str) -> None:
        self.lines.append(DemoLine(at, Direction.INBOUND, text.format_map(self.words), self.channel))

    def _close(self, script: Script, last: datetime) -> None:
        at = min(_before(last, -self.rng.uniform(60, 5400)), self.now)
        detail = {"from": "open", "category": script.category, "summary": script.summary.format_map(self.words)}
        self.lines.append(DemoLine(at, None, author=self.author, event="closed", detail=detail))

    def _mishap(self) -> None:
        """Some answers did not arrive."""
        last = self.lines[-1]
        if last.direction is not Direction.OUTBOUND or self.rng.random() > 0.12:
            return
        error, text = self.rng.choice(
            (
                (ErrorClass.UNREACHABLE, "The customer cannot be reached on this channel."),
                (ErrorClass.INVALID, "The channel refused the message as malformed."),
                (ErrorClass.RATE_LIMITED, "The channel asked to slow down for too long."),
            )
        )
        self.lines[-1] = replace(
            last, state=DeliveryState.FAILED, receipt=Receipt.NONE, error_class=error, error_text=text
        )

    def _tags(self, script: Script) -> tuple[str, ...]:
        tags = [script.tag]
        if script.tag != "vip" and self.rng.random() < 0.06:
            tags.append("vip")
        if self.rng.random() < 0.05:
            tags.append("urgent")
        return tuple(tags)

    def _known_on(self, contact: DemoContact) -> DemoContact:
        """Other addresses are on file, but the customer has never written there."""
        addresses = tuple(
            replace(address, started=address.channel == self.channel or address.channel in {"sms", "email"})
            for address in contact.addresses
        )
        if self.channel not in {address.channel for address in addresses}:
            addresses = (DemoAddress(self.channel, f"visitor-{self.rng.getrandbits(64):x}"), *addresses)
        return replace(contact, addresses=addresses)
