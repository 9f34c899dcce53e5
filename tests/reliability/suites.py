"""Tests of the usual run, made as large as the reference asks for, or done as often.

Each runs pytest on its file in a process of its own: what it finds is told in pytest's own words.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from tests.reliability.report import Report
from tests.support import sizes

ROOT = Path(__file__).parents[2]
RAN = re.compile(r"(\d+) passed")
WRONG = re.compile(r"^(?:FAILED|ERROR) .*", re.MULTILINE)
Run = Callable[[Path, int, int], Coroutine[Any, Any, Report]]


def sized(name: str, path: str) -> Run:
    """Run the tests in ``path`` once, with ``name`` of that size (:mod:`tests.support.sizes`)."""
    return partial(_run, name, path, repeated=False)


def repeated(name: str, path: str) -> Run:
    """Run the tests in ``path`` as often as the size says."""
    return partial(_run, name, path, repeated=True)


async def _run(name: str, path: str, folder: Path, seed: int, size: int, *, repeated: bool) -> Report:
    """The report of one suite; its tests draw their own chances, whatever ``seed`` says, and name what failed."""
    report = Report(name, seed, size, {"tests passed": 0})
    environment = dict(os.environ) | ({} if repeated else {sizes.VARIABLE: f"{name}={size}"})
    for number in range(size if repeated else 1):
        command = ["-m", "pytest", "-q", "--timeout=0", f"--basetemp={folder / str(number)}", str(ROOT / path)]
        pytest = await asyncio.create_subprocess_exec(
            sys.executable, *command, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
        )
        said = (await pytest.communicate())[0].decode(errors="replace")
        passed = RAN.search(said)
        report.figures["tests passed"] += int(passed[1]) if passed else 0
        if pytest.returncode:
            report.violations += WRONG.findall(said) or [said[-500:]]
    return report
