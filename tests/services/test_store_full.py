"""No room on the disk, at every kind of write: refused in a sentence, nothing half done, and fine again afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.services.world import NOON, World
from tests.support.files import path_of
from tui_inbox.domain.errors import StoreError, StoreFullError
from tui_inbox.domain.kinds import ConversationStatus
from tui_inbox.domain.lifecycle import ClosingNote
from tui_inbox.repository import condition, dialect
from tui_inbox.services.drafts import DraftService
from tui_inbox.services.invariants import violations
from tui_inbox.services.send_plan import SendRequest

Write = Callable[[World, int, int], Awaitable[object]]
"""One write; gets the workspace, an open conversation, and a number that is another one each time."""
LONG = "Bonjour, " * 400


async def send(world: World, contact: int, number: int) -> object:
    request = SendRequest(contact, text=LONG, client_key=f"key-{number}", due_in=5)
    return await world.sending.send(world.ana, request)


async def note(world: World, contact: int, number: int) -> object:
    return await world.lifecycle.note(world.ana, contact, LONG)


async def close_and_open(world: World, contact: int, number: int) -> object:
    if (await world.conversation(contact)).status is ConversationStatus.OPEN:
        return await world.lifecycle.close(world.ana, contact, ClosingNote("solved", LONG[:200]))
    return await world.lifecycle.open(world.ana, contact)


async def snooze(world: World, contact: int, number: int) -> object:
    if (await world.conversation(contact)).status is not ConversationStatus.OPEN:
        return await world.lifecycle.open(world.ana, contact)
    return await world.lifecycle.snooze(world.ana, contact, NOON + timedelta(days=1, minutes=number))


async def assign(world: World, contact: int, number: int) -> object:
    return await world.lifecycle.assign(world.ana, contact, world.bo if number % 2 else world.cy)


async def inbound(world: World, contact: int, number: int) -> object:
    view = await world.contacts.view(contact)
    await world.customer_writes(contact, view.reach[0].contact_channel.id, LONG)
    return view


async def draft(world: World, contact: int, number: int) -> object:
    return await DraftService(world.context).save(world.ana, contact, None, LONG * (number + 1))


async def new_contact(world: World, contact: int, number: int) -> object:
    return await world.contact("sms", first_name=f"Name{number} {LONG[:1500]}")


KINDS: list[Write] = [send, note, close_and_open, snooze, assign, inbound, draft, new_contact]


@pytest.mark.parametrize("write", KINDS, ids=lambda write: write.__name__)
async def test_a_write_without_room_leaves_nothing_half_done(
    world: World, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    monkeypatch.setattr(condition, "PROBE_EVERY", 0.0)
    contact, links = await world.contact("telegram")
    await world.customer_writes(contact, links[0])
    with monkeypatch.context() as limits:
        # The least that the engine takes is the number of pages that the file has.
        limits.setattr(dialect, "SETTINGS", (*dialect.SETTINGS, "PRAGMA max_page_count = 1"))
        await world.store._writers.dispose()
        number, before, refused = 0, world.dump(), ""
        while not refused:
            assert number < 500, "the file never became full"
            try:
                await write(world, contact, number)
            except StoreFullError as error:
                refused = str(error)
            else:
                before, number = world.dump(), number + 1
        assert "nothing was changed. Free some space" in refused
        assert world.dump() == before
        with pytest.raises(StoreError):
            await write(world, contact, number)
        assert isinstance(await world.store.check(), StoreFullError)
        async with world.store.read() as unit:
            assert await unit.contacts.get(contact) is not None, "reading goes on"
    assert await world.store.check() is None
    await write(world, contact, number)
    assert world.dump() != before
    assert await violations(world.store, world.clock()) == []
    assert dialect.check_file(path_of(world.store), whole=True) == "ok"
