"""Every check on every channel. ``python -m tests.conformance`` prints the same as a matrix."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.checks import CHECKS, Check
from tests.conformance.matrix import FAILS, HOLDS, LACKS, Cell, rows, run
from tests.conformance.sample import Sample
from tests.conformance.samples import EVERY
from tui_inbox.channels.registry import ADAPTERS
from tui_inbox.domain.kinds import ChannelKind
from tui_inbox.standins.platforms import PLATFORMS

NAMES = {check.name for check in CHECKS}
ALWAYS = {"send text", "text after closing", "inbound", "inbound duplicate", "error unreachable", "error invalid"}
ALWAYS |= {"send a photo", "file limits", "inbound photo"}
"""What no channel may lack."""


def test_every_adapter_is_on_the_list_and_every_foreign_channel_has_a_stand_in() -> None:
    assert {sample.kind for sample in EVERY} == set(ADAPTERS)
    assert list(PLATFORMS) == [kind for kind in ADAPTERS if kind is not ChannelKind.WEBCHAT]


@pytest.mark.parametrize("sample", EVERY, ids=[sample.kind.value for sample in EVERY])
def test_a_lack_is_explained(sample: Sample) -> None:
    assert set(sample.lacks) <= NAMES - ALWAYS
    assert all(why.endswith(".") and len(why) > 20 for why in sample.lacks.values())
    explained = {name.removeprefix("error ") for name in sample.lacks if name.startswith("error ")}
    assert explained.isdisjoint(item.value for item in sample.errors), "what has codes is not lacking"


@pytest.mark.parametrize("sample", EVERY, ids=[sample.kind.value for sample in EVERY])
@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
async def test_conforms(check: Check, sample: Sample, tmp_path: Path) -> None:
    assert (await run(check, sample, tmp_path)).mark in (HOLDS, LACKS)


def test_the_matrix_tells_what_is_lacking_and_what_failed() -> None:
    cells = {(check.name, sample.kind.value): Cell(HOLDS) for check in CHECKS for sample in EVERY}
    kind = EVERY[0].kind.value
    cells["limits", kind] = Cell(LACKS, "It has none.")
    cells["inbound", kind] = Cell(FAILS, "lost")
    printed = rows(cells)
    assert sum(line.count(HOLDS) for line in printed) == len(cells) - 2
    assert next(line for line in printed if line.startswith("limits")).split()[1:3] == [LACKS, "1"]
    assert "  2  lost" in printed
