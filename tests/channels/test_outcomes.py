"""Every error code of the channels, as the server words it, and the outcome that comes of it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.channels.support import KINDS, TOKENS, adapter, allow, answer, loopback, outgoing
from tui_inbox.channels.http import Http
from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

REFUSED, RETRY, AMBIGUOUS = OutcomeKind.REFUSED, OutcomeKind.RETRY, OutcomeKind.AMBIGUOUS
E = ErrorClass
Case = tuple[tuple[int, ...], OutcomeKind, ErrorClass]
WHATSAPP: tuple[Case, ...] = (
    ((131047,), REFUSED, E.WINDOW_CLOSED),
    ((131026, 131021, 131030, 131050, 130472, 131062), REFUSED, E.UNREACHABLE),
    ((131049, 131048), REFUSED, E.RATE_LIMITED),
    ((4, 80007, 130429, 131056, 133016), RETRY, E.RATE_LIMITED),
    ((0, 190), RETRY, E.AUTH),
    ((3, 10, 200, 250, 299, 131005, 368, 131031, 130497, 131037, 131045), REFUSED, E.AUTH),
    ((131042,), REFUSED, E.QUOTA),
    (
        (132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132068, 132069, 131063, 131064),
        REFUSED,
        E.TEMPLATE,
    ),
    ((100, 131008, 131009, 131051, 131052), REFUSED, E.INVALID),
    ((131053,), RETRY, E.TEMPORARY),
    ((1, 2, 131000, 131016, 131057, 135000), AMBIGUOUS, E.TEMPORARY),
    ((777777,), REFUSED, E.INVALID),
)
INSTAGRAM: tuple[tuple[tuple[tuple[int, int | None], ...], OutcomeKind, ErrorClass], ...] = (
    (((10, 2534022), (10, 2018278), (10, 2018065)), REFUSED, E.WINDOW_CLOSED),
    (
        ((10, 2018108), (551, None), (551, 1545041), (200, 1545041), (100, 2018001), (36103, None)),
        REFUSED,
        E.UNREACHABLE,
    ),
    (
        tuple((code, None) for code in (4, 17, 32, 613, 80004, 80006)),
        RETRY,
        E.RATE_LIMITED,
    ),
    (((190, None), (190, 463)), RETRY, E.AUTH),
    (((10, None), (200, None), (230, None), (10, 1893063), (368, None)), REFUSED, E.AUTH),
    (((100, None), (100, 2018047), (100, 42)), REFUSED, E.INVALID),
    (((1, None), (2, None), (1200, None)), AMBIGUOUS, E.TEMPORARY),
)
TELEGRAM: tuple[tuple[int, str, OutcomeKind, ErrorClass], ...] = (
    (403, "Forbidden: bot was blocked by the user", REFUSED, E.UNREACHABLE),
    (403, "Forbidden: user is deactivated", REFUSED, E.UNREACHABLE),
    (403, "Forbidden: bot can't initiate conversation with a user", REFUSED, E.UNREACHABLE),
    (403, "Forbidden: something new", REFUSED, E.UNREACHABLE),
    (400, "Bad Request: chat not found", REFUSED, E.UNREACHABLE),
    (400, "Bad Request: message is too long", REFUSED, E.INVALID),
    (400, "Bad Request: message text is empty", REFUSED, E.INVALID),
    (400, "Bad Request: something new", REFUSED, E.INVALID),
    (401, "Unauthorized", RETRY, E.AUTH),
    (404, "Not Found", RETRY, E.AUTH),
    (409, "Conflict: terminated by other getUpdates request", REFUSED, E.INVALID),
    (429, "Too Many Requests: retry after 7", RETRY, E.RATE_LIMITED),
    (500, "Internal Server Error", AMBIGUOUS, E.TEMPORARY),
    (502, "Bad Gateway", AMBIGUOUS, E.TEMPORARY),
)
LIMIT = "You have reached your monthly limit."
LINE: tuple[tuple[int, dict[str, Any], OutcomeKind, ErrorClass], ...] = (
    (400, {"message": "Failed to send messages"}, REFUSED, E.UNREACHABLE),
    (
        400,
        {"message": "The property, 'to', in the request body is invalid (line: -, column: -)"},
        REFUSED,
        E.UNREACHABLE,
    ),
    (400, {"message": "x", "details": [{"message": "Length must be between 0 and 5000"}]}, REFUSED, E.INVALID),
    (400, {"message": "x", "details": [{"message": "May not be empty"}]}, REFUSED, E.INVALID),
    (400, {"message": "something new"}, REFUSED, E.INVALID),
    (401, {"message": "Authentication failed. Confirm that the access token …"}, RETRY, E.AUTH),
    (403, {"message": "Access to this API is not available for your account"}, REFUSED, E.AUTH),
    (404, {"message": "Not found"}, REFUSED, E.INVALID),
    (409, {"message": "Conflict"}, AMBIGUOUS, E.TEMPORARY),
    (413, {"message": "Request entity too large"}, REFUSED, E.INVALID),
    (415, {"message": "Unsupported media type"}, REFUSED, E.INVALID),
    (429, {"message": "The API rate limit has been exceeded. Try again later."}, RETRY, E.RATE_LIMITED),
    (429, {"message": LIMIT}, REFUSED, E.QUOTA),
    (429, {"message": "x", "details": [{"message": LIMIT}]}, REFUSED, E.QUOTA),
    (500, {"message": "Internal server error"}, AMBIGUOUS, E.TEMPORARY),
    (500, {"message": LIMIT}, AMBIGUOUS, E.TEMPORARY),
)


async def outcome(kind: ChannelKind, reply: bytes) -> SendOutcome:
    """What one send to a server that answers ``reply`` comes to."""
    async with loopback(reply) as server:
        result = await adapter(kind, server.url).send(outgoing(kind, "secret words"), allow)
    check_words(result, kind)
    return result


def check_words(result: SendOutcome, kind: ChannelKind) -> None:
    """Texts are sentences for a person, without addresses, tokens or what the customer got."""
    assert not re.search(r"127\.0\.0\.1|http|secret words|canary", result.error_text)
    assert TOKENS[kind] not in repr(result)
    if result.kind is not OutcomeKind.ACCEPTED:
        assert re.fullmatch(r"[A-Z].+[.]", result.error_text)
        assert result.error_class is not None


def meta(code: int, subcode: int | None = None) -> dict[str, Any]:
    error = {"message": f"(#{code}) canary", "type": "OAuthException", "code": code, "fbtrace_id": "x"}
    return {"error": error | ({} if subcode is None else {"error_subcode": subcode})}


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 200])
@pytest.mark.parametrize(("codes", "kind", "error_class"), WHATSAPP)
async def test_whatsapp_codes_decide_and_not_the_status(
    codes: tuple[int, ...], kind: OutcomeKind, error_class: ErrorClass, status: int
) -> None:
    for code in codes:
        if code == 777777 and status != 400:
            continue  # an unknown code leaves the word to the status
        found = await outcome(ChannelKind.WHATSAPP, answer(status, meta(code)))
        assert (found.kind, found.error_class, found.error_code) == (kind, error_class, str(code))
        assert found.pauses_channel is (kind is RETRY and code not in (131056, 131053))


@pytest.mark.parametrize(("errors", "kind", "error_class"), INSTAGRAM)
async def test_instagram_codes(
    errors: tuple[tuple[int, int | None], ...], kind: OutcomeKind, error_class: ErrorClass
) -> None:
    for code, subcode in errors:
        found = await outcome(ChannelKind.INSTAGRAM, answer(400, meta(code, subcode)))
        assert (found.kind, found.error_class) == (kind, error_class), (code, subcode)
        assert found.error_code == (str(code) if subcode is None else f"{code}/{subcode}")
        assert found.pauses_channel is (kind is RETRY)


@pytest.mark.parametrize("inside_200", [False, True])
@pytest.mark.parametrize(("code", "words", "kind", "error_class"), TELEGRAM)
async def test_telegram_codes(
    code: int, words: str, kind: OutcomeKind, error_class: ErrorClass, inside_200: bool
) -> None:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": words}
    if code == 429:
        body["parameters"] = {"retry_after": 7}
    found = await outcome(ChannelKind.TELEGRAM, answer(200 if inside_200 else code, body))
    assert (found.kind, found.error_class, found.error_code) == (kind, error_class, str(code))
    assert found.retry_after == (7.0 if code == 429 else None)
    assert found.pauses_channel is (kind is RETRY)


@pytest.mark.parametrize(("status", "body", "kind", "error_class"), LINE)
async def test_line_errors(status: int, body: dict[str, Any], kind: OutcomeKind, error_class: ErrorClass) -> None:
    found = await outcome(ChannelKind.LINE, answer(status, body, Retry_After="7"))
    assert (found.kind, found.error_class, found.error_code) == (kind, error_class, str(status))
    assert kind is REFUSED or found.retry_after == 7.0, "what is tried again waits as long as it was told"
    assert found.pauses_channel is (kind is RETRY)


async def test_what_nobody_can_know_says_what_follows() -> None:
    for reply in (b"", answer(500, {})):
        for kind in KINDS:
            told = (await outcome(kind, reply)).error_text
            assert ("repeat within a day is safe" in told) is (kind is ChannelKind.LINE)
            assert ("Check with the customer" in told) is (kind is not ChannelKind.LINE)


async def test_telegram_moved_chat() -> None:
    body = {"ok": False, "error_code": 400, "description": "x", "parameters": {"migrate_to_chat_id": -5}}
    found = await outcome(ChannelKind.TELEGRAM, answer(400, body))
    assert (found.kind, found.error_class) == (REFUSED, E.INVALID)
    assert "moved" in found.error_text


async def test_telegram_refusal_without_a_code() -> None:
    found = await outcome(ChannelKind.TELEGRAM, answer(200, {"ok": False}))
    assert found.kind is AMBIGUOUS


@pytest.mark.parametrize("channel", KINDS)
@pytest.mark.parametrize(
    ("status", "kind", "error_class", "pauses"),
    [
        (301, REFUSED, E.INVALID, False),
        (307, REFUSED, E.INVALID, False),
        (400, REFUSED, E.INVALID, False),
        (410, REFUSED, E.INVALID, False),
        (401, RETRY, E.AUTH, True),
        (429, RETRY, E.RATE_LIMITED, True),
        (408, AMBIGUOUS, E.TEMPORARY, False),
        (425, AMBIGUOUS, E.TEMPORARY, False),
        (500, AMBIGUOUS, E.TEMPORARY, False),
        (502, AMBIGUOUS, E.TEMPORARY, False),
        (503, AMBIGUOUS, E.TEMPORARY, False),
        (504, AMBIGUOUS, E.TEMPORARY, False),
    ],
)
async def test_statuses_without_a_code(
    channel: ChannelKind, status: int, kind: OutcomeKind, error_class: ErrorClass, pauses: bool
) -> None:
    found = await outcome(channel, answer(status, raw=b"<html>canary</html>"))
    assert (found.kind, found.error_class, found.pauses_channel) == (kind, error_class, pauses)
    assert found.http_status == status


@pytest.mark.parametrize("channel", KINDS)
async def test_retry_after_is_passed_on(channel: ChannelKind) -> None:
    found = await outcome(channel, answer(429, {}, Retry_After="7"))
    assert found.retry_after == 7.0
    assert (await outcome(channel, answer(429, {}, Retry_After="soon"))).retry_after is None


@pytest.mark.parametrize("channel", [ChannelKind.WHATSAPP, ChannelKind.INSTAGRAM])
async def test_the_usage_header_tells_how_long(channel: ChannelKind) -> None:
    usage = '{"1":[{"type":"messaging","estimated_time_to_regain_access":3},{"estimated_time_to_regain_access":1}]}'
    found = await outcome(channel, answer(400, meta(4), X_Business_Use_Case_Usage=usage))
    assert found.retry_after == 180.0
    for odd in ("[", "[1]", '{"1": 5}', '{"1":[{"estimated_time_to_regain_access":"x"}]}', "[" * 100_000):
        assert (await outcome(channel, answer(400, meta(4), X_App_Usage=odd[:60_000]))).retry_after is None


async def test_a_pair_limit_does_not_stop_the_channel() -> None:
    found = await outcome(ChannelKind.WHATSAPP, answer(400, meta(131056)))
    assert (found.pauses_channel, found.retry_after) == (False, 6.0)


UNREADABLE = [b"{", b"[]", b"{}", b'{"messages":[]}', b'{"messages":[{"id":{}}],"message_id":{},"ok":true,"result":{}}']


@pytest.mark.parametrize("channel", KINDS)
@pytest.mark.parametrize("body", UNREADABLE)
async def test_success_without_a_readable_id_is_accepted(channel: ChannelKind, body: bytes) -> None:
    found = await outcome(channel, answer(200, raw=body))
    assert (found.kind, found.provider_id, found.error_class) == (OutcomeKind.ACCEPTED, "", None)
    assert "id is unknown" in found.error_text


@pytest.mark.parametrize("channel", KINDS)
async def test_no_answer(channel: ChannelKind) -> None:
    found = await outcome(channel, b"")
    assert (found.kind, found.error_class) == (AMBIGUOUS, E.TEMPORARY)
    gone = await adapter(channel, "http://127.0.0.1:1", http=Http(connect=2)).send(outgoing(channel), allow)
    assert (gone.kind, gone.http_status) == (OutcomeKind.NOT_SENT, None)
    check_words(gone, channel)
