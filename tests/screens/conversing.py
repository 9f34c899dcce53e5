"""For tests of the conversation screen: the demo's customers by first name, and changing the store from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from textual.pilot import Pilot

from tests.screens.conftest import Workspace, until
from tests.screens.services import ScreenServices
from tui_inbox.app import TuiInbox
from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.search import parse
from tui_inbox.screens.conversation import ConversationScreen

FULL_NAMES = {
    "Win": "Win Prize",
    "Yusuf": "yusuf.alali@example.com",
    "Hiroshi": "watanabe@example.jp",
    "Meiling": "meiling.chen@example.cn",
    "Carlos": "carlos.fuentes@example.com",
    "Oscar": "oscar@example.net",
    "Grace": "grace.oconnor@example.ie",
    "Jonas": "jonas.keller@example.de",
    "Amélie": "amelie.rousseau@example.com",
    "Lucía": "lucia.moreno@example.es",
    "Ayşe": "ayse.yilmaz@example.com",
    "Kwame": "kwame@example.gh",
    "Priya": "priya@example.in",
    "Scarlet": "scarlet.whitfield@example.org",
    "Tomáš": "tomas.dvorak@example.cz",
    "Marta": "marta.nowak@example.pl",
}
"""What finds exactly one of them in the demo workspace, where the first name alone does not."""


async def find(services: ScreenServices, who: str) -> int:
    """Id of the contact that ``who`` finds."""
    query = parse(FULL_NAMES.get(who, who))
    rows = await services.inbox.page(InboxFilter(inbox=InboxKind.ALL, status=None, query=query), limit=5)
    rows = [row for row in rows if "@" not in FULL_NAMES.get(who, "") or row.email == FULL_NAMES[who]]
    assert len(rows) == 1, f"{who} finds {[row.name for row in rows]}"
    return rows[0].contact_id


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until nothing works in the background (work that was replaced counts as done) and everything is painted."""
    for _ in range(3):
        await until(lambda: all(work.is_finished for work in pilot.app.workers), pilot)
        await pilot.pause()


async def open_conversation(pilot: Pilot[Any], who: str, **options: Any) -> ConversationScreen:
    """Open the conversation with somebody and wait until it is shown."""
    app = cast(TuiInbox, pilot.app)
    await until(lambda: app.ready, pilot)
    contact_id = await find(cast(ScreenServices, app.services), who)
    screen = ConversationScreen(contact_id, **options)
    await app.push_screen(screen)
    await until(lambda: screen.shown is not None, pilot)
    await settled(pilot)
    return screen


async def use_channel(pilot: Pilot[Any], screen: ConversationScreen, kind: str) -> None:
    """Write on the contact's channel of this kind, even where nothing may be sent there."""
    item = next(item for item in screen.policy.reaches if item.contact_channel.channel.kind == kind)
    screen.policy.use(item.contact_channel.id)
    await settled(pilot)


def showing(
    who: str, *keys: str, channel: str = "", typed: str = "", **options: Any
) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """For ``snap_compare``: open a conversation, switch the channel, type, press keys."""

    async def prepare(pilot: Pilot[Any]) -> None:
        screen = await open_conversation(pilot, who, **options)
        if channel:
            await use_channel(pilot, screen, channel)
        if typed:
            screen.composer.replace(typed)
            await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        if not keys:
            await settled(pilot)
        await pilot.pause()

    return prepare


async def in_store(workspace: Workspace, work: Callable[[ScreenServices], Awaitable[Any]]) -> Any:
    """Do something to the store as another process would."""
    services = await workspace.open_services()
    try:
        return await work(services)
    finally:
        await services.close()


def not_looking(screen: ConversationScreen) -> None:
    """From here on the screen does not hear that the store has changed, as in the moment before it does."""
    screen.store_changed = _nothing  # type: ignore[method-assign]  # in place of the method


async def _nothing() -> None:
    return None
