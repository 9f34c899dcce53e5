"""Moving a workspace between engines: everything arrives, an interruption loses nothing, nothing half done is used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.repository.conftest import NOW, present
from tests.services.world import dump
from tests.support.servers import Server
from tui_inbox.domain.errors import SchemaMismatchError, StoreError, StoreUnreachableError, UsageError
from tui_inbox.domain.filters import InboxFilter
from tui_inbox.domain.kinds import ChannelKind, ConversationStatus, DeliveryState, Direction, Role
from tui_inbox.domain.search import parse
from tui_inbox.repository import copying
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.history import History, HistoryChannel, HistoryDelivery, HistoryEntry, HistoryRepository
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit
from tui_inbox.services import moving

PEOPLE = 23


async def fill(url: str) -> None:
    """A workspace with something in most tables, hostile letters among them."""

    async def work(unit: Unit) -> None:
        ana = await unit.directory.add_agent("ana", "Ana \N{PILE OF POO}", Role.AGENT)
        await unit.directory.add_team("Ügly 'team'", "keep", [ana])
        telegram = await unit.directory.add_channel("bot", ChannelKind.TELEGRAM, {"base_url": "x"}, {}, "path")
        channels = {channel.id: channel for channel in await unit.directory.channels()}
        histories = [
            History(
                NewContact(f"Zoë{n}", "\ufffd\\'\"", f"z{n}@x.y", f"+49{n:07}", custom={"plan": f"G{n}"}),
                (HistoryChannel(telegram, f"a{n}"),),
                (
                    HistoryEntry(NOW, Direction.INBOUND, f"refund {n}\n\t", channel_id=telegram, provider_id=f"p{n}"),
                    HistoryEntry(
                        NOW + timedelta(seconds=n), Direction.OUTBOUND, "Hi", author_id=ana, channel_id=telegram,
                        delivery=HistoryDelivery(f"m{n:03}", DeliveryState.SENT, provider_id=f"q{n}"),
                    ),
                ),
                ConversationStatus.CLOSED if n % 2 else ConversationStatus.OPEN,
                assignee_id=ana if n % 3 else None,
                blocked=n == 5,
            )
            for n in range(PEOPLE)
        ]  # fmt: skip
        await HistoryRepository.within(unit).add(unit, histories, channels, NOW)
        await unit.contacts.set_tags(1, ["VIP", "später"])
        await unit.drafts.save(ana, 1, None, "not yet", now=NOW, new_id="d1")
        await unit.inbound.store_raw(telegram, NOW, {"a": "b"}, b"\x00\xff raw")
        await unit.activity.add("opened", contact_id=1, actor_id=ana, detail={"x": [1, None, "ü"]}, now=NOW)

    store = await Store.open(url, clock=present)
    await store.write(work)
    await store.close()


def plain(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that is not made anew."""
    return {name: rows for name, rows in dump(path).items() if name in {table.name for table in copying.TABLES}}


async def test_there_and_back_it_is_the_same(tmp_path: Path, server_database: str) -> None:
    first, last = tmp_path / "first.db", tmp_path / "last.db"
    await fill(str(first))
    moved = await moving.copy(str(first), server_database)
    assert (moved.rows["contacts"], moved.rows["timeline"], moved.rows["activity"]) == (PEOPLE, 2 * PEOPLE, 1)
    await moving.copy(server_database, str(last))
    assert plain(last) == plain(first)
    for url in (server_database, str(last)):
        store = await Store.open(url, clock=present)
        async with store.read() as unit:
            assert await unit.search.verify() == []
            for typed in ("zoe1", "z2@x.y", '"g7"', "text:refund"):
                found = await unit.inbox.page(InboxFilter(query=parse(typed)), now=NOW)
                assert found, typed
        # Keys go on after those that came along.
        assert await store.write(lambda unit: unit.contacts.add(NewContact("New"), NOW)) == PEOPLE + 1
        assert await store.write(lambda unit: unit.directory.add_agent("bo", "", Role.AGENT)) == 2
        await store.close()


