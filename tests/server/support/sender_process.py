"""A sender as a process of its own that kills itself at a named point: ``python -m … DATABASE POINT [JOURNAL]``.

``POINT`` is a point of a delivery, or ``never``. Ends by itself when nothing is due.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.server.support.workspace import Adapters
from tui_inbox.repository.store import Store
from tui_inbox.services.context import Context
from tui_inbox.services.delivery import DeliveryService


async def main(database: str, point: str, journal: Path | None) -> None:
    """Deliver everything that is due."""

    async def die_at(reached: str) -> None:
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    store = await Store.open(database)
    try:
        sender = DeliveryService(Context(store), Adapters(), f"child-{os.getpid()}", journal=journal, at=die_at)
        while await sender.run_once():
            pass
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]) if len(sys.argv) > 3 else None))
