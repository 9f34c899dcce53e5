"""Files from elsewhere and damaged ones: told in a sentence, at the start or on access, and never written to."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.repository.conftest import NOW, present
from tui_inbox.domain.errors import StoreError
from tui_inbox.domain.kinds import ChannelKind, Role
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.file_store import FileStore
from tui_inbox.repository.unit import Unit

PAGE = 4096
TABLES = ("agents", "contacts", "contact_channels", "conversations", "outbox", "alembic_version", "activity", "drafts")
INDEXES = ("uq_drafts_living", "ix_workers_kind", "sqlite_autoindex_drafts_1", "sqlite_autoindex_outbox_1")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with something in it and free pages, cleanly closed; to be copied."""
    path = tmp_path_factory.mktemp("sound") / "inbox.db"

    async def fill() -> None:
        store = await FileStore.open(str(path), clock=present)

        async def work(unit: Unit) -> None:
            await unit.directory.add_agent("ana", "Ana", Role.AGENT)
            channel = await unit.directory.add_channel("bot", ChannelKind.TELEGRAM, {}, {}, "path")
            for number in range(300):
                contact = await unit.contacts.add(NewContact(f"Name{number}", "x" * 200), NOW)
                await unit.contacts.add_channel(contact, channel, str(number), started=True, now=NOW)

        await store.write(work)
        await store.close()

    asyncio.run(fill())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE spare AS SELECT zeroblob(20000) AS x")
        connection.execute("DROP TABLE spare")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sound, tmp_path / "inbox.db"))


