"""The matrix: every check against every channel."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.bench import bench
from tests.conformance.chat_bench import chat_bench
from tests.conformance.checks import CHECKS, Check
from tests.conformance.sample import Sample
from tests.conformance.samples import EVERY
from tui_inbox.domain.kinds import ChannelKind

HOLDS, LACKS, FAILS = "✓", "–", "✗"


@dataclass(frozen=True)
class Cell:
    """What came of one check on one channel; ``told``: why it lacks or fails."""

    mark: str
    told: str = ""


async def run(check: Check, sample: Sample, folder: Path) -> Cell:
    """Run one check in an empty folder. A lack that the channel doesn't really have raises ``AssertionError``."""
    why = sample.lacks.get(check.name)
    counterpart = check.run if why is None else check.absent
    if counterpart is not None:
        on_the_bench = chat_bench if sample.kind is ChannelKind.WEBCHAT else bench
        async with on_the_bench(sample, folder) as stage:
            await counterpart(stage)
    return Cell(HOLDS) if why is None else Cell(LACKS, why)


async def fill() -> Mapping[tuple[str, str], Cell]:
    """Every cell, by name of the check and kind."""
    cells = {}
    for check in CHECKS:
        for sample in EVERY:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    cell = await run(check, sample, Path(folder))
                except AssertionError as error:
                    cell = Cell(FAILS, str(error).partition("\n")[0] or "an assertion failed")
            cells[check.name, sample.kind.value] = cell
    return cells


def rows(cells: Mapping[tuple[str, str], Cell]) -> Sequence[str]:
    """The matrix and its footnotes, ready to print."""
    kinds = [sample.kind.value for sample in EVERY]
    width = max(len(check.name) for check in CHECKS)
    notes: dict[str, int] = {}
    lines = [" " * width + "  " + " ".join(f"{kind[:10]:>10}" for kind in kinds)]
    for check in CHECKS:
        marks = []
        for kind in kinds:
            cell = cells[check.name, kind]
            note = f" {notes.setdefault(cell.told, len(notes) + 1)}" if cell.told else ""
            marks.append(f"{cell.mark}{note}".rjust(10))
        lines.append(f"{check.name:<{width}}  {' '.join(marks)}")
    return [*lines, "", *(f"{number:>3}  {told}" for told, number in notes.items())]
