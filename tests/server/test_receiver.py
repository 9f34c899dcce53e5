"""What the receiver answers to every kind of request, and what it keeps."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.server.support import posts
from tests.server.support.inbox import Inbox
from tests.server.support.workspace import SECRETS, SetClock, eventually, open_workspace
from tests.support import hostile
from tui_inbox.channels.port import Secrets
from tui_inbox.channels.registry import build_adapter
from tui_inbox.domain.errors import StoreUnreachableError
from tui_inbox.domain.kinds import ChannelKind
from tui_inbox.repository.inbound import InboundRepository
from tui_inbox.server.receiver import Complaints, make_receiver, process_forever

JSON = {"content-type": "application/json"}


@dataclass
class Hooked:
    """A receiver and a client that talks to it in memory."""

    inbox: Inbox
    client: httpx.AsyncClient

    async def post(self, body: bytes, *, path: str = "path-wa", **headers: str) -> httpx.Response:
        """Post a signed body; ``headers`` with underscores for hyphens replace the usual ones."""
        usual = {**JSON, "x-hub-signature-256": posts.signature(body)}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(f"/hooks/{path}", content=body, headers={**usual, **given})

    async def kept(self) -> list[bytes]:
        """Bodies in the store, oldest first."""
        async with self.inbox.space.store.read() as unit:
            return [raw.body for raw in reversed(await unit.inbound.recent(200))]


@pytest.fixture
async def hooked(tmp_path: Path) -> AsyncIterator[Hooked]:
    clock = SetClock()
    async with open_workspace(tmp_path, clock, "http://127.0.0.1:9") as space:
        await space.add_channel("tg", ChannelKind.TELEGRAM)
        await space.add_channel("ig", ChannelKind.INSTAGRAM)
        transport = httpx.ASGITransport(app=make_receiver(space.receiving), raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://inbox.test") as client:
            yield Hooked(Inbox(space, clock), client)


async def test_a_signed_body_is_kept_as_it_came_and_answered_with_nothing(hooked: Hooked) -> None:
    body = posts.whatsapp(posts.message("m1", "hei ä", hooked.inbox.clock()))
    answer = await hooked.post(body, user_agent="facebookexternalua")
    assert (answer.status_code, answer.content) == (200, b"")
    assert await hooked.kept() == [body]
    await hooked.inbox.space.receiving.process_pending()
    assert await hooked.inbox.said((await hooked.inbox.contact()).id) == ["hei ä"]


REFUSED = [
    pytest.param({"x_hub_signature_256": "sha256=" + "0" * 64}, 401, id="wrong signature"),
    pytest.param({"x_hub_signature_256": ""}, 401, id="empty signature"),
    pytest.param({"x_hub_signature_256": "sha1=abc"}, 401, id="another algorithm"),
    pytest.param({"x_hub_signature_256": "sha256=" + "é" * 64}, 401, id="signature that is not ASCII"),
    pytest.param({"x_hub_signature_256": "x" * 8000}, 401, id="huge signature"),
    pytest.param({"content_type": "text/xml"}, 415, id="XML"),
    pytest.param({"content_type": ""}, 415, id="no type"),
    pytest.param({"content_type": "application/x-www-form-urlencoded"}, 415, id="form"),
    pytest.param({"content_encoding": "gzip"}, 415, id="compressed"),
    pytest.param({"content_length": str((3 << 20) + 1)}, 413, id="a byte too long"),
    pytest.param({"content_length": "9" * 5000}, 413, id="absurd length"),
    pytest.param({"content_length": "-1"}, 400, id="negative length"),
    pytest.param({"path": "nowhere"}, 404, id="unknown path"),
    pytest.param({"path": "x" * 300}, 404, id="long path"),
    pytest.param({"path": "%00"}, 404, id="odd path"),
]


@pytest.mark.parametrize(("headers", "status"), REFUSED)
async def test_refusals_say_nothing_and_keep_nothing(hooked: Hooked, headers: dict[str, str], status: int) -> None:
    body = posts.whatsapp(posts.message("m1", "hello", hooked.inbox.clock()))
    usual = {"content-type": "application/json", "x-hub-signature-256": posts.signature(body)}
    changed = {name.replace("_", "-"): value for name, value in headers.items() if name != "path"}
    sent = [(name.encode(), value.encode()) for name, value in {**usual, **changed}.items()]
    answer = await hooked.client.post(f"/hooks/{headers.get('path', 'path-wa')}", content=body, headers=sent)
    assert (answer.status_code, answer.content) == (status, b"")
    assert await hooked.kept() == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods_find_nothing(hooked: Hooked, method: str) -> None:
    answer = await hooked.client.request(method, "/hooks/path-wa")
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize(("extra", "status"), [(-1, 200), (0, 200), (1, 413)])
async def test_the_limit_of_a_body_is_exact_with_and_without_its_length(
    hooked: Hooked, extra: int, status: int
) -> None:
    body = b" " * ((3 << 20) + extra)
    assert (await hooked.post(body)).status_code == status

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    headers = {**JSON, "x-hub-signature-256": posts.signature(body)}
    answer = await hooked.client.post("/hooks/path-wa", content=parts(), headers=headers)
    assert answer.status_code == status


async def test_a_header_that_comes_twice_is_no_way_in(hooked: Hooked) -> None:
    body = posts.whatsapp(posts.message("m1", "hello", hooked.inbox.clock()))
    name, good = "x-hub-signature-256", posts.signature(body)
    for pair in ((good, "sha256=" + "0" * 64), ("sha256=" + "0" * 64, good)):
        headers = [*JSON.items(), *((name, value) for value in pair)]
        assert (await hooked.client.post("/hooks/path-wa", content=body, headers=headers)).status_code == 401
    assert await hooked.kept() == []


async def test_a_channel_without_its_secrets_does_not_exist(hooked: Hooked) -> None:
    hooked.inbox.space.adapters.locked.add("wa")
    assert (await hooked.post(b"{}")).status_code == 404
    assert (await hooked.client.get("/hooks/path-wa")).status_code == 404


async def test_a_channel_that_can_only_send_takes_nothing(hooked: Hooked, caplog: pytest.LogCaptureFixture) -> None:
    channel = hooked.inbox.space.channels["wa"]
    hooked.inbox.space.adapters.other["wa"] = build_adapter(channel, Secrets({"token": "t"}))
    assert (await hooked.post(b"{}")).status_code == 404
    assert await hooked.kept() == []
    assert "wa cannot receive: app_secret, verify_token or public_url is not set" in caplog.text


async def test_the_handshake(hooked: Hooked) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": SECRETS["verify_token"]}
    answer = await hooked.client.get("/hooks/path-wa", params=asked)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    wrong = await hooked.client.get("/hooks/path-wa", params={**asked, "hub.verify_token": "é"})
    assert (wrong.status_code, wrong.content) == (403, b"")
    assert (await hooked.client.get("/hooks/path-tg", params=asked)).status_code == 403


async def test_health(hooked: Hooked) -> None:
    assert (await hooked.client.get("/health")).status_code == 200
    assert (await hooked.client.get("/")).status_code == 404


async def test_telegram_by_its_secret_token(hooked: Hooked) -> None:
    body = posts.telegram(1, "hello", hooked.inbox.clock())
    for token, status in ((SECRETS["webhook_secret"], 200), ("wrong", 401)):
        headers = {**JSON, "x-telegram-bot-api-secret-token": token}
        answer = await hooked.client.post("/hooks/path-tg", content=body, headers=headers)
        assert answer.status_code == status
    async with hooked.inbox.space.store.read() as unit:
        assert len(await unit.inbound.recent()) == 1


async def test_no_header_with_a_secret_is_kept_or_logged(
    hooked: Hooked, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    headers = {**JSON, "x-telegram-bot-api-secret-token": SECRETS["webhook_secret"]}
    await hooked.client.post("/hooks/path-tg", content=b"{}", headers=headers)
    await hooked.client.post("/hooks/path-tg", content=b"{}", headers={**headers, "cookie": "canary"})
    wrong = {**JSON, "x-telegram-bot-api-secret-token": "canary"}
    assert (await hooked.client.post("/hooks/path-tg", content=b"{}", headers=wrong)).status_code == 401
    stored = (tmp_path / "inbox.db").read_bytes() + (tmp_path / "inbox.db-wal").read_bytes()
    assert SECRETS["webhook_secret"].encode() not in stored
    assert b"canary" not in stored
    assert "canary" not in caplog.text


def test_refused_signatures_make_one_line_a_minute_per_channel(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    complaints = Complaints(lambda: now[0])
    for now[0] in (0.0, 1.0, 59.9, 60.0, 61.0):
        complaints.note(1, "wa")
    complaints.note(2, "tg")
    assert [record.getMessage() for record in caplog.records] == [
        "channel wa: a webhook with a wrong signature was refused",
        "channel wa: a webhook with a wrong signature was refused (2 more in the minute before)",
        "channel tg: a webhook with a wrong signature was refused",
    ]


@pytest.mark.parametrize("error", [StoreUnreachableError("gone"), OSError(28, "No space left on device")])
async def test_what_could_not_be_kept_is_asked_for_again(
    hooked: Hooked, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def fail(*_: object) -> int:
        raise error

    body = posts.whatsapp(posts.message("m1", "hello", hooked.inbox.clock()))
    with monkeypatch.context() as patched:
        patched.setattr(InboundRepository, "store_raw", fail)
        answer = await hooked.post(body)
        assert (answer.status_code, answer.content) == (503, b"")
    assert await hooked.kept() == []
    assert (await hooked.post(body)).status_code == 200


async def test_a_body_that_trickles_is_cut_off(hooked: Hooked) -> None:
    never = asyncio.Event()

    async def trickle() -> AsyncIterator[bytes]:
        yield b"{"
        await never.wait()

    app = make_receiver(hooked.inbox.space.receiving, read_seconds=0.05)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://inbox.test") as client:
        answer = await client.post("/hooks/path-wa", content=trickle(), headers=JSON)
    assert answer.status_code == 408


async def test_processing_goes_on_after_trouble(hooked: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_inbox.server.receiver.RETRY_SECONDS", 0.01)
    receiving = hooked.inbox.space.receiving
    original, troubles = receiving.process_pending, [StoreUnreachableError("gone"), RuntimeError("a defect")]

    async def troubled() -> int:
        if troubles:
            raise troubles.pop(0)
        return await original()

    monkeypatch.setattr(receiving, "process_pending", troubled)
    await hooked.post(posts.whatsapp(posts.message("m1", "hello", hooked.inbox.clock())))
    work = asyncio.Event()
    work.set()
    task = asyncio.create_task(process_forever(receiving, work))

    async def processed() -> bool:
        return [status for status, _ in await hooked.inbox.statuses()] == ["processed"]

    await eventually(processed)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.skipif(
    not os.environ.get(hostile.VARIABLE),
    reason=f"{hostile.VARIABLE} is not set: the shared hostile bodies are NOT tested",
)
def test_the_shared_corpus_has_bodies() -> None:
    assert any("raw_body" in one.fields for one in hostile.bodies())


BODIES = [one for one in hostile.inputs() if isinstance(one.value, bytes)]


@pytest.mark.parametrize("channel", ["wa", "ig", "tg"])
@pytest.mark.parametrize("one", [pytest.param(one, id=one.id) for one in BODIES])
async def test_hostile_bodies_are_refused_or_kept_and_never_break_anything(
    hooked: Hooked, one: hostile.Hostile, channel: str
) -> None:
    assert isinstance(one.value, bytes)
    kind = "text/xml" if one.category == "xml" else "application/json"
    headers = {"x_telegram_bot_api_secret_token": SECRETS["webhook_secret"]}
    answer = await hooked.post(one.value, path=f"path-{channel}", content_type=kind, **headers)
    assert answer.status_code == 200 or 400 <= answer.status_code < 500
    if "rejected" in one.expect or len(one.value) > 3 << 20:
        assert 400 <= answer.status_code < 500
    kept = [one.value] if answer.status_code == 200 else []
    assert await hooked.kept() == kept, "as it came, or not at all"
    assert await hooked.inbox.space.receiving.process_pending() == len(kept)
    assert {status for status, _ in await hooked.inbox.statuses()} <= {"processed", "quarantined"}


@pytest.mark.parametrize(
    "text",
    [pytest.param(one.text, id=one.id) for one in hostile.texts("body") if len(one.text) < 100_000],
)
async def test_hostile_texts_are_received(hooked: Hooked, text: str) -> None:
    await hooked.post(posts.whatsapp(posts.message("m1", text, hooked.inbox.clock()), name=text[:500]))
    await hooked.inbox.space.receiving.process_pending()
    assert await hooked.inbox.statuses() == [("processed", "")]
    thread = await hooked.inbox.thread((await hooked.inbox.contact()).id)
    assert json.dumps(thread[0].body)


async def test_while_a_secret_is_changed_both_are_taken(hooked: Hooked) -> None:
    """What was signed with the secret of before, and the subscription that shows it, count; a third one never does."""
    adapters, channel = hooked.inbox.space.adapters, hooked.inbox.space.channels["wa"]
    told = Secrets({**SECRETS, "app_secret": "the new one", "former_app_secret": SECRETS["app_secret"]})
    former = told.former()
    assert former is not None
    adapters.other["wa"] = build_adapter(channel, told)

    async def signed_with(app_secret: str) -> int:
        body = posts.whatsapp(posts.message(f"m {app_secret}", "hello", hooked.inbox.clock()))
        signature = "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {**JSON, "x-hub-signature-256": signature}
        return (await hooked.client.post("/hooks/path-wa", content=body, headers=headers)).status_code

    tried = ("the new one", SECRETS["app_secret"], "a third one")
    assert [await signed_with(one) for one in tried] == [200, 401, 401]
    adapters.before["wa"] = build_adapter(channel, former)
    assert [await signed_with(one) for one in tried] == [200, 200, 401]


async def test_a_subscription_may_show_the_token_of_before(hooked: Hooked) -> None:
    adapters, channel = hooked.inbox.space.adapters, hooked.inbox.space.channels["wa"]
    told = Secrets({**SECRETS, "verify_token": "the-new-one"})
    adapters.other["wa"], adapters.before["wa"] = (
        build_adapter(channel, told),
        build_adapter(channel, Secrets(SECRETS)),
    )
    for token, status in (("the-new-one", 200), (SECRETS["verify_token"], 200), ("neither", 403)):
        asked = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "1158201444"}
        assert (await hooked.client.get("/hooks/path-wa", params=asked)).status_code == status
