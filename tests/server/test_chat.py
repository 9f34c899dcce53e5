"""The website chat over real HTTP: live both ways, nothing lost or doubled, and what strangers may not do."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.channels.support import allow
from tests.server.support.chat import PATH, SHOP, Website, website
from tests.server.support.workspace import eventually
from tests.support.files import path_of
from tui_inbox.domain.events import Outgoing
from tui_inbox.domain.kinds import ConversationStatus, DeliveryState, Receipt
from tui_inbox.domain.models import Agent
from tui_inbox.server import chat
from tui_inbox.server.chat_limits import Limit, Limits

FIRST, SECOND = "11111111-aaaa", "22222222-bbbb"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Website]:
    async with website(tmp_path) as found:
        yield found


async def test_a_visitor_and_an_agent_talk(site: Website) -> None:
    ana = await site.visitor().come("Ana  Silva")
    address = await site.address_of(ana)
    async with ana.listening():
        assert (await ana.say("Hei 👋 <b>&amp;", FIRST)).json() == {"number": 1}
        await site.shows(address, "Hei 👋 <b>&amp;")
        contact = await site.inbox.contact(address, "chat")
        assert (contact.first_name, contact.last_name) == ("Ana", "Silva")
        assert (await site.inbox.conversation(contact.id)).status is ConversationStatus.OPEN
        message_id, state = await site.answer(address, "Hello\nAna \u2028 \x1b[31m")
        assert state is DeliveryState.SENT
        await ana.got("Hei 👋 <b>&amp;", "Hello\nAna \u2028 \x1b[31m")
    assert [(line["from"], line["id"]) for line in ana.lines] == [("visitor", FIRST), ("agent", message_id)]


async def test_a_drop_loses_and_doubles_nothing(site: Website) -> None:
    ana = await site.visitor().come()
    address = await site.address_of(ana)
    async with ana.listening():
        await ana.say("one", FIRST)
        await ana.got("one")
    await site.shows(address, "one")
    await site.answer(address, "two, while away")
    await ana.say("three", SECOND)
    await ana.say("three", SECOND)  # the answer was lost, so the browser asks again
    async with ana.listening():
        await ana.got("one", "two, while away", "three")
        await site.answer(address, "four")
        await ana.got("one", "two, while away", "three", "four")
    await site.shows(address, "one", "three")
    again = site.visitor()
    again.token = ana.token
    async with again.listening():  # the same browser after a reload
        await again.got("one", "two, while away", "three", "four")


async def test_the_same_message_of_an_agent_is_laid_out_once(site: Website) -> None:
    ana = await site.visitor().come()
    address = await site.address_of(ana)
    await ana.say("hi", FIRST)
    await site.shows(address, "hi")
    message_id, _ = await site.answer(address, "once")
    adapter = site.space.adapters.get(site.space.channels["chat"])
    row = await site.space.row(message_id)

    again = await adapter.send(Outgoing(message_id, address, row.content_kind, "once"), allow)
    assert again.provider_id == message_id
    async with ana.listening():
        await ana.got("hi", "once")


async def test_receipts_rise_as_the_browser_tells(site: Website) -> None:
    ana = await site.visitor().come()
    address = await site.address_of(ana)
    await ana.say("hi", FIRST)
    await site.shows(address, "hi")
    message_id, _ = await site.answer(address, "hello")

    async def receipt() -> Receipt:
        return (await site.space.row(message_id)).receipt

    assert await receipt() in (Receipt.NONE, Receipt.SENT)
    for state, expected in (("delivered", Receipt.DELIVERED), ("read", Receipt.READ), ("delivered", Receipt.READ)):
        assert (await ana.saw(2, state)).status_code == 204
        await site.space.receiving.process_pending()
        assert await receipt() is expected
    assert (await ana.saw(1, "read")).status_code == 204
    assert await receipt() is Receipt.READ


async def test_somebody_elses_message_is_nobodys_business(site: Website) -> None:
    ana, bo = await site.visitor().come(), await site.visitor().come()
    await ana.say("secret", FIRST)
    async with bo.listening():
        await bo.say("hello", FIRST)
        await bo.got("hello")
    assert ana.token != bo.token
    for shown in ("", "Bearer", "Bearer x", f"Bearer {ana.token[:-1]}", f"Bearer {await site.address_of(ana)}"):
        headers = {"Authorization": shown}
        calls = [
            await site.http.post("messages", json={"id": SECOND, "text": "x"}, headers=headers),
            await site.http.post("receipts", json={"upto": 1, "state": "read"}, headers=headers),
            await site.http.get("events", headers=headers),
        ]
        assert [call.status_code for call in calls] == [401, 401, 401]
    assert (await site.http.get(f"events?token={ana.token}")).status_code == 401


async def test_a_token_is_hard_to_guess_and_only_its_hash_is_kept(site: Website) -> None:
    tokens = {(await site.visitor().come()).token for _ in range(5)}
    assert len(tokens) == 5
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)
    path = path_of(site.space.store)
    kept = b"".join(part.read_bytes() for part in path.parent.glob(f"{path.name}*"))
    assert kept.count(b"visitor-") >= 5
    assert not [token for token in tokens if token.encode() in kept]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": FIRST, "text": "x" * 10_000}, 200),
        ({"id": FIRST, "text": "😀" * 10_000}, 200),
        ({"id": FIRST, "text": "x" * 10_001}, 413),
        ({"id": FIRST, "text": " \n "}, 400),
        ({"id": FIRST, "text": 5.5}, 400),
        ({"id": FIRST}, 400),
        ({"id": "short", "text": "x"}, 400),
        ({"id": "ä" * 10, "text": "x"}, 400),
        ({"id": "x" * 65, "text": "x"}, 400),
        ({"text": "x"}, 400),
        ([], 400),
        ({"id": FIRST, "text": "x" * 70_000}, 413),
    ],
)
async def test_what_is_taken_as_a_message(site: Website, body: Any, status: int) -> None:
    ana = await site.visitor().come()
    content = json.dumps(body, ensure_ascii=False).encode()
    headers = {**ana.headers, "Content-Type": "application/json"}
    assert (await site.http.post("messages", content=content, headers=headers)).status_code == status


async def test_odd_bodies(site: Website) -> None:
    ana = await site.visitor().come()
    for content, kind, status in (
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 50_000, "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"id=1", "application/x-www-form-urlencoded", 415),
    ):
        headers = {**ana.headers, "Content-Type": kind}
        assert (await site.http.post("messages", content=content, headers=headers)).status_code == status
    for body in ({"upto": -1, "state": "read"}, {"upto": 1, "state": "odd"}, {"upto": 1 << 40, "state": "read"}, {}):
        assert (await site.http.post("receipts", json=body, headers=ana.headers)).status_code == 400
    for name in ("messages", "visitors", "receipts"):
        assert (await site.http.get(name)).status_code == 405


async def test_characters_that_no_database_takes(site: Website) -> None:
    ana = await site.visitor().come("\x00")
    answer = await site.http.post(
        "messages",
        content=b'{"id": "11111111-aaaa", "text": "a\\u0000b\\ud800c"}',
        headers={**ana.headers, "Content-Type": "application/json"},
    )
    assert answer.status_code == 200
    await site.shows(await site.address_of(ana), "a\ufffdb\ufffdc")


@pytest.mark.parametrize("origin", [SHOP, "https://WWW.shop.example"])
async def test_a_website_that_may_embed_the_chat(site: Website, origin: str) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    before = await site.http.options("messages", headers=asked)
    assert before.status_code == 204
    assert before.headers["access-control-allow-origin"] == origin.lower()
    assert "Authorization" in before.headers["access-control-allow-headers"]
    answer = await site.http.post("visitors", json={}, headers={"Origin": origin})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (201, origin.lower())
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "http://shop.example", "https://shop.example.evil", "null"])
async def test_a_website_that_may_not(site: Website, origin: str) -> None:
    for answer in (
        await site.http.options("messages", headers={"Origin": origin}),
        await site.http.post("visitors", json={}, headers={"Origin": origin}),
    ):
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


async def test_the_page_and_its_script(site: Website) -> None:
    own = {"Origin": f"http://127.0.0.1:{site.port}"}
    assert (await site.http.post("visitors", json={}, headers=own)).status_code == 201
    page = await site.http.get(site.url)
    assert page.status_code == 200
    assert f'src="/chat/{PATH}/widget.js" data-title="A &amp; B"' in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert f"frame-ancestors {SHOP} https://www.shop.example" in policy
    script = await site.http.get("widget.js")
    assert script.headers["content-type"].startswith("text/javascript")
    for danger in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("):
        assert danger not in script.text


async def test_paths_where_no_chat_is(site: Website, caplog: pytest.LogCaptureFixture) -> None:
    base = f"http://127.0.0.1:{site.port}"
    for path in ("/chat/path-wa", "/chat/elsewhere", "/chat/elsewhere/widget.js", "/chat/path-wa/events", "/chat/"):
        assert (await site.http.get(base + path)).status_code == 404
    body = json.dumps({"visitor": "visitor-1", "type": "message", "key": "k", "text": "forged"})
    forged = await site.http.post(f"{base}/hooks/{PATH}", content=body, headers={"Content-Type": "application/json"})
    assert forged.status_code == 404
    assert caplog.text == "", "a stranger does not fill the log"


async def test_too_many_messages_have_to_wait(tmp_path: Path) -> None:
    now = [0.0]
    limits = Limits(messages=Limit(per_minute=6, burst=3, clock=lambda: now[0]))
    async with website(tmp_path, limits=limits) as site:
        ana, bo = await site.visitor().come(), await site.visitor().come()
        statuses = [(await ana.say("x", f"{n:08d}")).status_code for n in range(4)]
        assert statuses == [200, 200, 200, 429]
        refused = await ana.say("x", "00000009")
        assert refused.headers["retry-after"] == "10"
        assert (await bo.say("x", FIRST)).status_code == 200, "one visitor does not slow down another"
        now[0] += 10
        assert (await ana.say("x", "00000009")).status_code == 200
        assert (await ana.say("x", "00000010")).status_code == 429


async def test_too_many_visitors_and_guesses_have_to_wait(tmp_path: Path) -> None:
    slow = {"per_minute": 1, "clock": lambda: 0.0}
    limits = Limits(visitors=Limit(burst=2, **slow), strangers=Limit(burst=3, **slow))  # type: ignore[arg-type]  # one dict of both types
    async with website(tmp_path, limits=limits) as site:
        statuses = [(await site.http.post("visitors", json={})).status_code for _ in range(3)]
        assert statuses == [201, 201, 429]
        guesses = [(await site.http.get("events", headers={"Authorization": "Bearer x"})).status_code for _ in range(4)]
        assert guesses == [401, 401, 401, 429]


async def test_a_chat_that_is_open_too_often(tmp_path: Path) -> None:
    async with website(tmp_path, limits=Limits(streams_of_visitor=1, streams=2)) as site:
        ana, bo, cy = [await site.visitor().come() for _ in range(3)]
        async with ana.listening():
            assert (await site.http.get("events", headers=ana.headers)).status_code == 429
            async with bo.listening():
                assert (await site.http.get("events", headers=cy.headers)).status_code == 503

        async def free() -> bool:
            async with site.http.stream("GET", "events", headers=cy.headers) as answer:
                return answer.status_code == 200

        await eventually(free)


async def test_a_message_laid_out_by_another_program_arrives(site: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender is a process of its own: only the database tells that something is new."""
    monkeypatch.setattr(chat, "BEAT_SECONDS", 3600.0)  # the sign of life would look for news too
    ana = await site.visitor().come()
    address = await site.address_of(ana)
    await ana.say("hi", FIRST)
    await site.shows(address, "hi")
    async with ana.listening():
        await ana.got("hi")
        await site.answer(address, "from afar")
        await ana.got("hi", "from afar")