async def test_an_interrupted_copy_is_refused_and_goes_on(
    tmp_path: Path, server_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StopError(Exception):
        """Somebody pulls the plug."""

    monkeypatch.setattr(copying, "BATCH", 4)
    await fill(str(tmp_path / "first.db"))
    copied: list[int] = []

    def stop(doing: str, done: int, _whole: int) -> None:
        copied.append(done)
        if doing == "copying timeline" and done > copied[-2]:
            raise StopError

    with pytest.raises(StopError):
        await moving.copy(str(tmp_path / "first.db"), server_database, stop)
    with pytest.raises(SchemaMismatchError, match="being filled from another one"):
        await Store.open(server_database)
    again: list[tuple[str, int]] = []
    await moving.copy(str(tmp_path / "first.db"), server_database, lambda doing, done, _: again.append((doing, done)))
    assert again[0][1] > 0, "what is there is not copied twice"
    await (await Store.open(server_database)).close()


async def test_neither_database_waits_for_the_other_in_a_transaction(
    tmp_path: Path, server: Server, server_database: str
) -> None:
    """A server ends what is idle for a minute in a transaction, and reading the other database may take longer."""
    await fill(str(tmp_path / "first.db"))
    name = server_database.partition("?")[0].rpartition("/")[2]
    idle = f"FROM pg_stat_activity WHERE datname = '{name}' AND state = 'idle in transaction'"
    found: list[int] = []

    def look(doing: str, _done: int, _whole: int) -> None:
        if doing.startswith("comparing"):
            found.append(server.run(f"SELECT count(*) {idle}")[0][0])

    await moving.copy(str(tmp_path / "first.db"), server_database, look)
    assert set(found) == {0}


async def test_a_server_that_goes_away_while_copying(
    tmp_path: Path, server: Server, server_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(str(tmp_path / "first.db"))
    name = server_database.partition("?")[0].rpartition("/")[2]
    put = copying._put

    async def put_and_end(connection: AsyncConnection, table: Table, rows: Sequence[tuple[object, ...]]) -> None:
        """Between the rows and their commit: a connection that is lost between two batches is made anew unseen."""
        await put(connection, table, rows)
        if table.name == "timeline":
            # It waits until they are gone: a busy server may let the copy end before it looks at the signal.
            ended = "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"
            server.run(f"{ended} WHERE datname = '{name}'")

    with monkeypatch.context() as patch:
        patch.setattr(copying, "_put", put_and_end)
        with pytest.raises(StoreUnreachableError, match=r"was lost.*What had been copied before is kept"):
            await moving.copy(str(tmp_path / "first.db"), server_database)
    moved = await moving.copy(str(tmp_path / "first.db"), server_database)
    assert moved.rows["timeline"] == 2 * PEOPLE


async def test_what_is_in_use_is_never_copied_over(tmp_path: Path, server_database: str) -> None:
    await fill(str(tmp_path / "first.db"))
    await fill(server_database)
    with pytest.raises(UsageError, match=r"a workspace in .* already; nothing was changed"):
        await moving.copy(str(tmp_path / "first.db"), server_database)
    with pytest.raises(UsageError, match="same database"):
        await moving.copy(server_database, server_database)


async def test_a_copy_that_differs_is_found(
    tmp_path: Path, server: Server, server_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(str(tmp_path / "first.db"))
    name = server_database.partition("?")[0].rpartition("/")[2]

    def change(doing: str, _done: int, _whole: int) -> None:
        if doing == f"copying {copying.TABLES[-1].name}":
            server.run("UPDATE timeline SET body = 'x' WHERE id = 7", name)

    monkeypatch.setattr(copying, "BATCH", 1000)
    with pytest.raises(StoreError, match=r"timeline in .* differs .* copy again"):
        await moving.copy(str(tmp_path / "first.db"), server_database, change)
    with pytest.raises(SchemaMismatchError):
        await Store.open(server_database)
