"""Against Twilio's published descriptions: our forms and questions, and what the stand-ins answer."""

from __future__ import annotations

import base64
import functools
import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.channels.support import MESSAGE_ID, allow, answer, loopback
from tests.conformance.bench import bench
from tests.conformance.samples import SAMPLE_OF
from tui_inbox.channels.http import Http, HttpReply
from tui_inbox.domain.events import OutcomeKind, Outgoing
from tui_inbox.domain.kinds import ChannelKind, ContentKind
from tui_inbox.domain.templates import TemplateContent
from tui_inbox.standins.specs import CONTENT_FILE, FOLDER_VARIABLE, TWILIO_FILE, Specs

pytestmark = pytest.mark.skipif(
    not os.environ.get(FOLDER_VARIABLE), reason=f"NOT RUN: {FOLDER_VARIABLE} names no folder of published descriptions"
)
KINDS = (ChannelKind.SMS, ChannelKind.WHATSAPP_TWILIO)
ACCOUNT = SAMPLE_OF[ChannelKind.SMS].config["account_sid"]
MESSAGES = "/2010-04-01/Accounts/{AccountSid}/Messages.json"


def basic(kind: ChannelKind) -> dict[str, str]:
    """The credential of an account."""
    raw = f"{ACCOUNT}:{SAMPLE_OF[kind].secrets['token']}".encode()
    return {"Authorization": f"Basic {base64.b64encode(raw).decode()}"}


@functools.cache
def specs() -> Specs:
    return Specs(Path(os.environ[FOLDER_VARIABLE]))


@functools.cache
def described(name: str) -> dict[str, Any]:
    """A description as data."""
    found: dict[str, Any] = json.loads((Path(os.environ[FOLDER_VARIABLE]) / name).read_text("utf-8"))
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["hello", "é 😀\n\x1b[0m" * 100, "a=b&c%20d+e"])
async def test_our_texts(kind: ChannelKind, text: str) -> None:
    async with loopback(answer(201, {"sid": "SM1", "status": "queued"})) as server:
        await SAMPLE_OF[kind].adapter(server.url).send(Outgoing(MESSAGE_ID, "+1", ContentKind.TEXT, text), allow)
    form = dict(parse_qsl(server.got[0].partition(b"\r\n\r\n")[2].decode(), keep_blank_values=True))
    assert specs().twilio_message_problem(form) == ""
    assert form["Body"] == text


async def test_our_templates_and_the_question_for_their_ids() -> None:
    item = {"sid": "HX" + "a" * 32, "friendly_name": "hello", "language": "en", "types": {}, "approval_requests": {}}
    page = answer(200, {"contents": [item], "meta": {}})
    outgoing = Outgoing(MESSAGE_ID, "+1", ContentKind.TEMPLATE, template=TemplateContent("hello", "en", {"1": "Ana"}))
    async with loopback(page, answer(201, {"sid": "SM1"})) as server:
        await SAMPLE_OF[ChannelKind.WHATSAPP_TWILIO].adapter(server.url).send(outgoing, allow)
    asked, sent = server.got
    address = urlsplit(asked.split(b" ")[1].decode())
    known = described(CONTENT_FILE)["paths"]["/v1/ContentAndApprovals"]["get"]["parameters"]
    assert address.path == "/v1/ContentAndApprovals"
    assert {name for name, _ in parse_qsl(address.query)} <= {item["name"] for item in known}
    assert specs().twilio_message_problem(dict(parse_qsl(sent.partition(b"\r\n\r\n")[2].decode()))) == ""
    assert MESSAGES in described(TWILIO_FILE)["paths"]
    assert "/2010-04-01/Accounts/{Sid}.json" in described(TWILIO_FILE)["paths"]


def test_the_validators_can_fail() -> None:
    good = {"To": "+1", "From": "+1", "Body": "x"}
    assert specs().twilio_message_problem(good) == ""
    for wrong in ({"Odd": "x"}, {"ContentSid": "HX1"}, {"MessagingServiceSid": "x"}):
        assert specs().twilio_message_problem({**good, **wrong}), wrong
    assert specs().twilio_message_problem({"Body": "x"})
    assert specs().twilio_contents_problem({"contents": [{"sid": "x"}]})


@pytest.mark.parametrize("kind", KINDS)
async def test_what_the_stand_ins_answer(kind: ChannelKind, tmp_path: Path) -> None:
    async with bench(SAMPLE_OF[kind], tmp_path) as stage:
        sent = await stage.send()
        base, headers = f"http://127.0.0.1:{stage.servers.port}/main", basic(kind)
        account = await Http().get_json(f"{base}/2010-04-01/Accounts/{ACCOUNT}.json", headers)
        contents = await Http().get_json(f"{base}/v1/ContentAndApprovals", headers)
    assert isinstance(account, HttpReply)
    assert isinstance(contents, HttpReply)
    assert isinstance(account.body, dict)
    schemas = described(TWILIO_FILE)["components"]["schemas"]
    message = schemas["api.v2010.account.message"]["properties"]
    assert sent.kind is OutcomeKind.ACCEPTED
    assert re.fullmatch(message["sid"]["pattern"], sent.provider_id)
    assert set(account.body) <= set(schemas["api.v2010.account"]["properties"])
    if kind is ChannelKind.WHATSAPP_TWILIO:
        assert specs().twilio_contents_problem(contents.body) == ""


async def test_the_stand_in_refuses_what_the_description_does(tmp_path: Path) -> None:
    async with bench(SAMPLE_OF[ChannelKind.SMS], tmp_path) as stage:
        url = f"http://127.0.0.1:{stage.servers.port}/main{MESSAGES.replace('{AccountSid}', ACCOUNT)}"
        form = {"To": "+16505551234", "From": "+15550001111", "Body": "x", "Odd": "y"}
        reply = await Http().post_form(url, basic(ChannelKind.SMS), form)
    assert isinstance(reply, HttpReply)
    assert "published description" in json.dumps(reply.body)
