"""``python -m tests.reliability [--list] [NAME…] [--size ci|full|N] [--seed S] [--json FILE]``.

Runs scenarios one after another, prints what each measured, and ends with 1 when anything that is promised was broken.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.reliability.report import table
from tests.reliability.scenarios import SCENARIOS, Scenario


def listing() -> str:
    """Every scenario with its sizes."""
    width = max(map(len, SCENARIOS))
    return "\n".join(
        f"{scenario.name:<{width}}  {scenario.test:<5}  {scenario.told} ({_usual(scenario)}, full {scenario.full:,} "
        f"{scenario.unit})"
        for scenario in SCENARIOS.values()
    )


def _usual(scenario: Scenario) -> str:
    return f"ci {scenario.ci:,}" if scenario.ci else "ci: tests of its own"


def size_of(scenario: Scenario, wanted: str) -> int:
    """The size that ``--size`` means for a scenario."""
    sizes = {"ci": scenario.ci, "full": scenario.full}
    return sizes[wanted] if wanted in sizes else int(wanted)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios to run; all when none is named")
    parser.add_argument("--list", action="store_true", help="name the scenarios and end")
    parser.add_argument("--size", default="ci", metavar="ci|full|N", help="how much of it (default: ci)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="what chance begins with (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to a file")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in SCENARIOS]
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}; see --list")
    if given.size not in {"ci", "full"} and not given.size.isdigit():
        parser.error("--size is ci, full or a number")
    return given


def main() -> int:
    """Run what was asked for; the exit code."""
    given = arguments()
    if given.list:
        print(listing())
        return 0
    reports = []
    for scenario in map(SCENARIOS.__getitem__, given.names or SCENARIOS):
        name, size = scenario.name, size_of(scenario, given.size)
        if size == 0:
            print(f"{name}: left out, the usual run of the tests has it; give it --size full or a number")
            continue
        with tempfile.TemporaryDirectory(prefix=f"reliability-{name}-") as folder:
            report = scenario.report(Path(folder), given.seed, size)
        print(table([report]), flush=True)
        reports.append(report)
    if given.json is not None:
        given.json.write_text(json.dumps([report.document() for report in reports], indent=2) + "\n")
    return 0 if all(report.kept for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
