"""The search words and filters of a query as SQL conditions.

Answers exactly as :func:`tui_inbox.domain.search.matched_fields`. These conditions look at every row that the
list offers; an index (:mod:`tui_inbox.repository.search_index`) takes the place of :func:`words_demanded` for most.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, exists, false, not_, or_, select, true

from tui_inbox.domain.delivery import NEEDS_PERSON
from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.kinds import ConversationStatus, WindowFilter
from tui_inbox.domain.models import Agent, Channel
from tui_inbox.domain.search import SearchQuery, Term, fold
from tui_inbox.repository.columns import in_states
from tui_inbox.repository.demands import Demands, named
from tui_inbox.repository.search_tables import conversation_counts
from tui_inbox.repository.tables import (
    contact_channels,
    contact_fields,
    contact_tags,
    contacts,
    conversations,
    outbox,
)
from tui_inbox.repository.types import Identifier, storable

CLOSING = timedelta(hours=4)
"""A window that closes sooner than this counts as closing."""
NOBODY = "none"
"""As an assignee: nobody has it."""
ANY = "any"
"""As a status: no filter."""


@dataclass(frozen=True)
class Names:
    """What the names in filters stand for."""

    agents: Sequence[Agent] = ()
    channels: Sequence[Channel] = ()


def needs_agents(f: InboxFilter) -> bool:
    """Whether the filter names agents, which must be read first."""
    return bool(f.assignees or any(name == "assignee" for name, _ in f.query.filters))


def needs_channels(f: InboxFilter) -> bool:
    """Whether the filter names channels, which must be read first."""
    return bool(f.channels or any(name == "channel" for name, _ in f.query.filters))


def is_plain(f: InboxFilter) -> bool:
    """Whether nothing but an inbox is asked for, and perhaps a status."""
    return f.query.empty and not (f.channels or f.window or f.tags or f.assignees or f.needs_person)


@lru_cache(maxsize=64)
def storable_query(query: SearchQuery) -> SearchQuery:
    """The query as stored text can be compared with it."""
    return SearchQuery(
        tuple(replace(term, text=storable(term.text)) for term in query.terms),
        tuple((name, storable(value)) for name, value in query.filters),
        tuple(map(storable, query.texts)),
    )


def indexed_terms(query: SearchQuery) -> tuple[Term, ...]:
    """Words that a search index can find, as stored text can be compared with them; none where one must be an id."""
    terms = storable_query(query).terms
    return () if any(term.field == "id" for term in terms) else terms


def words_demanded(terms: Iterable[Term]) -> Demands:
    """Every word hits the contact somewhere."""
    demanded = Demands()
    for number, term in enumerate(terms):
        values = {f"word{number}": term.text, f"part{number}": _part(term.text), f"digits{number}": _part(term.digits)}
        ident = int(term.text) if term.field == "id" and _is_id(term.text) else -1
        demanded += Demands((_term(term.field, bool(term.digits), number),), {**values, f"id{number}": ident})
    return demanded


def whole_emails(query: SearchQuery) -> tuple[str, ...]:
    """Words that can be a whole email; contacts that have one of them come first."""
    return tuple(term.text for term in query.terms if term.field in {"", "email"} and "@" in term.text)


def tags_asked(f: InboxFilter) -> list[tuple[str, ...]]:
    """Folded tags, one of each group of which a contact must have."""
    groups = [tuple(fold(storable(tag)) for tag in f.tags)]
    groups += [tuple(values) for name, values in _grouped(storable_query(f.query)) if name == "tag"]
    return [group for group in groups if group]


def conditions(f: InboxFilter, names: Names, now: datetime) -> Demands:
    """What a filter demands of a conversation and its contact beside inbox, status and words."""
    columns = conversations.c
    found: list[ColumnElement[bool]] = []
    if f.window is not None:
        found.append(_window(f.window, now))
    if f.channels:
        found.append(_has_channel(tuple(item.id for item in names.channels if item.kind in f.channels)))
    if f.tags:
        found.append(_has_tag(tuple(fold(storable(tag)) for tag in f.tags)))
    if f.assignees:
        found.append(_assignee([fold(handle) for handle in f.assignees], names.agents))
    if f.needs_person:
        found.append(columns.contact_id.in_(_needing_person()))
    query = storable_query(f.query)
    found += [_query_filter(name, values, names, now) for name, values in _grouped(query)]
    return Demands(tuple(found))


# Made once for the same values, as some below, so that what is made of a condition can be kept with it.


@lru_cache(maxsize=256)
def inbox_conditions(inbox: InboxKind, agent_id: int | None, team_id: int | None) -> tuple[ColumnElement[bool], ...]:
    """That a conversation is in an inbox, of this agent or team where it is theirs."""
    columns = conversations.c
    match inbox:
        case InboxKind.MINE:
            return (columns.assignee_id == agent_id if agent_id is not None else false(),)
        case InboxKind.UNASSIGNED:
            return (columns.assignee_id.is_(None),)
        case InboxKind.TEAM:
            return (columns.team_id == team_id if team_id is not None else false(),)
        case InboxKind.ALL:
            return ()


@lru_cache
def status_conditions(status: ConversationStatus | None) -> tuple[ColumnElement[bool], ...]:
    """That a conversation has a status."""
    return () if status is None else (conversations.c.status == status,)


def counted_in(f: InboxFilter) -> ColumnElement[bool]:
    """The same of the numbers that are kept of every inbox, where nobody and no team are 0."""
    counts = conversation_counts.c
    match f.inbox:
        case InboxKind.MINE:
            return counts.assignee_id == (f.agent_id or -1)
        case InboxKind.UNASSIGNED:
            return counts.assignee_id == 0
        case InboxKind.TEAM:
            return counts.team_id == (f.team_id or -1)
        case InboxKind.ALL:
            return true()


@lru_cache(maxsize=256)
def _term(wanted: str, has_digits: bool, number: int) -> ColumnElement[bool]:
    """That the word of this number is found; ``wanted``: in which field, empty for any."""
    of_contact, hits = contacts.c, []
    if wanted in {"", "name"}:
        hits.append(_like(of_contact.name_folded, f"part{number}"))
    if wanted in {"", "phone"} and has_digits:
        hits.append(_like(of_contact.phone_digits, f"digits{number}"))
    if wanted in {"", "email"}:
        hits.append(and_(of_contact.email_folded != "", _like(of_contact.email_folded, f"part{number}")))
    if wanted == "id":
        hits.append(of_contact.id == named(f"id{number}", Identifier))
    if not wanted:
        fields = contact_fields.c
        same = and_(fields.contact_id == of_contact.id, fields.value_folded == named(f"word{number}", Text()))
        # Most have no fields, and looking into another table for each of them would take longer than all the rest.
        hits.append(and_(of_contact.custom != {}, exists().where(same)))
    return or_(false(), *hits)


def _like(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    return column.like(named(name, Text()), escape="/")


def _part(words: str) -> str:
    """The pattern for a text that has ``words`` in it."""
    escaped = words.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return f"%{escaped}%"


def _is_id(words: str) -> bool:
    """A number as the database writes it: no sign, no leading zero, and small enough for its key."""
    return words.isascii() and words.isdecimal() and str(int(words[:20])) == words and int(words) < 1 << 63


def _grouped(query: SearchQuery) -> list[tuple[str, list[str]]]:
    """Filters by name: the same name twice means either."""
    found: dict[str, list[str]] = {}
    for name, value in query.filters:
        found.setdefault(name, []).append(value)
    return list(found.items())


def _query_filter(name: str, values: list[str], names: Names, now: datetime) -> ColumnElement[bool]:
    match name:
        case "tag":
            return _has_tag(tuple(values))
        case "assignee":
            return _assignee(values, names.agents)
        case "channel":
            known_by = (item for item in names.channels if fold(item.name) in values or item.kind.value in values)
            return _has_channel(tuple(item.id for item in known_by))
        case "country":
            return contacts.c.country_folded.in_(values)
        case "language":
            # "pt" also means "pt-BR".
            longer = [contacts.c.language_folded.startswith(f"{value}-", autoescape=True) for value in values]
            return or_(contacts.c.language_folded.in_(values), *longer)
        case "status":
            known = {item.value for item in ConversationStatus}
            return true() if ANY in values else conversations.c.status.in_([v for v in values if v in known])
        case "window":
            known = {item.value for item in WindowFilter}
            return or_(false(), *(_window(WindowFilter(value), now) for value in values if value in known))
        case _:
            return false()


@lru_cache(maxsize=256)
def _has_tag(folded: tuple[str, ...]) -> ColumnElement[bool]:
    of_contact = contact_tags.c.contact_id == conversations.c.contact_id
    return exists().where(of_contact, contact_tags.c.tag_folded.in_(folded))


@lru_cache(maxsize=256)
def _has_channel(channel_ids: tuple[int, ...]) -> ColumnElement[bool]:
    of_contact = contact_channels.c.contact_id == conversations.c.contact_id
    return exists().where(of_contact, contact_channels.c.channel_id.in_(channel_ids))


def _assignee(folded: Collection[str], agents: Iterable[Agent]) -> ColumnElement[bool]:
    column = conversations.c.assignee_id
    ids = [agent.id for agent in agents if fold(agent.handle) in folded]
    if NOBODY in folded:
        return or_(column.in_(ids), column.is_(None)) if ids else column.is_(None)
    return column.in_(ids) if len(ids) != 1 else column == ids[0]


def _needing_person() -> Any:
    return select(outbox.c.contact_id).where(in_states(outbox.c.state, NEEDS_PERSON))


def _window(wanted: WindowFilter, now: datetime) -> ColumnElement[bool]:
    columns = conversations.c
    match wanted:
        case WindowFilter.OPEN:
            return columns.window_ends_at > now
        case WindowFilter.CLOSING:
            return and_(columns.window_ends_at > now, columns.window_ends_at <= now + CLOSING)
        case WindowFilter.CLOSED:
            return and_(columns.has_window, or_(columns.window_ends_at.is_(None), columns.window_ends_at <= now))
        case WindowFilter.NONE:
            return not_(columns.has_window)
