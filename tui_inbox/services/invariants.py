"""The invariants of sending, checked on everything that is stored (reference: reliability, section 1.6, I1 to I8).

For tests after each step and for the thorough check-up; reads only, and reads every message.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_inbox.repository.store import Store

PATIENCE = timedelta(minutes=2)
"""So long after its lease has ended a message may wait for a sender to take it back."""


async def violations(store: Store, now: datetime) -> list[str]:
    """One sentence per message and invariant that does not hold, naming both; empty when all is well."""
    async with store.read() as unit:
        ask = unit.invariants
        return [
            *_told(
                "I1",
                await ask.unowned(now - PATIENCE),
                "is on its way but no sender has it; start one: tui-inbox deliver",
            ),
            *_told(
                "I2", await ask.sent_without_evidence(), "counts as sent, but nothing shows that the channel took it"
            ),
            *_told("I3", await ask.repeated(keyed=False), "may have gone out more often than people have said"),
            *_told("I4", await ask.repeated(keyed=True), "was taken more than once in spite of its key"),
            *_told("I5", await ask.overtaken(), "went out before an earlier message to the same customer"),
            *_told("I6", await ask.with_gaps(), "has attempts that are not written down, or written down twice"),
            *_told("I7", await ask.unrecorded(), "has changed its state without a line in the record"),
            *_told("I7", await ask.out_of_line(), "has changed its state in a way that does not exist"),
            *_told("I8", await ask.with_odd_receipts(), "has a receipt that cannot be"),
        ]


def _told(invariant: str, message_ids: Iterable[str], sentence: str) -> list[str]:
    return [f"{invariant}: message {message_id} {sentence}." for message_id in message_ids]
