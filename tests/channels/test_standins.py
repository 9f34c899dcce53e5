"""The stand-ins themselves: what they refuse, how faults behave, what the control API tells."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.channels.support import (
    ADDRESS,
    CONFIG,
    KINDS,
    TOKENS,
    Standins,
    adapter,
    allow,
    outgoing,
    sink,
    standin_config,
    standins,
)
from tui_inbox.channels.http import Http, HttpReply
from tui_inbox.domain.events import (
    OutcomeKind,
)
from tui_inbox.domain.kinds import ChannelKind, ErrorClass
from tui_inbox.standins import line
from tui_inbox.standins.config import ChannelConfig, CustomersConfig, StandinConfig
from tui_inbox.standins.server import Host

WHATSAPP, INSTAGRAM, TELEGRAM = ChannelKind.WHATSAPP, ChannelKind.INSTAGRAM, ChannelKind.TELEGRAM
LINE = ChannelKind.LINE
PATHS = {
    WHATSAPP: f"/v25.0/{CONFIG[WHATSAPP]['phone_number_id']}/messages",
    INSTAGRAM: f"/v25.0/{CONFIG[INSTAGRAM]['account_id']}/messages",
    TELEGRAM: f"/bot{TOKENS[TELEGRAM]}/sendMessage",
    LINE: "/v2/bot/message/push",
}
GOOD: dict[ChannelKind, dict[str, Any]] = {
    WHATSAPP: {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": ADDRESS[WHATSAPP],
        "type": "text",
        "text": {"body": "x"},
    },
    INSTAGRAM: {"recipient": {"id": ADDRESS[INSTAGRAM]}, "messaging_type": "RESPONSE", "message": {"text": "x"}},
    TELEGRAM: {"chat_id": 4242, "text": "x"},
    LINE: {"to": ADDRESS[LINE], "messages": [{"type": "text", "text": "x"}]},
}
NO_SUCH_USER = "The property, 'to', in the request body is invalid (line: -, column: -)"


async def post(servers: Standins, kind: ChannelKind, body: object, path: str = "", **headers: str) -> HttpReply:
    """A request of our own, past the adapter."""
    sent = {"Authorization": f"Bearer {TOKENS[kind]}"} if kind is not TELEGRAM else {}
    reply = await Http().post_json(servers.base(kind) + (path or PATHS[kind]), {**sent, **headers}, body)
    assert isinstance(reply, HttpReply)
    return reply


def code(reply: HttpReply) -> str:
    """The error in an answer, as an adapter would name it."""
    assert isinstance(reply.body, dict)
    if "error_code" in reply.body:
        return f"{reply.body['error_code']} {reply.body['description']}"
    if "message" in reply.body:
        details = [f"{item['property']}: {item['message']}" for item in reply.body.get("details", [])]
        return f"{reply.status} {' '.join(details) or reply.body['message']}"
    error = reply.body["error"]
    return "/".join(str(error[key]) for key in ("code", "error_subcode") if key in error)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_good_request_is_good(kind: ChannelKind) -> None:
    async with standins(standin_config()) as servers:
        assert (await post(servers, kind, GOOD[kind])).status == 200


@pytest.mark.parametrize(
    ("kind", "change", "told"),
    [
        (WHATSAPP, {"messaging_product": "other"}, "100"),
        (WHATSAPP, {"recipient_type": "group"}, "100"),
        (WHATSAPP, {"to": None}, "131008"),
        (WHATSAPP, {"to": "16505551234"}, "131009"),
        (WHATSAPP, {"to": 16505551234}, "131009"),
        (WHATSAPP, {"to": "+1 650 555 1234"}, "131009"),
        (WHATSAPP, {"to": None, "recipient": "x"}, "131009"),
        (WHATSAPP, {"type": "hologram"}, "131051"),
        (WHATSAPP, {"text": "x"}, "100"),
        (WHATSAPP, {"text": {"body": ""}}, "131008"),
        (WHATSAPP, {"text": {"body": 5}}, "131008"),
        (WHATSAPP, {"text": {"body": "x" * 4097}}, "100"),
        (WHATSAPP, {"text": {"body": "x", "preview_url": "no"}}, "100"),
        (WHATSAPP, {"text": {"body": "x", "odd": 1}}, "100"),
        (WHATSAPP, {"odd": 1}, "100"),
        (WHATSAPP, {"biz_opaque_callback_data": "x" * 513}, "100"),
        (WHATSAPP, {"type": "template", "template": "x"}, "131008"),
        (WHATSAPP, {"type": "template", "template": {"name": "hello"}}, "131008"),
        (WHATSAPP, {"to": "+999999"}, "131047"),
        (INSTAGRAM, {"recipient": "x"}, "100"),
        (INSTAGRAM, {"recipient": {"id": 5}}, "100"),
        (INSTAGRAM, {"recipient": {"id": "99"}}, "100/2018001"),
        (INSTAGRAM, {"messaging_type": "ODD"}, "100"),
        (INSTAGRAM, {"messaging_type": "MESSAGE_TAG", "tag": "ACCOUNT_UPDATE"}, "100"),
        (INSTAGRAM, {"messaging_type": "MESSAGE_TAG"}, "100"),
        (INSTAGRAM, {"tag": "HUMAN_AGENT"}, "100"),
        (INSTAGRAM, {"message": {"text": ""}}, "100"),
        (INSTAGRAM, {"message": {"text": "é" * 501}}, "100"),
        (INSTAGRAM, {"message": {"text": "x", "metadata": 5}}, "100"),
        (INSTAGRAM, {"message": {"text": "x", "odd": 5}}, "100"),
        (INSTAGRAM, {"message": None}, "100"),
        (INSTAGRAM, {"odd": 1}, "100"),
        (TELEGRAM, {"chat_id": None}, "400 Bad Request: chat_id is empty"),
        (TELEGRAM, {"chat_id": 99}, "400 Bad Request: chat not found"),
        (TELEGRAM, {"text": " "}, "400 Bad Request: message text is empty"),
        (TELEGRAM, {"text": None}, "400 Bad Request: message text is empty"),
        (TELEGRAM, {"text": "x" * 4097}, "400 Bad Request: message is too long"),
        (TELEGRAM, {"odd": 1}, "400 Bad Request: unknown field 'odd'"),
        (LINE, {"to": None}, f"400 {NO_SUCH_USER}"),
        (LINE, {"to": 5}, f"400 {NO_SUCH_USER}"),
        (LINE, {"to": "4242"}, f"400 {NO_SUCH_USER}"),
        (LINE, {"to": ADDRESS[LINE].upper()}, f"400 {NO_SUCH_USER}"),
        (LINE, {"to": "U" + "0" * 32}, "400 Failed to send messages"),
        (LINE, {"odd": 1}, "400 odd: Unknown property"),
        (LINE, {"messages": None}, "400 messages: Size must be between 1 and 1"),
        (LINE, {"messages": []}, "400 messages: Size must be between 1 and 1"),
        (LINE, {"messages": [{"type": "text", "text": "x"}] * 2}, "400 messages: Size must be between 1 and 1"),
        (LINE, {"messages": ["x"]}, "400 messages[0].type: Must be one of the following values: [text]"),
        (
            LINE,
            {"messages": [{"type": "odd", "text": "x"}]},
            "400 messages[0].type: Must be one of the following values: [text]",
        ),
        (LINE, {"messages": [{"type": "text", "text": " "}]}, "400 messages[0].text: May not be empty"),
        (LINE, {"messages": [{"type": "text", "text": 5}]}, "400 messages[0].text: May not be empty"),
        (
            LINE,
            {"messages": [{"type": "text", "text": "😀" * 2501}]},
            "400 messages[0].text: Length must be between 0 and 5000",
        ),
    ],
)
async def test_bad_requests(
    kind: ChannelKind, change: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TUI_INBOX_SPECS", raising=False)  # its words would come first
    body = {key: value for key, value in {**GOOD[kind], **change}.items() if value is not None}
    async with standins(standin_config()) as servers:
        reply = await post(servers, kind, body)
        assert code(reply) == told
        assert await servers.ask(kind, "accepted") == []
        assert len(await servers.ask(kind, "refused")) == 1


@pytest.mark.parametrize(
    ("kind", "longest"), [(WHATSAPP, "é" * 4096), (INSTAGRAM, "é" * 500), (TELEGRAM, "😀" * 4096), (LINE, "😀" * 2500)]
)
async def test_bytes_and_limits_at_their_edge(kind: ChannelKind, longest: str) -> None:
    async with standins(standin_config()) as servers:
        assert (await adapter(kind, servers.base(kind)).send(outgoing(kind, longest), allow)).provider_id
        over = await adapter(kind, servers.base(kind)).send(outgoing(kind, longest + "x"), allow)
    assert over.error_class is ErrorClass.INVALID


@pytest.mark.parametrize(
    ("kind", "path", "headers", "told"),
    [
        (WHATSAPP, "", {"Authorization": "Bearer wrong"}, "190"),
        (INSTAGRAM, "", {"Authorization": ""}, "190"),
        (WHATSAPP, PATHS[WHATSAPP] + "?access_token=x", {}, "100"),
        (WHATSAPP, "/v25.0/42/messages", {}, "100/33"),
        (WHATSAPP, "/messages", {}, "2500"),
        (WHATSAPP, PATHS[WHATSAPP] + "x", {}, "100"),
        (INSTAGRAM, PATHS[INSTAGRAM] + "x", {}, "100"),
        (WHATSAPP, "", {"Content-Type": "text/plain"}, "100"),
        (TELEGRAM, "/bot1:wrong/sendMessage", {}, "401 Unauthorized"),
        (TELEGRAM, "/botwrong/sendMessage", {}, "404 Not Found"),
        (TELEGRAM, "/sendMessage", {}, "404 Not Found"),
        (TELEGRAM, f"/bot{TOKENS[TELEGRAM]}/sendPigeon", {}, "404 Not Found"),
        (LINE, "", {"Authorization": "Bearer wrong"}, f"401 {line.DEFAULT_WORDS[401]}"),
        (LINE, "", {"Authorization": TOKENS[LINE]}, f"401 {line.DEFAULT_WORDS[401]}"),
        (LINE, "", {"Content-Type": "text/plain"}, "415 Content type must be application/json"),
        (LINE, PATHS[LINE] + "x", {}, "404 Not found"),
        (LINE, "/v2/bot/message/reply", {}, "404 Not found"),
    ],
)
async def test_wrong_tokens_and_paths(kind: ChannelKind, path: str, headers: dict[str, str], told: str) -> None:
    async with standins(standin_config()) as servers:
        sent = {"Authorization": f"Bearer {TOKENS[kind]}", "Content-Type": "application/json", **headers}
        url = servers.base(kind) + (path or PATHS[kind])
        reply = await Http().post_bytes(url, sent, json.dumps(GOOD[kind]).encode())
    assert isinstance(reply, HttpReply)
    assert code(reply) == told


@pytest.mark.parametrize("kind", KINDS)
async def test_bodies_that_are_no_object(kind: ChannelKind) -> None:
    async with standins(standin_config()) as servers:
        sent = {"Authorization": f"Bearer {TOKENS[kind]}", "Content-Type": "application/json"}
        for body in (b"", b"{", b"[]", b"\xff"):
            reply = await Http().post_bytes(servers.base(kind) + PATHS[kind], sent, body)
            assert isinstance(reply, HttpReply)
            assert reply.status == 400


@pytest.mark.parametrize(
    ("seconds", "accepted"), [(86_399, True), (86_400, False), (86_401, False)], ids=["-1 s", "0 s", "+1 s"]
)
async def test_the_window_of_whatsapp_at_its_end(seconds: int, accepted: bool) -> None:
    async with standins(standin_config()) as servers:
        servers.clock.now += timedelta(seconds=seconds)
        result = await adapter(WHATSAPP, servers.base(WHATSAPP)).send(outgoing(WHATSAPP), allow)
    assert (result.kind is OutcomeKind.ACCEPTED) is accepted
    assert (result.error_class is ErrorClass.WINDOW_CLOSED) is not accepted


@pytest.mark.parametrize(
    ("seconds", "tag", "accepted"),
    [
        (86_399, "", True),
        (86_400, "", False),
        (86_400, "HUMAN_AGENT", True),
        (7 * 86_400 - 1, "HUMAN_AGENT", True),
        (7 * 86_400, "HUMAN_AGENT", False),
    ],
)
async def test_the_windows_of_instagram_at_their_ends(seconds: int, tag: str, accepted: bool) -> None:
    async with standins(standin_config()) as servers:
        servers.clock.now += timedelta(seconds=seconds)
        result = await adapter(INSTAGRAM, servers.base(INSTAGRAM)).send(outgoing(INSTAGRAM, tag=tag), allow)
    assert (result.kind is OutcomeKind.ACCEPTED) is accepted


async def test_the_window_opens_again_when_the_customer_writes() -> None:
    async with standins(standin_config()) as servers:
        sender = adapter(WHATSAPP, servers.base(WHATSAPP))
        servers.clock.now += timedelta(days=2)
        assert (await sender.send(outgoing(WHATSAPP), allow)).error_code == "131047"
        await servers.control(WHATSAPP, "say", address=ADDRESS[WHATSAPP], text="hello?")
        assert (await sender.send(outgoing(WHATSAPP), allow)).kind is OutcomeKind.ACCEPTED
        await servers.control(WHATSAPP, "window", address=ADDRESS[WHATSAPP], seconds_ago=90_000)
        assert (await sender.send(outgoing(WHATSAPP), allow)).error_code == "131047"
        await servers.control(
            WHATSAPP, "window", address=ADDRESS[WHATSAPP], last_inbound_at=servers.clock.now.isoformat()
        )
        assert (await sender.send(outgoing(WHATSAPP), allow)).kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not LINE])
async def test_a_customer_who_blocked_us(kind: ChannelKind) -> None:
    async with standins(standin_config()) as servers:
        await servers.control(kind, "members", address=ADDRESS[kind], blocked=True)
        result = await adapter(kind, servers.base(kind)).send(outgoing(kind), allow)
    assert (result.kind, result.error_class) == (OutcomeKind.REFUSED, ErrorClass.UNREACHABLE)


async def test_line_answers_for_a_customer_who_blocked_us_like_for_any_other() -> None:
    customers = CustomersConfig(delay=(0, 0))
    async with sink() as receiver, standins(standin_config(receiver.url, customers=customers)) as servers:
        await servers.control(LINE, "members", address=ADDRESS[LINE], blocked=True)
        result = await adapter(LINE, servers.base(LINE)).send(outgoing(LINE), allow)
        await servers.control(LINE, "settled")
        (member,) = await servers.ask(LINE, "members")
    assert (result.kind, bool(result.provider_id)) == (OutcomeKind.ACCEPTED, True)
    assert member["blocked"], "and the customer, who got nothing, does not answer"
    assert len(receiver.got) == 1


FAULTS: list[tuple[dict[str, Any], OutcomeKind, ErrorClass | None, int]] = [
    ({"kind": "status", "status": 503}, OutcomeKind.AMBIGUOUS, ErrorClass.TEMPORARY, 0),
    ({"kind": "status", "status": 429, "retry_after": 9}, OutcomeKind.RETRY, ErrorClass.RATE_LIMITED, 0),
    ({"kind": "drop"}, OutcomeKind.AMBIGUOUS, ErrorClass.TEMPORARY, 1),
    ({"kind": "drop", "accept": False}, OutcomeKind.AMBIGUOUS, ErrorClass.TEMPORARY, 0),
    ({"kind": "slow", "seconds": 0.01}, OutcomeKind.ACCEPTED, None, 1),
    ({"kind": "truncated"}, OutcomeKind.ACCEPTED, None, 1),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("fault", "outcome", "error_class", "taken"), FAULTS)
async def test_faults(
    kind: ChannelKind, fault: dict[str, Any], outcome: OutcomeKind, error_class: ErrorClass | None, taken: int
) -> None:
    async with standins(standin_config()) as servers:
        await servers.control(kind, "fault", **fault)
        sender = adapter(kind, servers.base(kind))
        first = await sender.send(outgoing(kind), allow)
        assert (first.kind, first.error_class) == (outcome, error_class)
        assert len(await servers.ask(kind, "accepted")) == taken
        if fault["kind"] == "truncated":
            assert (first.provider_id, "unknown" in first.error_text) == ("", True)
        if "retry_after" in fault:
            assert first.retry_after == 9
        assert (await sender.send(outgoing(kind), allow)).kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize(
    ("kind", "fault", "error_class", "wait"),
    [
        (WHATSAPP, {"code": 131056}, ErrorClass.RATE_LIMITED, 6.0),
        (WHATSAPP, {"code": 130429, "retry_after": 120}, ErrorClass.RATE_LIMITED, 120.0),
        (WHATSAPP, {"code": 190}, ErrorClass.AUTH, None),
        (INSTAGRAM, {"code": 613}, ErrorClass.RATE_LIMITED, None),
        (INSTAGRAM, {"code": 10, "subcode": 2534022}, ErrorClass.WINDOW_CLOSED, None),
        (TELEGRAM, {"code": 429, "retry_after": 7}, ErrorClass.RATE_LIMITED, 7.0),
        (TELEGRAM, {"code": 403}, ErrorClass.UNREACHABLE, None),
        (TELEGRAM, {"code": 401}, ErrorClass.AUTH, None),
        (LINE, {"code": 429}, ErrorClass.RATE_LIMITED, None),
        (LINE, {"code": 429, "retry_after": 7}, ErrorClass.RATE_LIMITED, 7.0),
        (LINE, {"code": 429, "description": "You have reached your monthly limit."}, ErrorClass.QUOTA, None),
        (LINE, {"code": 400}, ErrorClass.UNREACHABLE, None),
        (LINE, {"code": 401}, ErrorClass.AUTH, None),
        (LINE, {"code": 403}, ErrorClass.AUTH, None),
    ],
)
async def test_errors_told_in_advance(
    kind: ChannelKind, fault: dict[str, Any], error_class: ErrorClass, wait: float | None
) -> None:
    async with standins(standin_config()) as servers:
        await servers.control(kind, "fault", kind="error", count=2, **fault)
        sender = adapter(kind, servers.base(kind))
        for _ in range(2):
            found = await sender.send(outgoing(kind), allow)
            assert (found.error_class, found.retry_after) == (error_class, wait)
        assert (await sender.send(outgoing(kind), allow)).kind is OutcomeKind.ACCEPTED


async def test_faults_can_be_taken_back() -> None:
    async with standins(standin_config()) as servers:
        await servers.control(TELEGRAM, "fault", kind="drop", count=99)
        await servers.control(TELEGRAM, "faults/clear")
        assert (await adapter(TELEGRAM, servers.base(TELEGRAM)).send(outgoing(TELEGRAM), allow)).provider_id


async def test_what_was_accepted_is_also_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "accepted.jsonl"
    async with standins(standin_config(accepted_file=file)) as servers:
        for kind in KINDS:
            await adapter(kind, servers.base(kind)).send(outgoing(kind, "é"), allow)
        rows = [row for kind in KINDS for row in await servers.ask(kind, "accepted")]
    assert [json.loads(line) for line in file.read_text("utf-8").splitlines()] == rows
    assert [row["channel"] for row in rows] == [kind.value for kind in KINDS]


async def test_the_control_api_says_what_is_wrong() -> None:
    async with standins(standin_config()) as servers:
        base = f"http://127.0.0.1:{servers.port}/_standin"
        for path, body, status in (
            ("/nobody/accepted", None, 404),
            ("/telegram/fault", {"kind": "odd"}, 400),
            ("/telegram/say", {"address": 5}, 400),
            ("/telegram/say", {"address": "5", "text": "x", "at": "2026-01-01T00:00:00"}, 400),
        ):
            http = Http()
            url = base + path
            reply = await (http.get_json(url, {}) if body is None else http.post_json(url, {}, body))
            assert isinstance(reply, HttpReply)
            assert reply.status == status
        members = await servers.ask(TELEGRAM, "members")
    assert [item["address"] for item in members] == [ADDRESS[TELEGRAM]]


async def test_a_path_of_no_channel() -> None:
    async with standins(standin_config()) as servers:
        reply = await Http().get_json(f"http://127.0.0.1:{servers.port}/elsewhere", {})
    assert isinstance(reply, HttpReply)
    assert reply.status == 404


def test_two_channels_of_one_name() -> None:
    channel = ChannelConfig(name="a", kind=TELEGRAM, token="1:a")
    with pytest.raises(ValueError, match="same name"):
        Host(StandinConfig(channels=(channel, channel)))
