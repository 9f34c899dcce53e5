"""A fresh workspace for every test of the use cases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.services.world import World


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """The workspace of :mod:`tests.services.world` with the default rules."""
    built = await World.build(f"sqlite:///{tmp_path}/inbox.db")
    yield built
    await built.store.close()


@pytest_asyncio.fixture
async def world_on_each(database: str) -> AsyncIterator[World]:
    """The same, once on each engine; a module whose tests are to run on both takes it as its ``world``."""
    built = await World.build(database)
    yield built
    await built.store.close()