def root_of(path: Path, name: str) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        (number,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    return int(number)


def overwrite(path: Path, at: int, what: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(what)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def used(path: Path) -> list[str]:
    """Open, read everything that a screen reads first, write, check: what was said. Anything else is a failure."""
    told: list[str] = []

    async def trying(step: Callable[[], object]) -> None:
        try:
            await step()  # type: ignore[misc]
        except StoreError as error:
            told.append(str(error))

    store = await FileStore.open(str(path), clock=present)
    try:
        await store.look_over()
        told += [str(store.trouble)] if store.trouble is not None else []

        async def read() -> None:
            async with store.read() as unit:
                agents = await unit.directory.agents()
                await unit.directory.channels()
                for contact in (1, 150, 300):
                    await unit.contacts.get(contact)
                    await unit.timeline.page(contact, limit=10)
                await unit.drafts.get(agents[0].id if agents else 1, 1)
                await unit.outbox.pending_count()

        async def write() -> None:
            await store.write(lambda unit: unit.drafts.save(1, 1, None, "text", now=NOW, new_id=os.urandom(8).hex()))

        for step in (read, store.change_token, read, write):
            await trying(step)
        if told:
            with pytest.raises(StoreError):
                await store.write(lambda unit: unit.directory.add_team("support"))
    finally:
        await store.close()
    return told


def spots() -> Iterator[tuple[str, Callable[[Path], object]]]:
    """Ways of damage, by name: every kind of page, at its head and inside."""

    def at_page(name: str, offset: int, what: bytes) -> Callable[[Path], object]:
        return lambda path: overwrite(path, (root_of(path, name) - 1) * PAGE + offset, what)

    for name in TABLES:
        yield f"head of {name}", at_page(name, 0, b"\xff" * 8)
        yield f"whole page of {name}", at_page(name, 0, os.urandom(PAGE))
    for name in INDEXES:
        yield f"head of index {name}", at_page(name, 0, b"\x00" * 8)
    for at, what in {
        0: b"not SQLite",
        16: b"\x00\x07",  # page size
        18: b"\x09\x09",  # version of the format
        20: b"\xff",  # reserved bytes
        28: b"\x00\x00\x00\x01",  # number of pages
        32: b"\x7f\xff\xff\xff",  # first free page
        44: b"\x00\x00\x00\x63",  # format of the schema
        56: b"\x00\x00\x00\x09",  # text encoding
        100: b"\x00" * 12,  # head of the schema's page
        112: b"\xff" * 60,  # its cells
    }.items():
        yield f"header at {at}", lambda path, at=at, what=what: overwrite(path, at, what)  # type: ignore[misc]
    for size in (1, 99, 100, 511, PAGE, PAGE + 1, 5 * PAGE):
        yield f"cut to {size} bytes", lambda path, size=size: os.truncate(path, size)  # type: ignore[misc]
    yield "cut at half", lambda path: os.truncate(path, path.stat().st_size // 2 // PAGE * PAGE)
    yield "only zeros", lambda path: path.write_bytes(bytes(path.stat().st_size))
    yield "only noise", lambda path: path.write_bytes(os.urandom(path.stat().st_size))
    yield "twice behind each other", lambda path: path.write_bytes(path.read_bytes() * 2)


HARMLESS = {"twice behind each other", "header at 56"}
"""What lies behind the last page is never looked at, and of the text encoding only two bits."""


@pytest.mark.parametrize(("name", "spoil"), list(spots()), ids=[name for name, _ in spots()])
async def test_damage_is_told_and_never_a_traceback(path: Path, name: str, spoil: Callable[[Path], object]) -> None:
    spoil(path)
    before = digest(path)
    try:
        told = await used(path)
    except StoreError as error:
        told = [str(error)]
    assert told or name in HARMLESS, "damage that nobody noticed"
    for sentence in told:
        assert "Traceback" not in sentence
    if told and name not in HARMLESS:
        assert digest(path) == before, "a damaged file was written to"


# --- the log, and what is no file


async def written(path: Path) -> tuple[Path, list[str]]:
    """A copy of a database that is in use, with its log, as a crash leaves it; and who is in it."""
    store = await FileStore.open(str(path), clock=present)
    for handle in ("bo", "cy", "di"):
        await store.write(lambda unit, handle=handle: unit.directory.add_agent(handle, handle, Role.AGENT))  # type: ignore[misc]
    crashed = path.with_name("crashed.db")
    for end in ("", "-wal"):
        shutil.copy(f"{path}{end}", f"{crashed}{end}")
    await store.close()
    return crashed, ["ana", "bo", "cy", "di"]


async def handles(path: Path) -> list[str]:
    store = await FileStore.open(str(path), clock=present)
    await store.look_over()
    assert store.trouble is None
    async with store.read() as unit:
        found = [agent.handle for agent in await unit.directory.agents()]
    await store.close()
    return found


@pytest.mark.parametrize("share", [1.0, 0.99, 0.7, 0.4, 0.05, 0.0])
async def test_a_log_that_is_cut_loses_its_end_only(path: Path, share: float) -> None:
    crashed, people = await written(path)
    log = crashed.with_name("crashed.db-wal")
    os.truncate(log, int(os.stat(log).st_size * share))  # noqa: PTH116
    found = await handles(crashed)
    assert found == people[: len(found)]
    assert (found == people) is (share == 1.0)


@pytest.mark.parametrize("at", [0, 8, 20, 40, 5000, 9000])
async def test_a_log_with_flipped_bytes_is_used_up_to_them(path: Path, at: int) -> None:
    crashed, people = await written(path)
    overwrite(crashed.with_name("crashed.db-wal"), at, b"\xa5" * 4)
    found = await handles(crashed)
    assert found == people[: len(found)]


@pytest.mark.parametrize("shm", [None, b"", b"\xff" * 32768])
async def test_shared_memory_is_made_anew(path: Path, shm: bytes | None) -> None:
    crashed, people = await written(path)
    if shm is not None:
        crashed.with_name("crashed.db-shm").write_bytes(shm)
    assert await handles(crashed) == people


def make_folder(path: Path) -> None:
    path.mkdir()


def make_loop(path: Path) -> None:
    path.symlink_to(path)


def make_dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (make_folder, "is not a file but a directory"),
        (os.mkfifo, "is not a file but a queue"),
        (make_loop, "is not a file but out of reach"),
        (make_dangling, "is not a file but a link that leads nowhere"),
    ],
)
@pytest.mark.parametrize("read_only", [True, False])
async def test_what_is_no_file_is_never_waited_for(
    tmp_path: Path, make: Callable[[Path], None], told: str, read_only: bool
) -> None:
    place = tmp_path / "x.db"
    make(place)
    async with asyncio.timeout(5):
        with pytest.raises(StoreError, match=told):
            await FileStore.open(str(place), read_only=read_only, migrate=not read_only)
    assert os.listdir(tmp_path) == ["x.db"]  # noqa: PTH208


async def test_a_link_to_a_database_is_followed(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    assert await handles(link) == ["ana"]
