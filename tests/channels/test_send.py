"""What each adapter puts on the wire, against the stand-ins, which check it as the real servers do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.channels.support import (
    ADDRESS,
    KINDS,
    MESSAGE_ID,
    adapter,
    allow,
    answer,
    loopback,
    outgoing,
    standin_config,
    standins,
)
from tui_inbox.channels.port import SendVetoedError
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.events import OutcomeKind
from tui_inbox.domain.kinds import ChannelKind, ContentKind, ErrorClass
from tui_inbox.domain.templates import TemplateContent
from tui_inbox.standins.config import TemplateConfig

WHATSAPP, INSTAGRAM, TELEGRAM = ChannelKind.WHATSAPP, ChannelKind.INSTAGRAM, ChannelKind.TELEGRAM
LINE = ChannelKind.LINE
TEXT = 'Hei Ana 👋, hinta on 5 € / kpl.\nKysy "lisää"! \x1b[31m \u202e \\u0041'


@pytest.mark.parametrize("kind", KINDS)
async def test_a_text_is_accepted_as_it_was_written(kind: ChannelKind) -> None:
    async with standins(standin_config()) as servers:
        result = await adapter(kind, servers.base(kind)).send(outgoing(kind, TEXT), allow)
        (taken,) = await servers.ask(kind, "accepted")
    assert (result.kind, result.provider_id, result.error_text) == (OutcomeKind.ACCEPTED, taken["provider_id"], "")
    assert result.provider_id
    assert (taken["address"], taken["text"]) == (ADDRESS[kind], TEXT)
    assert taken["echo"] == (MESSAGE_ID if kind in (WHATSAPP, INSTAGRAM) else "")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_veto_reaches_the_caller_and_nothing_the_server(kind: ChannelKind) -> None:
    async def veto() -> None:
        raise SendVetoedError("paused")

    async with standins(standin_config()) as servers:
        with pytest.raises(SendVetoedError):
            await adapter(kind, servers.base(kind)).send(outgoing(kind), veto)
        assert await servers.ask(kind, "accepted") == []


async def test_the_bodies() -> None:
    async with standins(standin_config()) as servers:
        bodies = []
        for kind in KINDS:
            await adapter(kind, servers.base(kind)).send(outgoing(kind), allow)
            bodies.append((await servers.ask(kind, "accepted"))[0]["request"])
    assert bodies == [
        {"chat_id": 4242, "text": "hello"},
        {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "+16505551234",
            "biz_opaque_callback_data": MESSAGE_ID,
            "type": "text",
            "text": {"body": "hello", "preview_url": False},
        },
        {
            "recipient": {"id": "6400000000000001"},
            "messaging_type": "RESPONSE",
            "message": {"text": "hello", "metadata": MESSAGE_ID},
        },
        {"to": ADDRESS[LINE], "messages": [{"type": "text", "text": "hello"}]},
    ]


async def test_a_number_gets_its_sign_and_a_user_id_stays() -> None:
    async with loopback(answer(200, {"messages": [{"id": "wamid.1"}]})) as server:
        sender = adapter(WHATSAPP, server.url)
        for address in ("16505551234", "+16505551234", "US.1234"):
            await sender.send(outgoing(WHATSAPP, address=address), allow)
    for body, expected in zip(
        server.got, (b'"to":"+16505551234"', b'"to":"+16505551234"', b'"recipient":"US.1234"'), strict=True
    ):
        assert expected in body


async def test_a_user_name_is_a_chat_of_telegram() -> None:
    async with loopback(answer(200, {"ok": True})) as server:
        await adapter(TELEGRAM, server.url).send(outgoing(TELEGRAM, address="@shop"), allow)
        await adapter(TELEGRAM, server.url).send(outgoing(TELEGRAM, address="-100123"), allow)
    assert b'"chat_id":"@shop"' in server.got[0]
    assert b'"chat_id":-100123' in server.got[1]


@pytest.mark.parametrize("kind", [WHATSAPP, INSTAGRAM, LINE])
async def test_the_token_is_in_the_header_only(kind: ChannelKind) -> None:
    async with loopback(answer(200, {})) as server:
        sender = adapter(kind, server.url, token="canary")
        await sender.send(outgoing(kind), allow)
        await sender.check()
    for request in server.got:
        line, _, rest = request.partition(b"\r\n")
        assert b"canary" not in line
        assert b"authorization: bearer canary" in rest.lower()
        assert (b" /v2/bot/" if kind is LINE else b" /v25.0/") in line


async def test_the_human_agent_tag() -> None:
    async with standins(standin_config()) as servers:
        sender = adapter(INSTAGRAM, servers.base(INSTAGRAM))
        servers.clock.now += timedelta(days=2)
        refused = await sender.send(outgoing(INSTAGRAM), allow)
        tagged = await sender.send(outgoing(INSTAGRAM, tag="HUMAN_AGENT"), allow)
        servers.clock.now += timedelta(days=5)
        late = await sender.send(outgoing(INSTAGRAM, tag="HUMAN_AGENT"), allow)
        (taken,) = await servers.ask(INSTAGRAM, "accepted")
    assert (refused.error_class, tagged.kind) == (ErrorClass.WINDOW_CLOSED, OutcomeKind.ACCEPTED)
    assert late.error_class is ErrorClass.WINDOW_CLOSED
    assert (taken["request"]["messaging_type"], taken["request"]["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")


def filled(name: str = "follow_up", language: str = "en_US", *, named: bool = False, **values: str) -> dict[str, Any]:
    """Template content; ``b1`` stands for ``1``, ``header_1`` for ``header.1``, ``button0_1`` for ``button0.1``."""
    keys = {key: key.removeprefix("b") if key[1:].isdigit() else key for key in values}
    keys = {key: value.replace("header_", "header.").replace("button0_", "button0.") for key, value in keys.items()}
    content = TemplateContent(name, language, {keys[key]: value for key, value in values.items()}, named=named)
    return {"content_kind": ContentKind.TEMPLATE, "template": content, "text": ""}


FOLLOW_UP: dict[str, Any] = {"b1": "Ana", "b2": "A-7", "header_1": "A-7", "button0_1": "a7"}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (filled(**FOLLOW_UP), "Order A-7\nHello Ana, your case A-7 is waiting for you.\nDemo shop"),
        (
            filled(**dict(reversed(FOLLOW_UP.items()))),
            "Order A-7\nHello Ana, your case A-7 is waiting for you.\nDemo shop",
        ),
        (
            filled(**{**FOLLOW_UP, "b1": " Ana\n\t Maria      S "}),
            "Order A-7\nHello Ana Maria S, your case A-7 is waiting for you.\nDemo shop",
        ),
        (filled("hello", "en"), "Hello there!"),
        (filled("named", "en", named=True, order_id="A-7", first_name="Ana"), "Dear Ana, order A-7 is ready."),
    ],
)
async def test_templates_are_filled_and_go_after_the_window(content: dict[str, Any], text: str) -> None:
    async with standins(standin_config()) as servers:
        servers.clock.now += timedelta(days=30)
        result = await adapter(WHATSAPP, servers.base(WHATSAPP)).send(outgoing(WHATSAPP, **content), allow)
        assert result.kind is OutcomeKind.ACCEPTED, result
        (taken,) = await servers.ask(WHATSAPP, "accepted")
    assert taken["text"] == text
    assert taken["request"]["template"]["language"]["policy"] == "deterministic"


async def test_more_than_nine_values_stay_in_order() -> None:
    body = " ".join(f"{{{{{n}}}}}" for n in range(1, 13))
    config = standin_config()
    long = TemplateConfig(name="long", language="en", components=({"type": "BODY", "text": body},))
    channels = [item.model_copy(update={"templates": (long,)}) for item in config.channels]
    content = TemplateContent("long", "en", {str(n): f"v{n}" for n in sorted(range(1, 13), key=str)})
    async with standins(config.model_copy(update={"channels": channels})) as servers:
        message = outgoing(WHATSAPP, content_kind=ContentKind.TEMPLATE, template=content)
        await adapter(WHATSAPP, servers.base(WHATSAPP)).send(message, allow)
        (taken,) = await servers.ask(WHATSAPP, "accepted")
    assert taken["text"] == " ".join(f"v{n}" for n in range(1, 13))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (filled(b1="Ana", header_1="x", button0_1="y"), "132000"),
        (filled(**{**FOLLOW_UP, "b3": "x"}), "132000"),
        (filled(b1="Ana", b2="x", header_1="x"), "132000"),
        (filled(b1="Ana", b2="x", button0_1="x"), "132000"),
        (filled(language="en", **FOLLOW_UP), "132001"),
        (filled("nothing", "en"), "132001"),
        (filled("pending", "en"), "132001"),
        (filled("paused", "en"), "132015"),
        (filled("disabled", "en"), "132016"),
        (filled(**{**FOLLOW_UP, "b1": "x" * 1100}), "132005"),
        (filled(**{**FOLLOW_UP, "header_1": "x" * 61}), "132005"),
        (filled("named", "en", named=True, order_id="x", wrong="y"), "132000"),
    ],
)
async def test_templates_that_do_not_fit(content: dict[str, Any], code: str) -> None:
    async with standins(standin_config()) as servers:
        result = await adapter(WHATSAPP, servers.base(WHATSAPP)).send(outgoing(WHATSAPP, **content), allow)
    assert (result.kind, result.error_class, result.error_code) == (OutcomeKind.REFUSED, ErrorClass.TEMPLATE, code)


async def test_the_list_of_templates_is_read_page_by_page() -> None:
    many = [
        TemplateConfig(name=f"t{n}", language="en", components=({"type": "BODY", "text": "x"},)) for n in range(250)
    ]
    config = standin_config()
    channels = [item.model_copy(update={"templates": many}) for item in config.channels]
    async with standins(config.model_copy(update={"channels": channels})) as servers:
        found = await adapter(WHATSAPP, servers.base(WHATSAPP)).templates()
    assert [item.name for item in found] == [item.name for item in many]


async def test_what_the_list_tells_of_a_template() -> None:
    async with standins(standin_config()) as servers:
        found = {item.name: item for item in await adapter(WHATSAPP, servers.base(WHATSAPP)).templates()}
    assert (found["follow_up"].status, found["follow_up"].language, found["follow_up"].named) == (
        "APPROVED",
        "en_US",
        False,
    )
    assert (found["follow_up"].quality, found["follow_up"].category, found["follow_up"].reason) == (
        "GREEN",
        "UTILITY",
        "",
    )
    assert found["named"].named
    assert found["paused"].status == "PAUSED"
    assert found["follow_up"].components[1]["type"] == "BODY"


async def test_a_list_that_goes_round_in_circles_ends() -> None:
    pages = [
        answer(200, {"data": [], "paging": {"next": "x", "cursors": {"after": cursor}}}) for cursor in ("a", "b") * 60
    ]
    async with loopback(*pages) as server:
        with pytest.raises(InboxError, match="does not end"):
            await adapter(WHATSAPP, server.url).templates()
        assert server.connections == 100


@pytest.mark.parametrize("kind", [TELEGRAM, INSTAGRAM, LINE])
async def test_channels_without_templates(kind: ChannelKind) -> None:
    assert list(await adapter(kind).templates()) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_check_of_a_good_and_a_wrong_token(kind: ChannelKind) -> None:
    async with standins(standin_config()) as servers:
        good = await adapter(kind, servers.base(kind)).check()
        wrong = await adapter(kind, servers.base(kind), token="99:wrong").check()
    assert good.ok
    assert good.message
    assert not wrong.ok
    assert "refused the" in wrong.message
    assert "99:wrong" not in wrong.message


@pytest.mark.parametrize("kind", KINDS)
async def test_check_when_nothing_sensible_answers(kind: ChannelKind) -> None:
    gone = await adapter(kind, "http://127.0.0.1:1").check()
    assert not gone.ok
    assert "cannot be reached" in gone.message
    for odd in (answer(500, raw=b"x"), answer(200, raw=b"x"), answer(200, {"error": {}}), answer(400, {}), b""):
        async with loopback(odd) as server:
            told = await adapter(kind, server.url).check()
        assert not told.ok
        assert told.message.endswith(".")


async def test_templates_when_the_channel_refuses() -> None:
    async with standins(standin_config()) as servers:
        with pytest.raises(InboxError, match="refused the access token"):
            await adapter(WHATSAPP, servers.base(WHATSAPP), token="wrong").templates()
    with pytest.raises(InboxError, match="cannot be reached"):
        await adapter(WHATSAPP, "http://127.0.0.1:1").templates()
