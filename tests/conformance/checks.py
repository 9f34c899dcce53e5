"""The list: what every adapter must do. Each check takes a bench and raises ``AssertionError`` where it is not so.

A check may have a counterpart for channels that lack the thing: it must then really not be there, so that no lack is
claimed that isn't one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from tests.conformance import files, incoming, refusals
from tests.conformance.bench import Bench
from tui_inbox.channels.port import WebhookRequest
from tui_inbox.domain.events import OutcomeKind, ReceiptEvent
from tui_inbox.domain.kinds import ContentKind, DeliveryState, ErrorClass, Permission, Receipt
from tui_inbox.domain.limits import measure
from tui_inbox.domain.policy import DEFAULT_POLICIES, ChannelPolicy
from tui_inbox.domain.templates import Template

Run = Callable[[Bench], Awaitable[None]]
TEXT = 'Hei Ana 👋, hinta on 5 € / kpl.\nKysy "lisää"! & a=b+c%20 \\u0041'
LONG_AFTER = timedelta(days=60)


@dataclass(frozen=True)
class Check:
    """One line of the list."""

    name: str
    run: Run
    absent: Run | None = None
    """For a channel that lacks it: that it does."""


def policy_of(bench: Bench) -> ChannelPolicy:
    """The default policy of the channel."""
    return DEFAULT_POLICIES[bench.sample.kind]


async def sends_text(bench: Bench) -> None:
    """A text arrives as it was written, and its id is known."""
    outcome = await bench.send(TEXT)
    (taken,) = await bench.accepted()
    assert outcome.kind is OutcomeKind.ACCEPTED, outcome
    assert (taken["address"], taken["text"]) == (bench.sample.address, TEXT)
    if "message id" not in bench.sample.lacks:
        assert outcome.provider_id == taken["provider_id"] != ""


async def knows_the_id(bench: Bench) -> None:
    """The answer names the message."""
    assert (await bench.send()).provider_id


async def has_no_id(bench: Bench) -> None:
    """The answer names nothing."""
    assert not (await bench.send()).provider_id


async def text_after_closing(bench: Bench) -> None:
    """After the window a text goes where the policy lets it, else the channel refuses it for that reason."""
    policy = policy_of(bench)
    bench.clock.now += LONG_AFTER
    outcome = await bench.send()
    free = policy.window is None or any(Permission.TEXT in stage.allows for stage in policy.after_close)
    if free:
        assert outcome.kind is OutcomeKind.ACCEPTED, outcome
    elif outcome.kind is OutcomeKind.ACCEPTED:  # some notice only afterwards
        told = [event.error_class for event in await bench.events() if isinstance(event, ReceiptEvent)]
        assert told[-1] is ErrorClass.WINDOW_CLOSED
    else:
        assert (outcome.kind, outcome.error_class) == (OutcomeKind.REFUSED, ErrorClass.WINDOW_CLOSED)


async def tag_after_closing(bench: Bench) -> None:
    """A tagged text goes within the tag's time and no longer."""
    (stage,) = (stage for stage in policy_of(bench).after_close if Permission.HUMAN_AGENT in stage.allows)
    assert stage.until is not None
    wrote_at = bench.clock.now - timedelta(hours=1)
    for late, kind in ((timedelta(seconds=1), OutcomeKind.ACCEPTED), (timedelta(0), OutcomeKind.REFUSED)):
        bench.clock.now = wrote_at + stage.until - late
        outcome = await bench.send(tag="HUMAN_AGENT")
        assert outcome.kind is kind, outcome
    assert outcome.error_class is ErrorClass.WINDOW_CLOSED
    (taken,) = await bench.accepted()
    assert taken["tag"] == "HUMAN_AGENT"


async def no_tag(bench: Bench) -> None:
    """The policy offers none."""
    assert not any(Permission.HUMAN_AGENT in stage.allows for stage in policy_of(bench).after_close)


async def template_after_closing(bench: Bench) -> None:
    """A template goes however long ago the customer wrote, filled."""
    bench.clock.now += LONG_AFTER
    outcome = await bench.send_template()
    assert outcome.kind is OutcomeKind.ACCEPTED, outcome
    (taken,) = await bench.accepted()
    assert bench.sample.template is not None
    assert taken["text"] == bench.sample.template.rendered
    if bench.sample.pictured is not None:
        outcome = await bench.send("", content_kind=ContentKind.TEMPLATE, template=bench.sample.pictured)
        assert outcome.kind is OutcomeKind.ACCEPTED, outcome
        assert (await bench.accepted())[-1]["text"] == bench.sample.pictured.rendered


