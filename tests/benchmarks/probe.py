"""Measuring one program in a pseudo-terminal: times to text on the screen, times and bytes of a key, memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.ptyproc import Predicate, PtyProcess
from tests.support.screen import Screen

SIZE = (120, 40)
QUIET = 0.06
"""Seconds without a byte after which the answer to a key is taken as complete; the preview follows later on purpose."""
MINUTE = 60.0


@dataclass(frozen=True)
class Cost:
    """What one kind of key costs: milliseconds to the last byte, and bytes."""

    p50: float
    p95: float
    bytes: int

    @classmethod
    def of(cls, samples: Sequence[tuple[float, int]]) -> Cost:
        """Median and 95th percentile of samples of (seconds, bytes)."""
        times = sorted(seconds * 1000 for seconds, _ in samples)
        p95 = times[min(len(times) - 1, round(0.95 * (len(times) - 1)))]
        return cls(statistics.median(times), p95, round(statistics.median(count for _, count in samples)))


def start(command: Sequence[str], home: Path, env: dict[str, str]) -> PtyProcess:
    """The program on a terminal of :data:`SIZE`."""
    return PtyProcess(command, home=home, size=SIZE, env=env)


def times_to(
    command: Sequence[str], home: Path, env: dict[str, str], sights: Sequence[str | Predicate], runs: int
) -> list[list[float]]:
    """Milliseconds from the start of the process until each of ``sights`` is on the screen, in that order."""
    samples: list[list[float]] = [[] for _ in sights]
    for _ in range(runs):
        began = time.perf_counter()
        with start(command, home, env) as program:
            for index, sight in enumerate(sights):
                program.wait_for(sight)
                samples[index].append((time.perf_counter() - began) * 1000)
    return samples


def time_to(
    command: Sequence[str], home: Path, env: dict[str, str], sights: Sequence[str | Predicate], runs: int
) -> list[float]:
    """The medians of :func:`times_to`."""
    return [statistics.median(found) for found in times_to(command, home, env, sights, runs)]


def press(
    program: PtyProcess,
    key: str,
    *,
    quiet: float = QUIET,
    patience: float | None = None,
    area: Callable[[Screen], object] | None = None,
) -> tuple[float, int]:
    """Press a key; seconds until the last byte of the answer, and its bytes.

    ``patience``: as for :meth:`PtyProcess.recorded`. ``area``: what matters of the screen. The seconds then end with
    its last change; bytes are those of everything, 0 where it has not changed.
    """
    seen = area and area(program.screen)
    began = last = time.perf_counter()
    program.press(key)
    answer = program.recorded(quiet, patience)
    for when, data in answer:
        program.show(data)
        if area is None or area(program.screen) != seen:
            seen, last = area and area(program.screen), when
    return last - began, sum(len(data) for _, data in answer) if last > began else 0


def keys(program: PtyProcess, pressed: Sequence[str], *, patience: float | None = None) -> Cost:
    """Cost of a row of keys; those that change nothing on the screen are left out."""
    samples = [press(program, key, patience=patience) for key in pressed]
    return Cost.of([sample for sample in samples if sample[1]] or samples)


def silence(program: PtyProcess, seconds: float) -> int:
    """Bytes written within ``seconds`` of one minute of the clock: at its end the list writes its times anew."""
    left = MINUTE - time.time() % MINUTE
    if left < seconds + 1:
        program.bytes_during(left + 1)
    return program.bytes_during(seconds)


def memory(program: PtyProcess) -> float:
    """Resident memory in MiB."""
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
