"""Checks of what a channel refuses: every class of the reference (channels, section 17.1), waits, trouble."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from tests.conformance.bench import Bench
from tests.conformance.sample import Fault
from tui_inbox.domain.events import OutcomeKind, ReceiptEvent, SendOutcome
from tui_inbox.domain.kinds import ErrorClass

E = ErrorClass
CLASSES = (
    E.WINDOW_CLOSED,
    E.COUNT_USED,
    E.UNREACHABLE,
    E.RATE_LIMITED,
    E.QUOTA,
    E.AUTH,
    E.TEMPLATE,
    E.INVALID,
    E.TEMPORARY,
)
WAITS = {E.RATE_LIMITED, E.AUTH}
"""Tried again by themselves, at the latest when somebody has mended the channel."""
TROUBLE = (500, 502, 503, 504)


def answers(error_class: ErrorClass) -> Callable[[Bench], Awaitable[None]]:
    """Every code of the class is recognised, in the answer or in a later report."""

    async def run(bench: Bench) -> None:
        faults = bench.sample.errors[error_class]
        assert faults, "a class without codes is a lack"
        for fault in faults:
            await bench.control("faults/clear")
            told = {key: value for key, value in fault.items() if key != "sends"}
            await bench.control("fault", **{"kind": "error", **told})
            await (
                _reported(bench, error_class) if fault.get("kind") == "late" else _answered(bench, fault, error_class)
            )

    return run


async def _answered(bench: Bench, fault: Fault, error_class: ErrorClass) -> None:
    template, words = fault.get("sends") == "template", fault.get("text", "secret words")
    found = await (bench.send_template() if template else bench.send(words))
    assert found.error_class is error_class, (fault, found)
    check_words(bench, found)
    if error_class in WAITS:
        assert found.kind is OutcomeKind.RETRY, (fault, found)
        assert found.pauses_channel or error_class is E.RATE_LIMITED, "only a limit may be one customer's"
    elif error_class is E.TEMPORARY:
        assert found.kind in (OutcomeKind.AMBIGUOUS, OutcomeKind.RETRY), (fault, found)
    else:
        assert (found.kind, found.pauses_channel) == (OutcomeKind.REFUSED, False), (fault, found)


async def _reported(bench: Bench, error_class: ErrorClass) -> None:
    assert (await bench.send("secret words")).kind is OutcomeKind.ACCEPTED
    failures = [event for event in await bench.events() if isinstance(event, ReceiptEvent) and event.error_class]
    assert [event.error_class for event in failures] == [error_class]
    assert re.fullmatch(r"[A-Z].+[.]", failures[0].error_text)


def check_words(bench: Bench, found: SendOutcome) -> None:
    """A sentence for a person, without addresses, tokens or what the customer got."""
    assert re.fullmatch(r"[A-Z0-9].+[.]", found.error_text), found
    assert not re.search(r"127\.0\.0\.1|http|secret words", found.error_text)
    assert not [name for name, value in bench.sample.secrets.items() if len(value) > 6 and value in repr(found)]


async def waits_as_told(bench: Bench) -> None:
    """``Retry-After`` is passed on; without one no time is made up."""
    for told, wanted in ((7.0, 7.0), (None, None)):
        await bench.control("fault", kind="status", status=429, retry_after=told)
        found = await bench.send()
        assert (found.kind, found.error_class) == (OutcomeKind.RETRY, E.RATE_LIMITED), found
        assert found.retry_after == wanted


async def does_not_trust_a_fault(bench: Bench) -> None:
    """After a fault of the server nobody knows; a refused connection was never a send."""
    for status in TROUBLE:
        await bench.control("fault", kind="status", status=status)
        found = await bench.send()
        assert (found.kind, found.error_class) == (OutcomeKind.AMBIGUOUS, E.TEMPORARY), found
        check_words(bench, found)
    assert await bench.accepted() == []
    bench.adapter = bench.other("http://127.0.0.1:1")
    gone = await bench.send()
    assert gone.kind is OutcomeKind.NOT_SENT, gone
