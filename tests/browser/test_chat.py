"""The website chat in a real Chromium: live both ways, and when the line drops nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium, Page, chromium, require
from tests.server.support.chat import Website, website
from tests.server.support.workspace import eventually
from tui_inbox.domain.kinds import DeliveryState, Receipt
from tui_inbox.domain.models import Agent

LINES = """[...document.querySelector('div').shadowRoot.querySelectorAll('li')].map(
    (line) => line.className + ': ' + line.textContent)"""
"""What the visitor sees, each line with who wrote it."""
FOCUS = "document.querySelector('div').shadowRoot.querySelector('textarea').focus()"
READY = "!!document.querySelector('div')?.shadowRoot?.querySelector('textarea')"
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><b>bold</b> & \u202e\u0007"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[tuple[Website, Chromium]]:
    require()
    async with website(tmp_path) as site, chromium(tmp_path) as browser:
        yield site, browser


async def say(page: Page, text: str) -> None:
    """Write and press enter."""
    await page.run(FOCUS)
    await page.type(text)
    await page.press_enter()


async def address_in(site: Website) -> str:
    """The address of the only visitor, once there is one."""
    found: list[str] = []

    async def known() -> bool:
        async with site.space.store.read() as unit:
            rows = [raw.body for raw in await unit.inbound.recent(50)]
        found[:] = sorted({row.split(b'"visitor": "')[1].split(b'"')[0].decode() for row in rows})
        return bool(found)

    await eventually(known)
    assert len(found) == 1
    return found[0]


@pytest.mark.timeout(240)
async def test_a_customer_in_a_browser_and_an_agent(stage: tuple[Website, Chromium]) -> None:
    site, browser = stage
    page = await browser.open(site.url)
    await page.until(READY, True)

    # Both ways, live; whatever anybody writes is text.
    await say(page, HOSTILE)
    await page.until(LINES, [f"visitor: {HOSTILE}"])
    address = await address_in(site)
    await site.shows(address, HOSTILE)
    first, state = await site.answer(address, f"Hello! {HOSTILE}")
    assert state is DeliveryState.SENT
    seen = [f"visitor: {HOSTILE}", f"agent: Hello! {HOSTILE}"]
    await page.until(LINES, seen)
    assert await page.run("document.title") == "A & B"
    assert await page.run("document.querySelector('div').shadowRoot.querySelectorAll('li *').length") == 0

    # The browser tells that it was shown.
    async def read() -> bool:
        return (await site.space.row(first)).receipt is Receipt.READ

    await eventually(read)

    # The server is gone for a while: what is written meanwhile, on both sides, arrives once when it is back.
    await site.down()
    await say(page, "are you there?")
    await page.until(LINES, [*seen, "visitor pending: are you there?"])
    await site.answer(address, "answered while away")
    assert await site.inbox.said((await site.inbox.contact(address, "chat")).id) == [HOSTILE]
    await site.up()
    await site.shows(address, HOSTILE, "are you there?")
    await page.until(
        f"({LINES}).slice().sort()", sorted([*seen, "agent: answered while away", "visitor: are you there?"])
    )

    # The visitor reloads while a message waits: still the same visitor, nothing is missing, nothing is there twice.
    await page.go_offline(True)
    await say(page, "and this?")
    await page.until(f"({LINES}).length", 5)
    await page.go_offline(False)
    await page.reload()
    await page.until(READY, True)
    await site.shows(address, HOSTILE, "are you there?", "and this?")
    await page.until(f"({LINES}).filter((line) => !line.includes('pending')).length", 5)
    assert await page.run(f"new Set({LINES}).size") == 5
    assert await address_in(site) == address


PICK = """(() => {
    const root = document.querySelector('div').shadowRoot, given = new DataTransfer();
    given.items.add(new File(['%s'], '%s', {type: 'text/plain'}));
    root.querySelector('input[type=file]').files = given.files;
    root.querySelector('input[type=file]').dispatchEvent(new Event('change'));
})()"""
CLICKED = """(() => {
    URL.createObjectURL = (blob) => { blob.text().then((text) => { window.got = text; }); return 'blob:none'; };
    HTMLAnchorElement.prototype.click = function () { window.named = this.download; };
    document.querySelector('div').shadowRoot.querySelector('li button').click();
})()"""


@pytest.mark.timeout(240)
async def test_files_go_both_ways(stage: tuple[Website, Chromium], tmp_path: Path) -> None:
    site, browser = stage
    page = await browser.open(site.url)
    await page.until(READY, True)
    await page.run(PICK % ("words in a file", "Käsi & <b>.txt"))
    shown = "visitor: [document] Käsi & b.txt"
    await page.until(LINES, [shown])
    address = await address_in(site)
    await site.shows(address, "[document] Käsi & b.txt")
    contact = await site.inbox.contact(address, "chat")
    (file,) = await site.space.attachments.of_contact(contact.id)
    async with site.space.store.read() as unit:
        assert await unit.attachments.content(file.id) == b"words in a file"

    (tmp_path / "offer.txt").write_bytes(b"what we offer")
    offer = await site.space.attachments.attach(
        Agent(site.space.agent_id, "ana", "Ana"), contact.id, tmp_path / "offer.txt"
    )
    _, state = await site.answer(address, "please read", files=[offer.id])
    assert state is DeliveryState.SENT
    await page.until(LINES, [shown, "agent: please readoffer.txt"])
    await page.run(CLICKED)
    await page.until("[window.named, window.got]", ["offer.txt", "what we offer"])

    # The server is gone: the file waits in the page, and arrives once.
    await site.down()
    await page.run(PICK % ("second", "second.txt"))
    await page.until(LINES, [shown, "agent: please readoffer.txt", "visitor pending: second.txt"])
    await site.up()
    await site.shows(address, "[document] Käsi & b.txt", "[document] second.txt")
    await page.until(f"({LINES}).at(-1)", "visitor: [document] second.txt")
    assert await page.run(f"({LINES}).length") == 3
