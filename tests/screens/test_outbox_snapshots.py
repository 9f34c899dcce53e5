"""Pictures of the outbox, and of the panel about a message that is not through."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.screens.conftest import Workspace, inbox_of, until
from tests.screens.conversing import in_store, settled, showing
from tests.screens.outboxing import make_lead, message, open_outbox
from tests.screens.services import ScreenServices
from tests.screens.test_conversation_snapshots import IDS, SIZES, SnapCompare
from tui_inbox.domain.kinds import DeliveryState

S = DeliveryState
MINUTE = timedelta(minutes=1)


async def _pause_whatsapp(workspace: Workspace) -> None:
    async def work(services: ScreenServices) -> None:
        channel = next(item for item in await services.directory.channels() if item.kind == "whatsapp")
        until_then = workspace.clock() + timedelta(hours=4, minutes=5)
        await services.store.write(
            lambda unit: unit.directory.pause_channel(channel.id, "it asked to send more slowly", until_then)
        )

    await in_store(workspace, work)


async def _troubles(workspace: Workspace) -> None:
    await message(workspace, "Carlos", "Carlos, the jacket is here.", S.UNCERTAIN, error="it broke off")
    await message(workspace, "Carlos", "Shall we keep it for you?", S.QUEUED, ago=15 * MINUTE)
    await message(
        workspace, "Amélie", "Il part demain.", S.BLOCKED, by="bo", error="the window closed", ago=19 * MINUTE
    )
    await message(workspace, "Yusuf", "It left today.", S.QUEUED, by="chen", ago=9 * MINUTE)
    await make_lead(workspace)
    await _pause_whatsapp(workspace)


@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_the_outbox_of_a_lead(snap_compare: SnapCompare, workspace: Workspace, size: tuple[int, int]) -> None:
    async def prepare(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        await until(lambda: app.ready and not inbox_of(app).rows.loading_rows, pilot)
        screen = await open_outbox(pilot)
        await pilot.press("x", "j")
        await until(lambda: screen.detail is not None and screen.detail.item == screen.rows.current, pilot)
        await settled(pilot)

    asyncio.run(_troubles(workspace))
    assert snap_compare(workspace.app(), terminal_size=size, run_before=prepare)


async def _uncertain(workspace: Workspace) -> None:
    await message(workspace, "Carlos", "The new jacket is here.", S.UNCERTAIN, error="it broke off", ago=MINUTE)
    await message(workspace, "Carlos", "Shall we keep it for you?", S.QUEUED, ago=MINUTE / 2)


@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_the_panel_about_an_uncertain_message(
    snap_compare: SnapCompare, workspace: Workspace, size: tuple[int, int]
) -> None:
    asyncio.run(_uncertain(workspace))
    assert snap_compare(workspace.app(), terminal_size=size, run_before=showing("Carlos"))


@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_the_panel_about_a_blocked_message(
    snap_compare: SnapCompare, workspace: Workspace, size: tuple[int, int]
) -> None:
    told = "the messaging window closed before it could leave"
    asyncio.run(
        message(workspace, "Yusuf", "Your parcel left.", S.BLOCKED, error=told, ago=timedelta(), channel="whatsapp")
    )
    workspace.clock.forward(timedelta(days=2))
    assert snap_compare(workspace.app(), terminal_size=size, run_before=showing("Yusuf"))
