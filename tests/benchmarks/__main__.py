"""``python -m tests.benchmarks [--contacts 1000 --contacts 10000] [--workspace FILE --agent HANDLE] [--runs 7]
[--json FILE]``.

Budgets are of two kinds. Some are ratios to a floor that is measured beside the figure: a Textual hello-world, the same
program with an empty workspace, the painting of a list. The others are milliseconds on the reference machine, stretched
for this one as :mod:`tests.benchmarks.pace` says; ``plain`` shows them as they are there.

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
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import probe
from tests.benchmarks.pace import REFERENCE_HELLO, Pace
from tests.benchmarks.probe import Cost
from tests.support.ptyproc import PROGRAM, PtyProcess, environment
from tests.support.screen import Screen

Opened = tuple[Path, dict[str, str]]
"""The home and the environment that open a workspace."""
HERE = Path(__file__).parent
LISTING = [sys.executable, str(HERE / "listing.py")]
FRAME = 1000 / 60
"""Milliseconds of one picture, which a search may take above the painting of its rows."""
PAINTED = "Mine · Open"
"""Stands on the first frame."""
SETTLED = 0.25
"""Seconds without a byte after which rows or a conversation are taken as fully painted: several reads follow one
another."""
ANSWER = 10.0
"""Seconds that the first byte of an answer may take; a key that is pressed here always has one."""
OPENINGS = 15
TYPED = [*"mar", *["backspace"] * 3, *"an", *["backspace"] * 2, *"jo", *["backspace"] * 2, *"car", *["backspace"] * 3]
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
    plain: float | None = None
    """The budget on the reference machine, where it is stretched for this one."""

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


def stretched(contacts: int, what: str, value: float, plain: float, pace: float, floor: float = 0.0) -> Result:
    """A figure whose budget is ``plain`` ms above ``floor`` on the reference machine, here ``pace`` times as much."""
    return Result(what, contacts, value, "ms", floor + plain * pace, floor or None, floor + plain)


def search(program: PtyProcess, listing: PtyProcess) -> tuple[Cost, Cost]:
    """Cost of keystrokes in the search, and of painting a list of that size; in turn, so that both meet one noise."""
    typing, painting = [], []
    for key in TYPED:
        typing.append(probe.press(program, key, quiet=SETTLED, patience=ANSWER, area=rows_of))
        painting.append(probe.press(listing, "x", patience=ANSWER))
    return Cost.of([sample for sample in typing if sample[1]] or typing), Cost.of(painting)


def openings(program: PtyProcess) -> Iterable[tuple[float, int]]:
    """One conversation after the other, down the list."""
    for _ in range(OPENINGS):
        program.press_and_see("j")
        yield probe.press(program, "enter", quiet=SETTLED, patience=ANSWER)
        program.press_and_see("escape")


def costs(program: PtyProcess, listing: PtyProcess) -> dict[str, Cost]:
    """Everything measured inside one running program, and the painting of a list beside it."""
    program.wait_for(has_rows)
    program.press("3", "A")
    program.quiet()
    down = probe.keys(program, ["j"] * 20, patience=ANSWER)
    page = probe.keys(program, ["pagedown"] * 8, patience=ANSWER)
    program.press("g", "g", "/")
    program.quiet()
    typing, painting = search(program, listing)
    program.press("escape")
    program.quiet()
    return {"down": down, "page": page, "typing": typing, "painting": painting, "opened": Cost.of([*openings(program)])}


def budgeted(contacts: int, cost: dict[str, Cost], pace: float) -> list[Result]:
    """The costs beside their budgets."""
    down, page, typing, opened = cost["down"], cost["page"], cost["typing"], cost["opened"]
    return [
        stretched(contacts, "cursor move, p95", down.p95, 10, pace),
        Result("cursor move", contacts, down.bytes, "bytes", 1200),
        stretched(contacts, "page down, p50", page.p50, 15, pace),
        Result("page down", contacts, page.bytes, "bytes", 10_000),
        stretched(contacts, "search keystroke, p50", typing.p50, FRAME, pace, cost["painting"].p50),
        Result("search keystroke", contacts, typing.bytes, "bytes", None),
        stretched(contacts, "open a conversation, p50", opened.p50, 60, pace),
        Result("open a conversation", contacts, opened.bytes, "bytes", 40_000),
    ]


@dataclass(frozen=True)
class Start:
    """Milliseconds to the first frame and to the first rows, and MiB of memory then."""

    paint: float
    rows: float
    memory: float


def started(home: Path, env: dict[str, str], runs: int) -> Start:
    """What opening a workspace takes."""
    paint, rows = probe.time_to([PROGRAM], home, env, [PAINTED, has_rows], runs)
    with probe.start([PROGRAM], home, env) as program:
        program.wait_for(has_rows)
        program.quiet()
        return Start(paint, rows, probe.memory(program))


def measure_size(contacts: int, opened: Opened, empty: Opened, floor_home: Path, runs: int) -> list[Result]:
    """All figures at one size, beside those of the hello-world and of an ``empty`` workspace at the same time."""
    home, env = opened
    pace = Pace(floor_home, runs)
    pace.sample()
    base, here = started(*empty, runs), started(*opened, runs)
    with probe.start([PROGRAM], home, env) as program, probe.start(LISTING, floor_home, {}) as listing:
        listing.wait_for("Carlos")
        cost = costs(program, listing)
        idle = probe.silence(program, 3.0)
    pace.sample()
    return [
        stretched(contacts, "Textual hello-world", pace.hello, REFERENCE_HELLO, pace.stretch),
        Result("start to first paint", contacts, here.paint, "ms", 1.3 * pace.hello, pace.hello),
        Result("start to first rows", contacts, here.rows, "ms", 1.3 * base.rows, base.rows),
        Result("memory", contacts, here.memory, "MiB", 1.15 * base.memory, base.memory),
        *budgeted(contacts, cost, pace.stretch),
        Result("idle for 3 s", contacts, idle, "bytes", 0),
    ]


def existing(database: Path, agent: str) -> tuple[int, dict[str, str]]:
    """How many contacts a database has, and the environment that opens it."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (contacts,) = connection.execute("SELECT count(*) FROM contacts").fetchone()
    return contacts, {"TUI_INBOX_DATABASE": f"sqlite:///{database.absolute()}", "TUI_INBOX_AGENT": agent}


