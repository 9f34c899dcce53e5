"""LINE's key: the same message with the same key is taken once, and a repeat counts as sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.channels.support import ADDRESS, KEY, MESSAGE_ID, adapter, allow, answer, loopback, outgoing, standin_config
from tests.channels.support import standins as servers_of
from tui_inbox.channels.http import Http
from tui_inbox.channels.line import KEY_LIFE, LineAdapter
from tui_inbox.channels.port import ChannelCheck
from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import ChannelKind

LINE = ChannelKind.LINE
SENT = {"sentMessages": [{"id": "461230966842064897", "quoteToken": "q"}]}
KNOWN = {"message": "The retry key is already accepted"}


async def outcome(reply: bytes) -> SendOutcome:
    """What one push to a server that answers ``reply`` comes to."""
    async with loopback(reply) as server:
        return await adapter(LINE, server.url).send(outgoing(LINE), allow)


@pytest.mark.parametrize(("key", "told"), [(KEY, KEY), ("", MESSAGE_ID)], ids=["key", "none: the message's id"])
async def test_the_key_goes_along(key: str, told: str) -> None:
    async with loopback(answer(200, SENT)) as server:
        found = await adapter(LINE, server.url).send(outgoing(LINE, idempotency_key=key), allow)
    assert server.got[0].startswith(b"POST /v2/bot/message/push HTTP/1.1\r\n")
    assert f"\r\nx-line-retry-key: {told}\r\n" in server.got[0].decode().lower()
    assert (found.kind, found.provider_id) == (OutcomeKind.ACCEPTED, "461230966842064897")


async def test_the_adapter_tells_how_long_a_key_lives() -> None:
    assert (LineAdapter.keyed, LineAdapter.key_life) == (True, timedelta(hours=24))


@pytest.mark.parametrize(
    ("body", "headers", "kind", "ident"),
    [
        (KNOWN | SENT, {"x_line_accepted_request_id": "r1"}, OutcomeKind.ACCEPTED, "461230966842064897"),
        (KNOWN | SENT, {}, OutcomeKind.ACCEPTED, "461230966842064897"),
        (KNOWN, {"x_line_accepted_request_id": "r1"}, OutcomeKind.ACCEPTED, ""),
        (KNOWN, {}, OutcomeKind.AMBIGUOUS, ""),
        ({"message": "another conflict"}, {"x_line_request_id": "r1"}, OutcomeKind.AMBIGUOUS, ""),
        ([], {}, OutcomeKind.AMBIGUOUS, ""),
    ],
)
async def test_a_conflict_needs_evidence_to_count_as_sent(
    body: Any, headers: dict[str, Any], kind: OutcomeKind, ident: str
) -> None:
    found = await outcome(answer(409, body, **headers))
    assert (found.kind, found.provider_id, found.http_status) == (kind, ident, 409)


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "truncated"}, {"kind": "status", "status": 500}])
async def test_a_lost_answer_is_found_again_by_the_key(fault: dict[str, Any]) -> None:
    async with servers_of(standin_config()) as servers:
        await servers.control(LINE, "fault", **fault)
        sender = adapter(LINE, servers.base(LINE))
        await sender.send(outgoing(LINE), allow)
        again = await sender.send(outgoing(LINE), allow)
        third = await sender.send(outgoing(LINE), allow)
        taken = await servers.ask(LINE, "accepted")
    assert len(taken) == 1
    assert again.kind is third.kind is OutcomeKind.ACCEPTED
    assert again.provider_id == third.provider_id == taken[0]["provider_id"]
    assert third.http_status == 409


async def test_a_refusal_does_not_use_the_key_up() -> None:
    async with servers_of(standin_config()) as servers:
        sender = adapter(LINE, servers.base(LINE))
        await servers.control(LINE, "fault", kind="error", code=429)
        assert (await sender.send(outgoing(LINE), allow)).kind is OutcomeKind.RETRY
        assert (await sender.send(outgoing(LINE, "x" * 5001), allow)).kind is OutcomeKind.REFUSED
        assert (await sender.send(outgoing(LINE), allow)).http_status == 200


async def test_two_keys_are_two_messages() -> None:
    async with servers_of(standin_config()) as servers:
        sender = adapter(LINE, servers.base(LINE))
        for key in (KEY, MESSAGE_ID):
            assert (await sender.send(outgoing(LINE, idempotency_key=key), allow)).http_status == 200
        assert [item["key"] for item in await servers.ask(LINE, "accepted")] == [KEY, MESSAGE_ID]


async def test_the_stand_in_forgets_a_key_after_a_day() -> None:
    async with servers_of(standin_config()) as servers:
        sender = adapter(LINE, servers.base(LINE))
        statuses = []
        for wait in (timedelta(0), KEY_LIFE - timedelta(seconds=1), timedelta(seconds=1)):
            servers.clock.now += wait
            statuses.append((await sender.send(outgoing(LINE), allow)).http_status)
    assert statuses == [200, 409, 200]


@pytest.mark.parametrize("key", ["", "case-118", KEY[:-1], KEY + "0", KEY.replace("-", "")])
async def test_a_key_that_is_no_uuid_is_refused(key: str) -> None:
    async with servers_of(standin_config()) as servers:
        headers = {"Authorization": "Bearer line/token+A=", "X-Line-Retry-Key": key}
        body = {"to": ADDRESS[LINE], "messages": [{"type": "text", "text": "x"}]}
        reply = await Http().post_json(f"{servers.base(LINE)}/v2/bot/message/push", headers, body)
        assert getattr(reply, "status", None) == 400
        assert await servers.ask(LINE, "accepted") == []


async def test_the_check_tells_how_much_of_the_month_is_used() -> None:
    async with servers_of(standin_config(LINE)) as servers:
        line = adapter(LINE, servers.base(LINE))
        await line.send(outgoing(LINE), allow)
        assert (await line.check()).message.endswith(" 1 of 5,000 messages of this month are used.")


@pytest.mark.parametrize("quota", [answer(500, {}), answer(200, {"type": "none"}), answer(200, raw=b"<html>")])
async def test_a_quota_that_is_not_told_is_no_trouble(quota: bytes) -> None:
    async with loopback(answer(200, {"displayName": "Shop"}), quota) as server:
        assert await adapter(LINE, server.url).check() == ChannelCheck(True, "LINE: Shop.")
