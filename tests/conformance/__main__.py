"""``python -m tests.conformance``: print the matrix; exit code 1 when a check fails."""

from __future__ import annotations

import asyncio
import sys

from tests.conformance.matrix import FAILS, fill, rows


def main() -> int:
    """Run everything and print it."""
    cells = asyncio.run(fill())
    print("\n".join(rows(cells)))
    return 1 if any(cell.mark == FAILS for cell in cells.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
