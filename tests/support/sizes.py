"""How much of a test whose work can be as large as one likes: little in every run, all of it by one command.

``python -m tests.reliability NAME --size full`` sets ``TESTS_SIZES`` (``storms=10000``) for the tests that it runs.
"""

from __future__ import annotations

import os

VARIABLE = "TESTS_SIZES"


def size_of(name: str, usual: int) -> int:
    """How many; ``usual`` unless :data:`VARIABLE` names another number."""
    given = dict(part.split("=") for part in os.environ.get(VARIABLE, "").split(",") if part)
    return int(given.get(name, usual))