def measure(sizes: list[int], runs: int, known: dict[int, dict[str, str]]) -> list[Result]:
    """All figures, at every size, in one run; ``known``: by size, the environments of workspaces that are there."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for part in ("floor", "empty"):
            (folder / part).mkdir()
        empty = (folder / "empty", workspace(1, folder / "empty"))
        found: list[Result] = []
        for contacts in [*sizes, *known]:
            home = folder / str(contacts)
            home.mkdir()
            opened = (home, known.get(contacts) or workspace(contacts, home))
            found += measure_size(contacts, opened, empty, folder / "floor", runs)
        return found


def table(results: list[Result]) -> str:
    """The figures as lines for people."""
    lines = [
        f"{'':4} {'what':28} {'contacts':>9} {'value':>10} {'floor':>9} {'ratio':>6} {'budget':>10} {'plain':>10} unit"
    ]
    for result in results:
        floor = f"{result.floor:.1f}" if result.floor else "–"
        ratio = f"{result.value / result.floor:.2f}" if result.floor else "–"
        budget = "–" if result.budget is None else f"{result.budget:.1f}"
        plain = budget if result.plain is None else f"{result.plain:.1f}"
        mark = "ok" if result.kept else "OVER"
        lines.append(
            f"{mark:4} {result.what:28} {result.contacts:9,} {result.value:10.1f} {floor:>9} {ratio:>6} {budget:>10} "
            f"{plain:>10} {result.unit}"
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