async def test_an_address_without_a_visitor_cannot_be_written_to(site: Website) -> None:
    target = await site.space.add_contact("visitor-of-old", channel="chat")
    message_id = await site.space.queue(target, "hello?")
    sender = site.space.sender()
    while await sender.run_once():
        pass
    row = await site.space.row(message_id)
    assert row.state is DeliveryState.FAILED
    assert "no chat on the website" in row.error_text


async def test_a_stream_ends_when_the_server_does(site: Website) -> None:
    ana = await site.visitor().come()
    async with site.http.stream("GET", "events", headers=ana.headers, timeout=60) as answer:
        parts = answer.aiter_bytes()
        assert await anext(parts) == b": here\n\n"
        site.stop.set()
        async with asyncio.timeout(4):  # the server itself would give it 5 s and then cut it off
            assert [part async for part in parts] == []


async def test_a_last_event_id_from_another_life_begins_anew(site: Website) -> None:
    ana = await site.visitor().come()
    await ana.say("hi", FIRST)
    for last in ("99", "-1", "x", ""):
        headers = {**ana.headers, "Last-Event-ID": last}
        async with site.http.stream("GET", "events", headers=headers) as answer:
            found = [line async for line in _until_data(answer.aiter_lines())]
        assert '"hi"' in found[-1]


