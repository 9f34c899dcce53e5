"""The check-up of the database: engine, settings in force, soundness, schema, clock, and the rules of the outbox."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from tui_inbox.config import Settings
from tui_inbox.domain.models import StoreHealth
from tui_inbox.repository.dialect import EXPECTED_SETTINGS
from tui_inbox.repository.schema import SCHEMA_HEAD
from tui_inbox.repository.store import Store
from tui_inbox.services.doctor_finding import CLOCK_WARNS, Check, State, clock


async def stored(store: Store, settings: Settings, now: datetime, *, deep: bool) -> list[Check]:
    """Everything that the database says of itself. Raises ``StoreError`` when it cannot be asked."""
    health = await store.health(deep=deep)
    checks = [*soundness(health, deep=deep), *_engine(health, settings)]
    async with store.read() as unit:
        told, newest = await unit.activity.engine_time(), await unit.activity.newest()
        if deep:
            checks.append(search_index(await unit.search.verify()))
    checks.append(clock("clock of the database", told - now))
    if newest is not None and newest - now > CLOCK_WARNS:
        checks.append(
            Check(
                "newest record",
                State.WARNING,
                f"{newest.isoformat()} lies in the future: a clock was set back. Compare this machine's with the time.",
            )
        )
    return checks


def outbox(violations: list[str]) -> list[Check]:
    """The rules that every message of the outbox must keep."""
    if not violations:
        return [Check("outbox", State.OK, "every message is where it was or provably sent")]
    return [Check("outbox", State.FAILED, sentence) for sentence in violations]


def search_index(problems: Sequence[str], *, mended: Sequence[str] = ()) -> Check:
    """The search index and the kept numbers. ``mended``: what was wrong before they were made anew."""
    if problems:
        more = f" ({len(problems)} findings)" if len(problems) > 1 else ""
        told = f"{problems[0]}{more} Nothing is lost: tui-inbox db check --repair"
        return Check("search index", State.FAILED, told)
    told = f"made anew; it was wrong: {mended[0]}" if mended else "holds what the contacts and messages say"
    return Check("search index", State.OK, told)


def soundness(health: StoreHealth, *, deep: bool) -> Iterable[Check]:
    """The engine's own check of the file, the references, the schema."""
    sound = health.check == "ok"
    how = "thoroughly checked" if deep else "quickly checked"
    told = f"{health.engine} {health.version}, {health.journal_mode}, {health.size_bytes:,} bytes, {how}"
    trouble = (
        f"the database fails its check: {health.check}. Stop all programs, then restore it from a backup, "
        "or save what can be saved: sqlite3 FILE .recover"
    )
    yield Check("database", State.OK if sound else State.FAILED, told if sound else trouble)
    if health.orphans:
        lost = f"rows in {', '.join(health.orphans)} refer to something that is not there. Restore from a backup."
        yield Check("references", State.FAILED, lost)
    elif deep:
        yield Check("references", State.OK, "every reference leads somewhere")
    current = health.schema == SCHEMA_HEAD
    older = f"schema {health.schema}, this program uses {SCHEMA_HEAD}: open the inbox once to bring it up to date"
    yield Check("schema", State.OK if current else State.WARNING, health.schema if current else older)


def _engine(health: StoreHealth, settings: Settings) -> Iterable[Check]:
    if health.engine == "sqlite":
        yield from _file_settings(health, settings)
    elif not health.warnings:
        yield Check("database settings", State.OK, f"synchronous_commit {health.synchronous}, all as needed")
    for warning in health.warnings:
        yield Check("database engine", State.WARNING, warning)


def _file_settings(health: StoreHealth, settings: Settings) -> Iterable[Check]:
    wrong = [
        f"{name} is {health.settings.get(name)}, not {wanted}"
        for name, wanted in EXPECTED_SETTINGS.items()
        if health.settings.get(name) != wanted
    ]
    if wrong:
        told = f"{'; '.join(wrong)}. This SQLite was built without what the program needs: install another one."
        yield Check("database settings", State.FAILED, told)
    else:
        yield Check("database settings", State.OK, "all in force")
    if (health.journal_mode == "wal") is not (settings.sqlite_journal == "wal"):
        told = (
            f"the database is kept with journal {health.journal_mode}, the settings say {settings.sqlite_journal}. "
            "Leave all programs that use it and start one again."
        )
        yield Check("journal", State.WARNING, told)
