"""Every scenario at its small size: nothing that is promised is broken, and every guard that is switched off is missed.

The full sizes: ``python -m tests.reliability --size full``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.report import Report, table
from tests.reliability.scenarios import SCENARIOS, Scenario


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", [pytest.param(one, id=one.name) for one in SCENARIOS.values() if one.ci])
def test_scenario(scenario: Scenario, tmp_path: Path) -> None:
    report = scenario.report(tmp_path, seed=1, size=scenario.ci)
    assert report.kept, table([report])


def test_a_report_shows_figures_and_violations() -> None:
    report = Report("scene", 1, 5, {"kills": 1234, "share": 0.5, "said": "ok"}, [f"lost: {n}" for n in range(25)], 2.0)
    shown = table([report]).splitlines()
    assert shown[:4] == [
        "scene  size 5  seed 1  2 s  25 VIOLATIONS",
        "    kills  1,234",
        "    share  0.5",
        "    said   ok",
    ]
    assert (shown[4], shown[-1]) == ("    ! lost: 0", "    ! and 5 more")
    assert not report.kept
    assert report.document()["kept"] is False