async def no_template(bench: Bench) -> None:
    """The policy offers none, and the adapter lists none."""
    policy = policy_of(bench)
    assert Permission.TEMPLATE not in policy.while_open
    assert not any(Permission.TEMPLATE in stage.allows for stage in policy.after_close)
    assert list(await bench.adapter.templates()) == []


async def lists_templates(bench: Bench) -> None:
    """Every template comes with what is needed to fill it, and one that is not approved says so."""
    found = {
        item.name: Template(1, 1, item.name, item.language, item.status, item.category, item.components, item.quality)
        for item in await bench.adapter.templates()
    }
    assert set(found) == {item.name for item in bench.sample.templates}
    for item in bench.sample.templates:
        assert bool(found[item.name].unavailable) is (item.status != "APPROVED"), item.name
    assert any(item.unavailable for item in found.values()), "the sample needs one that can't be sent"


async def keeps_limits(bench: Bench) -> None:
    """The longest text that our count allows is taken; one more is refused by our count and by the channel."""
    limit, longest = policy_of(bench).text_limit, bench.sample.longest
    assert (measure(longest, limit).used, measure(longest, limit).over) == (limit.maximum, 0)
    assert (await bench.send(longest)).kind is OutcomeKind.ACCEPTED
    assert measure(longest + "x", limit).over == 1
    over = await bench.send(longest + "x")
    assert (over.kind, over.error_class) == (OutcomeKind.REFUSED, ErrorClass.INVALID)


async def no_limit(bench: Bench) -> None:
    """The policy knows none."""
    assert policy_of(bench).text_limit.maximum is None


async def settles_a_lost_answer(bench: Bench) -> None:
    """The connection breaks after the message was taken: it becomes sent, once, without a person."""
    await bench.control("fault", kind="drop")
    message_id = await bench.deliver()
    bench.clock.now = max(bench.clock.now, (await bench.row(message_id)).due_at)
    await bench.drain()
    await bench.receive(*await bench.posted())
    assert await bench.space.state(message_id) is DeliveryState.SENT
    assert len(await bench.accepted()) == 1


async def leaves_a_lost_answer(bench: Bench) -> None:
    """It stays uncertain, and is never sent again by itself."""
    await bench.control("fault", kind="drop")
    message_id = await bench.deliver()
    bench.clock.now += timedelta(hours=1)
    await bench.drain()
    await bench.receive(*await bench.posted())
    assert await bench.space.state(message_id) is DeliveryState.UNCERTAIN
    assert len(await bench.accepted()) == 1


async def reads_a_cut_answer(bench: Bench) -> None:
    """Half an answer is no reason to send again."""
    await bench.control("fault", kind="truncated")
    outcome = await bench.send()
    wanted = OutcomeKind.ACCEPTED if bench.sample.ok_is_enough else OutcomeKind.AMBIGUOUS
    assert (outcome.kind, outcome.provider_id) == (wanted, "")


async def tests_the_credential(bench: Bench) -> None:
    """A good one is told by name, a wrong one is told as wrong and never shown; nothing is sent."""
    good = await bench.adapter.check()
    wrong = await bench.other(bench_url(bench), **{bench.adapter.required_secrets[0]: "99:canary"}).check()
    assert good.ok, good
    assert not wrong.ok
    assert "canary" not in wrong.message
    assert await bench.accepted() == []


def bench_url(bench: Bench) -> str:
    """Where the stand-in is."""
    return f"http://127.0.0.1:{bench.servers.port}/main"


def reports(receipt: Receipt) -> Run:
    """The channel reports this of a message, and the message shows it."""

    async def run(bench: Bench) -> None:
        assert receipt in await _reported(bench)

    return run


def never_reports(receipt: Receipt) -> Run:
    """It does not."""

    async def run(bench: Bench) -> None:
        assert receipt not in await _reported(bench)

    return run


async def _reported(bench: Bench) -> set[Receipt]:
    message_id, found = await bench.deliver(), set()
    for item in await bench.posted():
        await bench.receive(item)
        found.add((await bench.row(message_id)).receipt)
    assert await bench.space.state(message_id) is DeliveryState.SENT
    return found


