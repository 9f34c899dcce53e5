"""Every scenario by name, with its sizes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.reliability import crashes, crowd, pauses, points, power, receiver, suites, switched, texts, trouble
from tests.reliability.report import Report

DRAFTS, STORMS = "tests/e2e/test_drafts.py", "tests/e2e/test_resize_storm.py"
STOPPED, SIGNALS = "tests/e2e/test_stopped_terminal.py", "tests/e2e/test_signals.py"
KILLS, NETWORK = "tests/repository/test_interrupted.py", "tests/services/test_network_faults.py"
CLEANER = "tests/test_text.py"
MODEL, ORDERS = "tests/services/test_model.py", "tests/services/test_every_order.py"
Run = Callable[[Path, int, int], Coroutine[Any, Any, Report]]
"""Folder, seed, size."""


@dataclass(frozen=True)
class Scenario:
    """One scenario. Sizes count what ``unit`` says."""

    name: str
    test: str
    """Its number in the reference (reliability, section 6)."""
    told: str
    unit: str
    ci: int
    """0 = the usual run has it already, as tests of its own."""
    full: int
    run: Run

    def report(self, folder: Path, seed: int, size: int) -> Report:
        """Run it in a folder of its own."""
        began = time.monotonic()
        report = asyncio.run(self.run(folder, seed, size))
        report.seconds = time.monotonic() - began
        return report


async def _crashes(folder: Path, seed: int, kills: int) -> Report:
    return await crashes.storm(folder, seed, kills, pauses=max(1, kills // 10))


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("crashes", "C1", "senders killed and frozen at random", "kills", 40, 1000, _crashes),
        Scenario("points", "C2", "killed at every named point", "kills at each", 3, 50, points.points),
        Scenario("pauses", "C3", "frozen beyond the lease at each point", "freezes", 7, 105, pauses.pauses),
        Scenario("power", "C5", "power cuts that drop what was not synced", "cuts", 4, 500, power.power_cuts),
        Scenario("receiver", "C6", "the receiver killed", "kills", 16, 500, receiver.receiver),
        Scenario("poison", "C8", "a message that kills its sender", "messages", 1, 3, trouble.poison),
        Scenario("partition", "N7", "no database after the answer", "answers", 6, 200, trouble.partition),
        Scenario("crowd", "D5", "eight processes on one file", "operations each", 40, 10_000, crowd.crowd),
        Scenario("texts", "T2", "any text in list and conversation", "texts", 1000, 100_000, texts.texts),
        Scenario("guards", "S3", "each guard switched off", "guards", 7, 7, switched.guards),
        Scenario("drafts", "C4", "killed while an agent types", "kills", 0, 200, suites.sized("drafts", DRAFTS)),
        Scenario("kills", "C7", "killed in a migration or tidying up", "kills", 0, 50, suites.sized("kills", KILLS)),
        Scenario("network", "N1-N3", "every fault of a network", "times", 0, 20, suites.repeated("network", NETWORK)),
        Scenario(
            "cleaner", "T2", "any text through the cleaner", "texts", 0, 100_000, suites.sized("cleaner", CLEANER)
        ),
        Scenario("storms", "T3", "storms of window sizes", "sizes", 0, 10_000, suites.sized("storms", STORMS)),
        Scenario("stopped", "T4", "a terminal that stops reading", "times", 0, 50, suites.repeated("stopped", STOPPED)),
        Scenario("signals", "T5", "signals on every screen", "times", 0, 50, suites.repeated("signals", SIGNALS)),
        Scenario("model", "S1", "everything in any order", "orders", 0, 2000, suites.sized("model", MODEL)),
        Scenario("orders", "S2", "every order there is", "steps", 0, 100, suites.sized("orders", ORDERS)),
    )
}
