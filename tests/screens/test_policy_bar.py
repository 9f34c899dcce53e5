"""The channel-policy bar: judged by the clock alone, at the very instant; the composer follows, the text survives."""

from __future__ import annotations

from datetime import timedelta

import pytest
from textual.pilot import Pilot

from tests.screens.conftest import Workspace, until
from tests.screens.conversing import open_conversation, settled, use_channel
from tui_inbox.domain.kinds import ComposerMode
from tui_inbox.screens.conversation import ConversationScreen
from tui_inbox.widgets.channel_policy import ChannelPolicyBar

SMALL = (80, 24)
MODES = [
    ("Yusuf", "", "● open", ComposerMode.FREE),
    ("Amélie", "", "◑ closing soon", ComposerMode.FREE),
    ("Carlos", "", "○ no window", ComposerMode.FREE),
    ("Oscar", "", "◇ tag only", ComposerMode.TAG),
    ("Scarlet", "", "▤ template only", ComposerMode.TEMPLATE),
    ("Jonas", "", "▤ template only", ComposerMode.TEMPLATE),
    ("Grace", "instagram", "◌ blocked until the customer writes", ComposerMode.DISABLED),
    ("Win", "", "✕ blocked for good", ComposerMode.DISABLED),
    ("Marta", "google_business", "✕ blocked for good", ComposerMode.DISABLED),
    ("Lucía", "sms", "⊘ opted out", ComposerMode.DISABLED),
]


@pytest.mark.parametrize(("who", "channel", "told", "mode"), MODES)
async def test_the_composer_opens_in_the_mode_that_is_allowed(
    workspace: Workspace, who: str, channel: str, told: str, mode: ComposerMode
) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, who)
        if channel:
            await use_channel(pilot, screen, channel)
        assert told in screen.policy.plain
        assert screen.composer.mode is mode
        writable = mode in {ComposerMode.FREE, ComposerMode.TAG}
        assert screen.composer.field.read_only is not writable
        await type_text(pilot, screen, "hello")
        assert screen.composer.text == ("hello" if writable else "")


@pytest.mark.parametrize(("who", "channel"), [("Grace", "email"), ("Lucía", "email"), ("Marta", "x")])
async def test_a_blocked_channel_is_not_the_one_that_the_composer_opens_on(
    workspace: Workspace, who: str, channel: str
) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, who)
        assert screen.policy.current is not None
        assert screen.policy.current.contact_channel.channel.kind == channel


def mode_of(screen: ConversationScreen) -> ComposerMode:
    """The composer's mode, asked anew each time."""
    return screen.composer.mode


async def type_text(pilot: Pilot[object], screen: ConversationScreen, text: str) -> None:
    """Type into the composer as a person would."""
    screen.composer.field.focus()
    await pilot.pause()
    await pilot.press(*text)


async def test_the_window_closes_while_one_types_and_the_text_survives(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Amélie")
        await type_text(pilot, screen, "bonjour")
        workspace.clock.forward(timedelta(minutes=9) - timedelta(microseconds=1))
        screen.policy.judge()
        await pilot.pause()
        assert mode_of(screen) is ComposerMode.FREE, "open until the very end"
        workspace.clock.forward(timedelta(microseconds=1))
        screen.policy.judge()
        await pilot.pause()
        assert mode_of(screen) is ComposerMode.TEMPLATE
        await pilot.press("x", "backspace", "delete")
        assert screen.composer.text == "bonjour"
        assert "kept draft" in screen.composer.row.plain
        await use_channel(pilot, screen, "email")
        assert mode_of(screen) is ComposerMode.FREE
        await pilot.press("!")
        assert screen.composer.text == "bonjour!"


async def test_the_bar_wakes_by_itself_at_the_instant(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Amélie")
        workspace.clock.forward(timedelta(minutes=8, seconds=59, milliseconds=980))
        screen.policy.judge()
        workspace.clock.forward(timedelta(milliseconds=20))
        await until(lambda: screen.composer.mode is ComposerMode.TEMPLATE, pilot)


async def test_the_countdown_redraws_only_its_own_cells(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Amélie")
        regions: list[object] = []
        refresh = screen.policy.refresh

        def record(*args: object, **options: object) -> object:
            regions.extend(args)
            return refresh(*args, **options)  # type: ignore[arg-type]  # passed through

        screen.policy.refresh = record  # type: ignore[method-assign, assignment]  # a spy
        workspace.clock.forward(timedelta(seconds=1))
        screen.policy.judge()
        await pilot.pause()
        assert len(regions) == 1
        region = regions[0]
        assert getattr(region, "height", 0) == 1
        assert getattr(region, "width", 99) <= len("9 m 00 s")


async def test_an_answer_that_stays_tells_nobody(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Yusuf")
        told: list[object] = []
        post = screen.policy.post_message

        def record(message: object) -> bool:
            told.append(message)
            return post(message)  # type: ignore[arg-type]  # passed through

        screen.policy.post_message = record  # type: ignore[method-assign]  # a spy
        workspace.clock.forward(timedelta(minutes=5))
        screen.policy.judge()
        await pilot.pause()
        assert not [one for one in told if isinstance(one, ChannelPolicyBar.ModeChanged)]


async def test_a_channel_without_a_window_needs_no_timer(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        assert screen.policy._timer is None


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("Carlos", "reopens"),
        ("Yusuf", "assigns to you"),
        ("Yusuf", "free text until 13:00"),
        ("Oscar", "HUMAN_AGENT"),
        ("Kwame", "stays with chen"),
    ],
)
async def test_the_consequences_stand_under_the_state_before_sending(workspace: Workspace, who: str, told: str) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, who)
        await until(lambda: told in screen.policy.plain, pilot)


async def test_the_consequences_follow_the_conversation(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Yusuf")
        await until(lambda: "assigns to you" in screen.policy.plain, pilot)
        await pilot.press("i")
        await until(lambda: "assigns to you" not in screen.policy.plain, pilot)
        await settled(pilot)
        assert "yours" in screen.query_one("#head").plain  # type: ignore[attr-defined]  # a contact card


async def test_the_way_out_names_its_keys(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Scarlet")
        assert "^t choose a template" in screen.policy.plain
        assert "^o SMS: free text" in screen.policy.plain


async def test_a_click_on_the_bar_offers_the_channels(workspace: Workspace) -> None:
    from tui_inbox.screens.dialogs.channel import ChannelDialog

    async with workspace.running(SMALL) as (app, pilot):
        await open_conversation(pilot, "Scarlet")
        await pilot.click("#policy")
        await until(lambda: isinstance(app.screen, ChannelDialog), pilot)
