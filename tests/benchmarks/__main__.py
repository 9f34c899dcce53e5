"""``python -m tests.benchmarks [--contacts 1000 --contacts 10000] [--workspace FILE --agent HANDLE] [--runs 7]
[--json FILE]``.

``--workspace``: measure on this database, as :mod:`tests.benchmarks.dataset` makes it, in the place of demo workspaces.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import probe
from tests.benchmarks.probe import Cost
from tests.support.ptyproc import PROGRAM, PtyProcess, environment
from tests.support.screen import Screen

HERE = Path(__file__).parent
HELLO = [sys.executable, str(HERE / "hello.py")]
LISTING = [sys.executable, str(HERE / "listing.py")]
FRAME = 1000 / 60
PAINTED = "Mine · Open"
"""Stands on the first frame."""
SETTLED = 0.25
"""Seconds without a byte after which a conversation is taken as fully painted: several reads follow one another."""
LIST_FROM, LIST_TO, BARS = 26, 66, 2
"""Columns of the list that no wide character shifts, and lines above and below it."""


@dataclass(frozen=True)
class Result:
    """One figure beside its floor and its budget."""

    what: str
    contacts: int
    value: float
    unit: str
    budget: float | None
    floor: float | None = None

    @property
    def kept(self) -> bool:
        """Whether the budget is kept; a figure without one always is."""
        return self.budget is None or self.value <= self.budget


def has_rows(screen: Screen) -> bool:
    """Whether the list shows what the store holds, which in a workspace of one contact is nothing."""
    return "▌" in screen.text or "Nothing in" in screen.text


def rows_of(screen: Screen) -> tuple[str, ...]:
    """The lines of the list alone."""
    return tuple(line[LIST_FROM:LIST_TO] for line in screen.lines[BARS:-BARS])


def workspace(contacts: int, home: Path) -> dict[str, str]:
    """Make a demo workspace of a size; the environment that opens it."""
    done = subprocess.run(
        [PROGRAM, "demo", "--no-open", "--contacts", str(contacts), "--json"],
        env=environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    made = json.loads(done.stdout)
    return {"TUI_INBOX_CONFIG": made["config"]}


def costs(contacts: int, program: PtyProcess, painting: Cost) -> list[Result]:
    """Everything measured inside one running program."""
    program.wait_for(has_rows)
    program.press("3", "A")
    program.quiet()
    down = probe.keys(program, ["j"] * 20)
    page = probe.keys(program, ["pagedown"] * 8)
    program.press("g", "g", "/")
    program.quiet()
    typing = probe.keys(program, list("mar") + ["backspace"] * 3 + list("an"), rows_of)
    program.press("escape")
    program.quiet()
    opening = []
    for _ in range(5):
        opening.append(probe.press(program, "enter", quiet=SETTLED))
        program.press("escape")
        program.quiet()
    opened = Cost.of(opening)
    idle = probe.silence(program, 3.0)
    return [
        Result("cursor move, p95", contacts, down.p95, "ms", 10),
        Result("cursor move", contacts, down.bytes, "bytes", 1200),
        Result("page down, p50", contacts, page.p50, "ms", 15),
        Result("page down", contacts, page.bytes, "bytes", 10_000),
        Result("search keystroke, p50", contacts, typing.p50, "ms", painting.p50 + FRAME, painting.p50),
        Result("search keystroke", contacts, typing.bytes, "bytes", None),
        Result("open a conversation, p50", contacts, opened.p50, "ms", 60),
        Result("open a conversation", contacts, opened.bytes, "bytes", 40_000),
        Result("idle for 3 s", contacts, idle, "bytes", 0),
    ]


def existing(database: Path, agent: str) -> tuple[int, dict[str, str]]:
    """How many contacts a database has, and the environment that opens it."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (contacts,) = connection.execute("SELECT count(*) FROM contacts").fetchone()
    return contacts, {"TUI_INBOX_DATABASE": f"sqlite:///{database.absolute()}", "TUI_INBOX_AGENT": agent}


def measure(sizes: list[int], runs: int, known: dict[int, dict[str, str]]) -> list[Result]:
    """All figures, at every size, in one run; ``known``: by size, the environments of workspaces that are there."""
    found: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        floor_home = Path(folder) / "floor"
        floor_home.mkdir()
        [hello] = probe.time_to(HELLO, floor_home, {}, ["Hello, world"], runs)
        with probe.start(LISTING, floor_home, {}) as listing:
            listing.wait_for("Carlos")
            painting = probe.keys(listing, ["x"] * 20)
        memories: dict[int, float] = {}
        rows: dict[int, float] = {}
        for contacts in [1, *sizes, *known]:
            home = Path(folder) / str(contacts)
            home.mkdir()
            env = known.get(contacts) or workspace(contacts, home)
            paint, rows[contacts] = probe.time_to([PROGRAM], home, env, [PAINTED, has_rows], runs)
            with probe.start([PROGRAM], home, env) as program:
                program.wait_for(has_rows)
                program.quiet()
                memories[contacts] = probe.memory(program)
            if contacts == 1:
                continue
            found.append(Result("start to first paint", contacts, paint, "ms", 1.3 * hello, hello))
            found.append(Result("start to first rows", contacts, rows[contacts], "ms", 1.3 * rows[1], rows[1]))
            found.append(Result("memory", contacts, memories[contacts], "MiB", 1.15 * memories[1], memories[1]))
            with probe.start([PROGRAM], home, env) as program:
                found += costs(contacts, program, painting)
    return found


def table(results: list[Result]) -> str:
    """The figures as lines for people."""
    lines = [f"{'':4} {'what':28} {'contacts':>9} {'value':>10} {'floor':>9} {'ratio':>6} {'budget':>10} unit"]
    for result in results:
        floor = f"{result.floor:.1f}" if result.floor else "–"
        ratio = f"{result.value / result.floor:.2f}" if result.floor else "–"
        budget = "–" if result.budget is None else f"{result.budget:.1f}"
        mark = "ok" if result.kept else "OVER"
        lines.append(
            f"{mark:4} {result.what:28} {result.contacts:9,} {result.value:10.1f} {floor:>9} {ratio:>6} {budget:>10} "
            f"{result.unit}"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and exit with 1 when a budget is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--contacts", type=int, action="append")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--workspace", type=Path, metavar="FILE")
    parser.add_argument("--agent", default="agent-7", metavar="HANDLE")
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args()
    known = dict([existing(chosen.workspace, chosen.agent)]) if chosen.workspace else {}
    results = measure(chosen.contacts or ([] if known else [1000, 10_000]), chosen.runs, known)
    print(table(results))
    if chosen.json:
        chosen.json.write_text(json.dumps([{**vars(result), "kept": result.kept} for result in results], indent=1))
    return 0 if all(result.kept for result in results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
