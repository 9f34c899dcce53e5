"""Conditions on the entries of a search index (``search_entries e``) as text, the same for every engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.search import Term
from tui_inbox.repository.clauses import Clauses


def on_entry(terms: Sequence[Term], find: str) -> Clauses:
    """The words are in the entry, as :func:`tui_inbox.domain.search.matched_fields` says.

    ``find``: the engine's function that tells where in a text another one begins, 0 = nowhere.
    """
    values: dict[str, Any] = {}
    found = []
    for number, term in enumerate(terms):
        word, digits, whole = f"word{number}", f"digits{number}", f"whole{number}"
        hits = [f"{find}(e.{name}, :{word}) > 0" for name in ("name", "email") if term.field in {"", name}]
        if hits:
            values[word] = term.text
        if term.field in {"", "phone"} and term.digits:
            values[digits] = term.digits
            hits.append(f"{find}(e.phone, :{digits}) > 0")
        if not term.field:
            values[whole] = f"\n{term.text}\n"
            hits.append(f"{find}(e.custom, :{whole}) > 0")
        found.append(f"({' OR '.join(hits) or '1 = 0'})")
    return Clauses(" AND ".join(found), values)


def on_owner(f: InboxFilter) -> Clauses:
    """That an entry is in the filter's inbox, or a number of those that are kept of every inbox."""
    match f.inbox:
        case InboxKind.MINE:
            return Clauses("e.assignee_id = :owner", {"owner": -1 if f.agent_id is None else f.agent_id})
        case InboxKind.UNASSIGNED:
            return Clauses("e.assignee_id = 0", {})
        case InboxKind.TEAM:
            return Clauses("e.team_id = :owner", {"owner": -1 if f.team_id is None else f.team_id})
        case InboxKind.ALL:
            return Clauses("", {})
