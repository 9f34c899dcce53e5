"""What a channel answers that concerns more than one message: wait, go elsewhere, your token is no good.

Every case runs on every kind of account that has an adapter, through the real HTTP client and the real sender
(reference: reliability, sections 1.8, 1.9 and 6, N4 and N6).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.server.support.raw_faults import Fault, Talk, raw_server, reply, take
from tests.server.support.workspace import NOW
from tests.services.network import KINDS, Network, network
from tui_inbox.domain.delivery import BACKOFF_BASE, RETRY_AFTER_LEAST, RETRY_AFTER_MOST
from tui_inbox.domain.events import OutcomeKind
from tui_inbox.domain.kinds import ChannelKind, DeliveryState, ErrorClass

SENT, QUEUED, FAILED = DeliveryState.SENT, DeliveryState.QUEUED, DeliveryState.FAILED
JITTER = 1.2
"""A wait grows by at most a fifth."""


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Network]:
    async with network(tmp_path) as found:
        yield found


def refusing(status: int, body: object = None, **headers: Any) -> Fault:
    """The whole request is read and answered with this; the customer gets nothing."""

    async def refuse(talk: Talk) -> None:
        await talk.read_body()
        await talk.write(reply(status, {} if body is None else body, **headers))

    return refuse


def once(first: Fault) -> Fault:
    """Each account answers like this once, and takes everything afterwards."""
    met: set[ChannelKind | None] = set()

    async def answer(talk: Talk) -> None:
        fault = take if talk.kind in met else first
        met.add(talk.kind)
        await fault(talk)

    return answer


def date(at: datetime) -> str:
    """As HTTP writes it."""
    return format_datetime(at, usegmt=True)


# --- slow down -----------------------------------------------------------------------------------------------------

WAITS = {
    "seconds": ("120", 120.0),
    "seconds, blanks": ("  7 ", 7.0),
    "nothing": ("0", RETRY_AFTER_LEAST),
    "an hour and a second": ("3601", RETRY_AFTER_MOST),
    "a billion": ("1000000000", RETRY_AFTER_MOST),
    "more digits than a number has": ("9" * 400, RETRY_AFTER_MOST),
    "a date": (date(NOW + timedelta(seconds=90)), 90.0),
    "a date that has passed": (date(NOW - timedelta(hours=1)), RETRY_AFTER_LEAST),
    "a date in a hundred years": ("Sun, 22 Nov 2126 12:00:00 GMT", RETRY_AFTER_MOST),
    "negative": ("-5", None),
    "junk": ("soon", None),
    "a fraction": ("1.5", None),
    "digits of another script": ("\u0667".encode().decode("latin-1"), None),
    "a day that there is not": ("Sun, 99 Nov 2026 12:00:00 GMT", None),
    "absent": (None, None),
}


def wait_of(told: str | None) -> Fault:
    """Too many requests, with or without word of how long."""
    return refusing(429, **({} if told is None else {"Retry_After": told}))


@pytest.mark.parametrize(("told", "least"), WAITS.values(), ids=WAITS.keys())
async def test_a_channel_waits_as_long_as_it_was_told_and_not_for_ever(
    net: Network, told: str | None, least: float | None
) -> None:
    net.server.fault = wait_of(told)
    ids = await net.queue_all(1)
    await net.drain()
    assert await net.states(ids) == {kind: {QUEUED} for kind in KINDS}
    most = JITTER * max(least or 0.0, BACKOFF_BASE)
    for kind, (message_id,) in ids.items():
        row, channel = await net.row(message_id), await net.space.channel(kind.value)
        assert (row.error_class, row.attempts) == (ErrorClass.RATE_LIMITED, 1)
        assert channel.paused_until is not None
        for until in (row.due_at, channel.paused_until):
            assert (least or 0.0) <= (until - net.clock()).total_seconds() <= most


@pytest.mark.parametrize("told", ["120", None], ids=str)
async def test_the_whole_account_waits_and_not_a_millisecond_less(net: Network, told: str | None) -> None:
    net.server.fault = once(wait_of(told))
    ids = await net.queue_all(1)
    net.clock.advance(milliseconds=1)
    for kind in KINDS:
        ids[kind].append(await net.queue(kind, "to another customer"))
    await net.drain()
    async with net.space.store.read() as unit:
        opens = [channel.paused_until for channel in await unit.directory.channels() if channel.paused_until]
    assert len(opens) == len(KINDS)
    net.clock.now = min(opens) - timedelta(milliseconds=1)
    await net.drain()
    assert await net.states(ids) == {kind: {QUEUED} for kind in KINDS}
    assert net.server.whole == dict.fromkeys(KINDS, 1), "the second one was not even tried"
    net.clock.now = max(opens)
    await net.drain()
    assert await net.states(ids) == {kind: {SENT} for kind in KINDS}
    assert [len(set(net.server.taken[kind])) for kind in KINDS] == [2] * len(KINDS), "once each"
    await net.sound()


async def test_one_account_that_is_told_to_wait_leaves_the_others_alone(net: Network) -> None:
    async def slow_line(talk: Talk) -> None:
        await (refusing(429, Retry_After="600") if talk.kind is ChannelKind.LINE else take)(talk)

    net.server.fault = slow_line
    ids = await net.queue_all()
    await net.drain()
    expected = {kind: {QUEUED if kind is ChannelKind.LINE else SENT} for kind in KINDS}
    assert await net.states(ids) == expected


@pytest.mark.parametrize(("header", "wait"), [(None, 700.0), ("5", 700.0), ("900", 700.0), ("junk", 700.0)], ids=str)
async def test_telegram_says_it_in_its_answer(net: Network, header: str | None, wait: float) -> None:
    """Its own figure goes before a header, which comes from whatever stands in between."""
    body: dict[str, Any] = {"ok": False, "error_code": 429, "parameters": {"retry_after": 700}}
    net.server.fault = refusing(429, body, **({} if header is None else {"Retry_After": header}))
    message_id = await net.queue(ChannelKind.TELEGRAM, "hello")
    await net.drain()
    row = await net.row(message_id)
    assert wait <= (row.due_at - net.clock()).total_seconds() <= JITTER * wait


async def test_a_used_up_month_of_line_is_told_and_holds_nobody_up(net: Network) -> None:
    net.server.fault = once(refusing(429, {"message": "You have reached your monthly limit."}, Retry_After="60"))
    first = await net.queue(ChannelKind.LINE, "one")
    net.clock.advance(milliseconds=1)
    second = await net.queue(ChannelKind.LINE, "two")
    await net.drain()
    row = await net.row(first)
    assert (row.state, row.error_class) == (FAILED, ErrorClass.QUOTA)
    assert "used up" in row.error_text
    assert await net.space.state(second) is SENT
    assert not (await net.space.channel("line")).paused_reason


@pytest.mark.parametrize("told", ["30", None], ids=str)
async def test_a_busy_line_is_asked_again_no_earlier_than_it_said(net: Network, told: str | None) -> None:
    net.server.fault = once(refusing(503, **({} if told is None else {"Retry_After": told})))
    message_id = await net.queue(ChannelKind.LINE, "hello")
    await net.drain()
    row = await net.row(message_id)
    assert row.state is QUEUED
    assert (row.due_at - net.clock()).total_seconds() >= float(told or 0)
    await net.later()
    assert await net.space.state(message_id) is SENT


# --- go elsewhere --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(net: Network, status: int) -> None:
    async with raw_server() as elsewhere:
        there = f"http://127.0.0.1:{elsewhere.port}/line/v2/bot/message/push"
        net.server.fault = refusing(status, Location=there)
        ids = await net.queue_all()
        await net.drain()
        await net.later()
        assert (elsewhere.connections, net.server.whole) == (0, dict.fromkeys(KINDS, 1))
    assert await net.states(ids) == {kind: {FAILED} for kind in KINDS}
    for (message_id,) in ids.values():
        row, attempt = await net.row(message_id), await net.last_attempt(message_id)
        assert (attempt.outcome, attempt.http_status) == (OutcomeKind.REFUSED, status)
        assert row.error_class is ErrorClass.INVALID
        assert "check base_url" in row.error_text
    await net.sound()


# --- your token is no good -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [{}, None], ids=["no words", "its own words"])
async def test_a_token_that_ends_amid_the_queue_stops_the_account_and_drops_nothing(
    net: Network, body: dict[str, Any] | None
) -> None:
    own: dict[ChannelKind | None, object] = {
        ChannelKind.TELEGRAM: {"ok": False, "error_code": 401, "description": "Unauthorized"},
        ChannelKind.LINE: {"message": "Authentication failed."},
    }
    meta = {"error": {"message": "expired", "type": "OAuthException", "code": 190, "error_subcode": 463}}
    ended = False

    async def until_it_ended(talk: Talk) -> None:
        if ended and len(talk.server.taken[talk.kind or ChannelKind.LINE]) == 1:
            await refusing(401, own.get(talk.kind, meta) if body is None else body)(talk)
        else:
            await take(talk)

    net.server.fault = until_it_ended
    ids: dict[ChannelKind, list[str]] = {kind: [] for kind in KINDS}
    for text in ("one", "two", "three"):
        for kind in KINDS:
            ids[kind].append(await net.queue(kind, text))
        net.clock.advance(milliseconds=1)
    ended = True
    await net.drain()
    net.clock.advance(hours=12)
    await net.drain()
    for kind in KINDS:
        assert [await net.space.state(one) for one in ids[kind]] == [SENT, QUEUED, QUEUED]
        assert net.server.whole[kind] == 2, "the third was not even tried"
        channel = await net.space.channel(kind.value)
        assert (bool(channel.paused_reason), channel.paused_until) == (True, None), "until a person acts"
        assert f"tui-inbox channel test {kind.value}" in channel.paused_reason
        assert "new token" in (await net.row(ids[kind][1])).error_text
    ended = False
    for kind in KINDS:
        channel_id = net.space.channels[kind.value].id
        await net.space.store.write(lambda unit, channel_id=channel_id: unit.directory.resume_channel(channel_id))  # type: ignore[misc]  # bound in the loop
    await net.later()
    assert await net.states(ids) == {kind: {SENT} for kind in KINDS}
    assert [sorted(net.server.taken[kind]) for kind in KINDS] == [["one", "three", "two"]] * len(KINDS), "once each"
    await net.sound()