async def reports_a_late_failure(bench: Bench) -> None:
    """A failure after acceptance marks the message as failed, with a reason in words."""
    assert bench.sample.late_failure is not None
    await bench.control("fault", kind="late", **bench.sample.late_failure)
    message_id = await bench.deliver()
    assert await bench.space.state(message_id) is DeliveryState.SENT
    await bench.receive(*await bench.posted())
    row = await bench.row(message_id)
    assert row.state is DeliveryState.FAILED
    assert row.error_text.endswith(".")


async def reports_no_late_failure(bench: Bench) -> None:
    """The stand-in has no webhook for it."""
    await bench.control("fault", kind="late", code=1)
    message_id = await bench.deliver()
    await bench.receive(*await bench.posted())
    assert await bench.space.state(message_id) is DeliveryState.SENT


async def shakes_hands(bench: Bench) -> None:
    """The subscription is answered with the right token only."""
    query = dict(bench.sample.handshake)
    expected = query.pop("expected")
    request = WebhookRequest("GET", query, {}, b"")
    assert bench.adapter.handshake(request) == expected
    assert bench.other(**dict.fromkeys(bench.adapter.webhook_secrets, "other")).handshake(request) != expected
    assert bench.adapter.handshake(replace(request, query={})) is None


async def has_no_handshake(bench: Bench) -> None:
    """Nothing is answered."""
    query = {"hub.mode": "subscribe", "hub.verify_token": "verify", "hub.challenge": "1"}
    assert bench.adapter.handshake(WebhookRequest("GET", query, {}, b"")) is None


async def tells_who_leaves(bench: Bench) -> None:
    """Blocking us or opting out stops sending; coming back allows it again."""
    for blocked in (True, False):
        bench.clock.now += timedelta(minutes=1)
        await bench.control("members", address=bench.sample.address, blocked=blocked)
        await bench.receive(*await bench.posted())
        target = await bench.find()
        assert target is not None
        assert target.facts.opted_out is blocked


async def tells_nobody_leaves(bench: Bench) -> None:
    """No webhook tells of it."""
    await bench.control("members", address=bench.sample.address, blocked=True)
    assert await bench.posted() == []


CHECKS = (
    Check("send text", sends_text),
    Check("message id", knows_the_id, has_no_id),
    Check("text after closing", text_after_closing),
    Check("tag after closing", tag_after_closing, no_tag),
    Check("template after closing", template_after_closing, no_template),
    Check("template list", lists_templates, no_template),
    Check("limits", keeps_limits, no_limit),
    *(Check(f"error {item.value}", refusals.answers(item)) for item in refusals.CLASSES),
    Check("rate limit with and without a wait", refusals.waits_as_told),
    Check("server trouble", refusals.does_not_trust_a_fault),
    Check("lost answer settles itself", settles_a_lost_answer, leaves_a_lost_answer),
    Check("cut answer", reads_a_cut_answer),
    Check("credential", tests_the_credential),
    Check("receipt sent", reports(Receipt.SENT), never_reports(Receipt.SENT)),
    Check("receipt delivered", reports(Receipt.DELIVERED), never_reports(Receipt.DELIVERED)),
    Check("receipt read", reports(Receipt.READ), never_reports(Receipt.READ)),
    Check("late failure", reports_a_late_failure, reports_no_late_failure),
    Check("inbound", incoming.arrives),
    Check("inbound from a stranger", incoming.introduces),
    Check("inbound duplicate", incoming.comes_twice),
    Check("inbound out of order", incoming.comes_late),
    Check("receipts out of order", incoming.receipts_only_rise, incoming.has_one_receipt_at_most),
    Check("bad signature", incoming.refuses_forgeries),
    Check("no secret", incoming.refuses_without_a_secret),
    Check("malformed body", incoming.puts_aside),
    Check("handshake", shakes_hands, has_no_handshake),
    Check("opt-out and back", tells_who_leaves, tells_nobody_leaves),
    Check("send a photo", files.sends_a_photo),
    Check("photo with text", files.sends_a_photo_with_text, files.keeps_text_apart),
    Check("file limits", files.keeps_file_limits),
    Check("inbound photo", files.receives_a_photo),
    Check("inbound photo that is gone", files.gives_a_lost_photo_up),
)
"""In the order of the matrix."""
