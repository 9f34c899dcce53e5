"""Walking over the whole workspace in steps, so that memory does not grow with it: contacts, or all that was said.

What changes while it is being read may be in its old or its new form; nothing that was there all the time is missing.
The records of conversations are what :mod:`tui_inbox.services.importing_threads` reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from tui_inbox.domain.models import Agent, Contact, ContactChannel, Conversation, Team, TimelineEntry
from tui_inbox.services.context import Context
from tui_inbox.services.import_file import FORMULA, QUOTE

STEP = 200
"""Contacts read at a time."""
COLUMNS = ("first_name", "last_name", "email", "phone", "language", "country", "tags", "custom")
"""Of a CSV file of contacts, as an import knows them."""


class ExportService:
    """Reads everything, in the order in which contacts were added."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def contacts(self) -> AsyncIterator[Contact]:
        """Every contact."""
        last = 0
        while True:
            async with self._context.store.read() as unit:
                found = await unit.contacts.after(last, STEP)
            if not found:
                return
            for contact in found:
                yield contact
            last = found[-1].id

    async def conversations(self) -> AsyncIterator[dict[str, Any]]:
        """Every contact with its addresses and its thread, as one record each."""
        last = 0
        while True:
            async with self._context.store.read() as unit:
                found = await unit.contacts.after(last, STEP)
                ids = [contact.id for contact in found]
                if not ids:
                    return
                conversations = await unit.conversations.of_all(ids)
                addresses = await unit.contacts.channels_of_all(ids)
                threads = await unit.timeline.of_all(ids)
                agents = {agent.id: agent for agent in await unit.directory.agents()}
                teams = {team.id: team for team in await unit.directory.teams()}
            for contact in found:
                shown = conversations[contact.id]
                yield {
                    "contact": person_record(contact),
                    **_standing(shown, agents, teams),
                    "addresses": _addresses(addresses.get(contact.id, ())),
                    "timeline": [_entry(entry) for entry in threads.get(contact.id, ())],
                }
            last = found[-1].id


def csv_cells(contact: Contact) -> list[str]:
    """A contact as cells under :data:`COLUMNS`, none of which a spreadsheet runs.

    A phone number begins with ``+`` and is left as it is: it holds digits alone, and every tool knows it so.
    """
    custom = json.dumps(dict(contact.custom), ensure_ascii=False) if contact.custom else ""
    phone = contact.phone if re.fullmatch(r"\+[0-9]+", contact.phone) else harmless(contact.phone)
    names = [harmless(cell) for cell in (contact.first_name, contact.last_name, contact.email)]
    rest = [harmless(cell) for cell in (contact.language, contact.country, ";".join(contact.tags))]
    return [*names, phone, *rest, custom]


def harmless(cell: str) -> str:
    """``cell`` so that no spreadsheet takes it for a formula."""
    return f"{QUOTE}{cell}" if cell.startswith((*FORMULA, QUOTE)) else cell


def person_record(contact: Contact) -> dict[str, Any]:
    """What is known of a contact, as JSON shows it everywhere."""
    return {
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "email": contact.email,
        "phone": contact.phone,
        "language": contact.language,
        "country": contact.country,
        "tags": contact.tags,
        "custom": contact.custom,
        "blocked": contact.blocked,
    }


def _standing(item: Conversation, agents: Mapping[int, Agent], teams: Mapping[int, Team]) -> dict[str, Any]:
    assignee = agents.get(item.assignee_id) if item.assignee_id is not None else None
    team = teams.get(item.team_id) if item.team_id is not None else None
    return {
        "status": item.status,
        "assignee": assignee.handle if assignee else None,
        "team": team.name if team else None,
        "snoozed_until": item.snoozed_until,
        "last_activity_at": item.last_activity_at,
    }


def _addresses(items: Sequence[ContactChannel]) -> list[dict[str, Any]]:
    return [
        {
            "channel": item.channel.name,
            "address": item.address,
            "started": item.facts.started,
            "opted_out": item.facts.opted_out,
        }
        for item in items
    ]


def _entry(entry: TimelineEntry) -> dict[str, Any]:
    told = {
        "at": entry.at,
        "direction": entry.direction,
        "event": entry.event or None,
        "author": entry.author or None,
        "channel": entry.channel_name or None,
        "body": entry.body,
        "tag": entry.tag or None,
        "state": entry.state,
        "receipt": entry.receipt.name.lower() if entry.message_id else None,
        "error": entry.error_text or None,
        "detail": dict(entry.detail) or None,
    }
    return {name: value for name, value in told.items() if value is not None}
