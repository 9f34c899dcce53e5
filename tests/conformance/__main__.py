"""``python -m tests.conformance``: print the matrix; exit code 1 when a check fails."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile

from tests.conformance.matrix import FAILS, fill, rows


def main() -> int:
    """Run everything and print it."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["XDG_DATA_HOME"] = home  # access tokens of the stand-ins are nothing to keep
        cells = asyncio.run(fill())
    print("\n".join(rows(cells)))
    return 1 if any(cell.mark == FAILS for cell in cells.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