async def _until_data(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line.startswith("data: "):
            return


async def test_a_file_is_taken_once_and_only_its_addressee_gets_the_agents(site: Website, tmp_path: Path) -> None:
    ana, eve = await site.visitor().come(), await site.visitor().come()
    address = await site.address_of(ana)
    head = {**ana.headers, "Content-Type": "image/png", "X-Message-Id": FIRST, "X-File-Name": "..%2Fk%C3%A4si.png"}
    for _ in range(2):
        answer = await site.http.post("files", headers=head, content=b"png")
        assert (answer.status_code, answer.json()) == (200, {"number": 1})
    await site.shows(address, "[photo] käsi.png")
    contact = await site.inbox.contact(address, "chat")
    (photo,) = await site.space.attachments.of_contact(contact.id)
    assert (photo.name, photo.kind, photo.media_type, photo.size) == ("käsi.png", "photo", "image/png", 3)

    (tmp_path / "page.html").write_bytes(b"<script>alert(1)</script>")
    agent = Agent(site.space.agent_id, "ana", "Ana")
    offer = await site.space.attachments.attach(agent, contact.id, tmp_path / "page.html")
    mine = await site.space.attachments.attach(agent, contact.id, tmp_path / "page.html")
    await site.answer(address, "", files=[offer.id])
    async with ana.listening():
        await ana.got("[photo] käsi.png", "")
    assert ana.lines[1]["files"] == [{"id": offer.id, "name": "page.html", "size": 25}]
    given = await site.http.get(f"files/{offer.id}", headers=ana.headers)
    assert given.content == b"<script>alert(1)</script>"
    assert given.headers["content-disposition"].startswith("attachment; ")
    assert given.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in given.headers["content-security-policy"]
    for visitor, ident, status in ((eve, offer.id, 404), (ana, mine.id, 404), (ana, photo.id, 404), (ana, 999, 404)):
        assert (await site.http.get(f"files/{ident}", headers=visitor.headers)).status_code == status
    assert (await site.http.get(f"files/{offer.id}")).status_code == 401


async def test_what_is_refused_of_files(site: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "FILE_MAXIMUM", 1000)
    ana = await site.visitor().come()

    async def post(content: bytes, **changes: str) -> int:
        head = {**ana.headers, "Content-Type": "image/png", "X-Message-Id": FIRST, "X-File-Name": "a.png"}
        return (await site.http.post("files", headers=head | changes, content=content)).status_code

    assert await post(b"x" * 1001) == 413
    assert await post(b"") == 400
    assert await post(b"x", **{"X-Message-Id": "short"}) == 400
    assert await post(b"x", Authorization="Bearer nobody") == 401
    assert await post(b"x" * 1000, **{"Content-Type": "nonsense <b>"}) == 200
    assert await post(b"x") == 200, "the same again"
    assert await post(b"x") == 429, "five at once are all that a visitor may send"
    address = await site.address_of(ana)
    await site.shows(address, "[document] a.png")
