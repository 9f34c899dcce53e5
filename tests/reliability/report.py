"""What a scenario hands back, and how it is printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Report:
    """Figures and violations of one scenario."""

    scenario: str
    seed: int
    size: int
    figures: dict[str, Any] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def kept(self) -> bool:
        """Whether everything held that is promised."""
        return not self.violations

    def document(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self) | {"kept": self.kept}


def table(reports: Sequence[Report]) -> str:
    """Every figure of every scenario, one per line."""
    lines = []
    for report in reports:
        verdict = "kept" if report.kept else f"{len(report.violations)} VIOLATIONS"
        lines.append(f"{report.scenario}  size {report.size}  seed {report.seed}  {report.seconds:.0f} s  {verdict}")
        width = max(map(len, report.figures), default=0)
        lines += [f"    {name:<{width}}  {_shown(value)}" for name, value in report.figures.items()]
        lines += [f"    ! {violation}" for violation in report.violations[:20]]
        if len(report.violations) > 20:
            lines.append(f"    ! and {len(report.violations) - 20} more")
    return "\n".join(lines)


def _shown(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
