"""What is Twilio's own: forms in and out, proof by address, opt-out words, contents with ids."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

import pytest

from tests.channels.support import MESSAGE_ID, NOW, allow, answer, loopback
from tests.conformance.sample import Sample
from tests.conformance.samples import SAMPLE_OF
from tui_inbox.channels.http import Http
from tui_inbox.channels.port import PayloadError, Secrets, WebhookRequest, kept_body_of
from tui_inbox.channels.registry import ADAPTERS
from tui_inbox.channels.signatures import twilio_signature
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.events import (
    ChannelEvent,
    InboundMessage,
    OutcomeKind,
    Outgoing,
    ReceiptEvent,
    SendOutcome,
    SubscriptionEvent,
)
from tui_inbox.domain.kinds import ChannelKind, ContentKind, ErrorClass, Receipt
from tui_inbox.domain.templates import TemplateContent

SMS, WHATSAPP = SAMPLE_OF[ChannelKind.SMS], SAMPLE_OF[ChannelKind.WHATSAPP_TWILIO]
ACCOUNT, NUMBER = SMS.config["account_sid"], SMS.config["number"]
QUEUED = {"sid": "SM1", "status": "queued", "error_code": None}


def parse(sample: Sample, **form: str) -> list[ChannelEvent]:
    """Events of a form of our account."""
    fields = {"MessageSid": "SM7", "AccountSid": ACCOUNT, **form}
    return list(sample.adapter().parse(urlencode(fields).encode(), NOW))


def message(sample: Sample, **form: str) -> InboundMessage:
    """The one message of a form."""
    prefix = "" if sample is SMS else "whatsapp:"
    (event,) = parse(sample, **{"From": f"{prefix}+16505551234", "Body": "hi", "NumMedia": "0", **form})
    assert isinstance(event, InboundMessage)
    return event


async def sent(sample: Sample, **changes: Any) -> tuple[dict[str, list[str]], bytes]:
    """The form of a message and the head of its request."""
    config = {**sample.config, "webhook_url": sample.webhook_url, **changes}
    async with loopback(answer(201, QUEUED)) as server:
        adapter = ADAPTERS[sample.kind]({**config, "base_url": server.url}, Secrets(sample.secrets), Http())
        await adapter.send(Outgoing(MESSAGE_ID, "+16505551234", ContentKind.TEXT, "a=b & é"), allow)
    head, _, body = server.got[0].partition(b"\r\n\r\n")
    return parse_qs(body.decode()), head


async def test_the_form_of_a_message() -> None:
    form, head = await sent(SMS)
    assert form == {
        "To": ["+16505551234"],
        "From": [NUMBER],
        "Body": ["a=b & é"],
        "StatusCallback": [f"{SMS.webhook_url}?message={MESSAGE_ID}"],
    }
    assert head.startswith(f"POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP".encode())
    form, _ = await sent(WHATSAPP)
    assert (form["To"], form["From"]) == (["whatsapp:+16505551234"], [f"whatsapp:{NUMBER}"])


@pytest.mark.parametrize(
    ("query", "signed_for", "believed"),
    [
        ("", "", True),
        (f"message={MESSAGE_ID}", f"?message={MESSAGE_ID}", True),
        (f"message={MESSAGE_ID}", "", False),
        ("message=other", f"?message={MESSAGE_ID}", False),
        ("", f"?message={MESSAGE_ID}", False),
    ],
)
def test_a_status_says_which_message_it_is_about(query: str, signed_for: str, believed: bool) -> None:
    form = [("MessageSid", "SM7"), ("AccountSid", ACCOUNT), ("MessageStatus", "delivered"), ("To", "+1")]
    signature = twilio_signature(SMS.secrets["token"], f"{SMS.webhook_url}{signed_for}", form).encode()
    headers = {"x-twilio-signature": signature}
    request = WebhookRequest("POST", dict(parse_qsl(query)), headers, urlencode(form).encode())
    adapter = SMS.adapter()
    assert adapter.verify(request) is believed
    (receipt,) = adapter.parse(kept_body_of(adapter, request), NOW)
    assert isinstance(receipt, ReceiptEvent)
    assert (receipt.provider_id, receipt.echo) == ("SM7", query.removeprefix("message="))


async def test_a_messaging_service_replaces_the_number() -> None:
    form, _ = await sent(SMS, messaging_service_sid="MG" + "0" * 32)
    assert "From" not in form
    assert form["MessagingServiceSid"] == ["MG" + "0" * 32]


async def test_without_a_public_address_nothing_is_asked_for_and_nothing_is_believed() -> None:
    form, _ = await sent(SMS, webhook_url="")
    assert "StatusCallback" not in form
    adapter = ADAPTERS[ChannelKind.SMS]({**SMS.config, "webhook_url": ""}, Secrets(SMS.secrets), Http())
    assert not adapter.receives
    body = b"Body=hi"
    signature = twilio_signature(SMS.secrets["token"], "", [("Body", "hi")])
    assert not adapter.verify(WebhookRequest("POST", {}, {"x-twilio-signature": signature.encode()}, body))
    async with loopback(answer(200, {"friendly_name": "Shop", "status": "active"})) as server:
        config = {**SMS.config, "webhook_url": "", "base_url": server.url}
        told = await ADAPTERS[ChannelKind.SMS](config, Secrets(SMS.secrets), Http()).check()
    assert told.ok
    assert "public_url" in told.message


@pytest.mark.parametrize("status", ["suspended", "closed"])
async def test_an_account_that_is_not_active(status: str) -> None:
    async with loopback(answer(200, {"friendly_name": "Shop", "status": status})) as server:
        told = await SMS.adapter(server.url).check()
    assert (told.ok, status in told.message) == (False, True)


async def test_a_message_that_was_dead_at_once() -> None:
    for code, error_class in ((30002, ErrorClass.QUOTA), (None, ErrorClass.INVALID)):
        async with loopback(answer(201, {"sid": "SM1", "status": "failed", "error_code": code})) as server:
            outcome = await SMS.adapter(server.url).send(Outgoing(MESSAGE_ID, "+1", ContentKind.TEXT, "hi"), allow)
        assert (outcome.kind, outcome.error_class) == (OutcomeKind.REFUSED, error_class)


def test_forms_of_others() -> None:
    for form in ({"MessageSid": ""}, {"AccountSid": "AC1"}, {"From": "whatsapp:+1", "Body": "hi"}):
        with pytest.raises(PayloadError):
            parse(SMS, **form)
    with pytest.raises(PayloadError):
        parse(WHATSAPP, From="+1", Body="hi")


@pytest.mark.parametrize(("word", "started"), [("STOP", False), (" stop ", False), ("OptOut", False), ("Start", True)])
def test_opt_out_words(word: str, started: bool) -> None:
    said, subscription = parse(SMS, From="+16505551234", Body=word)
    assert isinstance(said, InboundMessage)
    assert isinstance(subscription, SubscriptionEvent)
    assert (said.text, subscription.started, subscription.address) == (word, started, "+16505551234")
    assert said.key != subscription.key


def test_words_that_are_none() -> None:
    assert message(SMS, Body="please stop").text == "please stop"
    assert message(WHATSAPP, Body="STOP").text == "STOP", "WhatsApp has no such words"
    said, subscription = parse(SMS, From="+1", Body="arrêt", OptOutType="STOP")
    assert isinstance(subscription, SubscriptionEvent)
    assert isinstance(said, InboundMessage)
    assert parse(SMS, From="+1", Body="HELP", OptOutType="HELP") == [
        InboundMessage("+1", "message:SM7", "SM7", NOW, "HELP", phone="+1")
    ]


def test_files_places_and_buttons() -> None:
    kinds = {"MediaContentType0": "image/jpeg", "MediaContentType1": "application/pdf", "MediaContentType2": "x"}
    found = message(SMS, NumMedia="3", Body="look", **kinds)
    assert (found.text, found.attachments) == (
        "[photo] [document] [attachment] look",
        ("photo", "document", "attachment"),
    )
    assert message(WHATSAPP, Body="", Latitude="1", Longitude="2").attachments == ("location",)
    assert message(WHATSAPP, Body="", ButtonText="Yes", ButtonPayload="y").text == "Yes"
    assert len(message(SMS, NumMedia="99999999").attachments) == 10


def test_a_customer_without_a_number() -> None:
    found = message(WHATSAPP, ExternalUserId="whatsapp:US.1234", ProfileName="Ana")
    assert (found.address, found.phone, found.name) == ("US.1234", "", "Ana")


@pytest.mark.parametrize("status", ["accepted", "scheduled", "queued", "sending", "receiving", "received", "odd", ""])
def test_statuses_that_say_nothing_new(status: str) -> None:
    assert parse(SMS, MessageStatus=status) == []


def test_statuses() -> None:
    for status, receipt in (("sent", Receipt.SENT), ("delivered", Receipt.DELIVERED), ("read", Receipt.READ)):
        (event,) = parse(WHATSAPP, MessageStatus=status, To="whatsapp:+1")
        assert isinstance(event, ReceiptEvent)
        assert (event.receipt, event.provider_id, event.address, event.error_class) == (receipt, "SM7", "+1", None)
    for code, error_class in (
        ("30003", ErrorClass.UNREACHABLE),
        ("30008", ErrorClass.TEMPORARY),
        ("", ErrorClass.INTERNAL),
    ):
        (event,) = parse(SMS, MessageStatus="undelivered", To="+1", ErrorCode=code)
        assert isinstance(event, ReceiptEvent)
        assert (event.receipt, event.error_class, event.error_code) == (Receipt.NONE, error_class, code or "unknown")


def contents(*items: dict[str, Any], following: str | None = None) -> bytes:
    """A page of the Content API."""
    return answer(200, {"contents": list(items), "meta": {"next_page_url": following}})


def content(sid: str, status: str = "approved", **changes: Any) -> dict[str, Any]:
    """One entry of it."""
    approval = {"status": status, "category": "UTILITY", "rejection_reason": ""}
    text = {"twilio/text": {"body": "Hello {{1}}"}}
    made = {"sid": sid, "friendly_name": "hello", "language": "en", "types": text, "approval_requests": approval}
    return {**made, **changes}


async def send_template(*answers: bytes, values: dict[str, str] | None = None) -> tuple[SendOutcome, list[bytes]]:
    """What comes of sending ``hello``, and the requests."""
    async with loopback(*answers) as server:
        adapter = WHATSAPP.adapter(server.url)
        template = TemplateContent("hello", "en", values or {"1": "Ana"})
        outgoing = Outgoing(MESSAGE_ID, "+1", ContentKind.TEMPLATE, template=template)
        return await adapter.send(outgoing, allow), server.got


async def test_a_template_is_sent_by_its_id() -> None:
    values = {"1": " Ana\nB ", "button0.2": "x"}
    outcome, requests = await send_template(contents(content("HX1")), answer(201, QUEUED), values=values)
    form = parse_qs(requests[1].partition(b"\r\n\r\n")[2].decode())
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert (form["ContentSid"], form["ContentVariables"]) == (["HX1"], ['{"1": "Ana B", "2": "x"}'])
    assert "Body" not in form


async def test_of_two_contents_with_one_name_the_approved_one_counts() -> None:
    page = contents(content("HX1"), content("HX2", "rejected"))
    _, requests = await send_template(page, answer(201, QUEUED))
    assert b"ContentSid=HX1" in requests[1]


async def test_a_template_whose_id_cannot_be_had_was_not_sent() -> None:
    outcome, requests = await send_template(answer(500, {}))
    assert (outcome.kind, len(requests)) == (OutcomeKind.NOT_SENT, 1)
    outcome, requests = await send_template(contents())
    assert (outcome.kind, outcome.error_class, len(requests)) == (OutcomeKind.REFUSED, ErrorClass.TEMPLATE, 1)


async def test_the_list_of_contents_is_read_on_our_own_address() -> None:
    other = "https://elsewhere.invalid/v1/ContentAndApprovals?PageSize=1&Page=1&PageToken=t&secret=x"
    second = content("HX2", "paused", friendly_name="other", variables={"name": "x"})
    async with loopback(contents(content("HX1"), following=other), contents(second)) as server:
        found = await WHATSAPP.adapter(server.url).templates()
    assert [(item.name, item.status, item.named) for item in found] == [
        ("hello", "APPROVED", False),
        ("other", "PAUSED", True),
    ]
    line = server.got[1].partition(b"\r\n")[0]
    assert b"Page=1&PageToken=t" in line
    assert b"secret" not in line


async def test_a_list_that_goes_round_in_circles_ends() -> None:
    pages = [contents(following=f"https://x.invalid/?Page={page % 2}") for page in range(200)]
    async with loopback(*pages) as server:
        with pytest.raises(InboxError, match="does not end"):
            await WHATSAPP.adapter(server.url).templates()


async def test_buttons_of_contents() -> None:
    actions = [{"type": "URL", "title": "Open", "url": "https://x/{{2}}"}, {"title": "No", "id": "n"}]
    rich = content("HX1", types={"twilio/call-to-action": {"body": "Hi {{1}}", "actions": actions}})
    async with loopback(contents(rich)) as server:
        (found,) = await WHATSAPP.adapter(server.url).templates()
    assert [part["type"] for part in found.components] == ["BODY", "BUTTONS"]
    assert found.components[1]["buttons"] == [
        {"type": "URL", "text": "Open", "url": "https://x/{{2}}"},
        {"type": "QUICK_REPLY", "text": "No", "url": ""},
    ]
