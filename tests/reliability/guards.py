"""Switching guards of the product off, one by one and only in a child: a harness that then finds nothing is worthless.

Each entry of :data:`OFF` changes the code of the running process (reference: reliability, section 6, S3). The database
is changed by the scenario itself where a guard lives in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import false

from tui_inbox.channels import http
from tui_inbox.repository import dialect, inbound, outbox, outbox_queue, receipts
from tui_inbox.services import delivery, delivery_guard


def put(place: Any, name: str, replacement: Any) -> None:
    """Replace what must be there: a guard that has moved would otherwise stay on unnoticed."""
    assert hasattr(place, name), f"{place} has no {name} any more"
    setattr(place, name, replacement)


def fence() -> None:
    """The looks at this machine's own clock just before the first byte and before the rest of a request."""
    put(delivery_guard.Guard, "_late", lambda self: False)
    put(http, "boottime", lambda: 0.0)


def lease_token() -> None:
    """The comparison of lease tokens: whoever writes is taken for whoever holds the lease."""
    repository = outbox.OutboxRepository
    start, settle, recheck = repository.start_sending, repository.settle, delivery_guard.recheck

    async def current(self: Any, message_id: str) -> str:
        row = await self.get(message_id)
        return "" if row is None else str(row.lease_token)

    async def start_sending(self: Any, message_id: str, token: str, *rest: Any) -> bool:
        return await start(self, message_id, await current(self, message_id), *rest)

    async def settle_any(self: Any, message_id: str, token: str, *rest: Any, **named: Any) -> bool:
        return await settle(self, message_id, await current(self, message_id), *rest, **named)

    async def recheck_any(unit: Any, claimed: Any, *rest: Any, **named: Any) -> Any:
        row = await unit.outbox.get(claimed.message_id)
        return await recheck(unit, claimed if row is None else row, *rest, **named)

    put(repository, "start_sending", start_sending)
    put(repository, "settle", settle_any)
    put(delivery_guard, "recheck", recheck_any)


def full_sync() -> None:
    """``synchronous=FULL``."""
    settings = (setting.replace("synchronous = FULL", "synchronous = NORMAL") for setting in dialect.SETTINGS)
    put(dialect, "SETTINGS", tuple(settings))


def order_of_claims() -> None:
    """The claim's own look for earlier messages of the same contact, behind which the unique index stands."""
    put(outbox_queue, "waits_for_earlier", false)


def window() -> None:
    """The look at the window just before the first byte, and the sweep of what waits in vain that would be faster."""

    async def nothing(*_: Any) -> bool:
        return False

    async def recheck(*_: Any, **__: Any) -> None:
        return None

    put(delivery_guard, "recheck", recheck)
    put(delivery, "anything_in_vain", nothing)


def dedupe() -> None:
    """The keys of events that were seen before."""

    async def claim_key(self: Any, channel_id: int, key: str) -> bool:
        return True

    put(inbound.InboundRepository, "claim_key", claim_key)


def monotone_receipts() -> None:
    """Receipts only rise."""
    risen = receipts._risen

    def any_receipt(row: Any, event: Any, **named: Any) -> Any:
        values, state = risen(row, event, **named)
        return values | {"receipt": int(event.receipt), "receipt_at": event.at}, state

    put(receipts, "_risen", any_receipt)


OFF: dict[str, Callable[[], None]] = {
    "fence": fence,
    "lease_token": lease_token,
    "full_sync": full_sync,
    "order_of_claims": order_of_claims,
    "window": window,
    "dedupe": dedupe,
    "monotone_receipts": monotone_receipts,
}
"""Every guard that can be switched off."""
