"""How fast the machine is just now.

Budgets in milliseconds are those of the reference machine, where a Textual hello-world starts in
:data:`REFERENCE_HELLO` ms. Another machine may be slower, or busy with other things while it measures, so they are
stretched by how much longer the hello-world takes there, started before and after what is measured. A machine that is
faster gets no smaller budget.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from tests.benchmarks import probe

REFERENCE_HELLO = 191.0
"""Milliseconds from the start of the hello-world to its text on the machine for which the budgets were set."""
_HELLO = [sys.executable, str(Path(__file__).parent / "hello.py")]


class Pace:
    """Collects starts of the hello-world."""

    def __init__(self, home: Path, runs: int) -> None:
        """``home``: an empty folder for it; ``runs``: how many starts make one :meth:`sample`."""
        self._home, self._runs = home, runs
        self._times: list[float] = []

    def sample(self) -> None:
        """Start it some times more."""
        self._times += probe.times_to(_HELLO, self._home, {}, ["Hello, world"], self._runs)[0]

    @property
    def hello(self) -> float:
        """The median so far, in milliseconds."""
        return statistics.median(self._times)

    @property
    def stretch(self) -> float:
        """How many times as long as on the reference machine things take now; at least 1."""
        return max(1.0, self.hello / REFERENCE_HELLO)
