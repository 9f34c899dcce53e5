"""What becomes of messages that wait in vain: their window has closed, a day has passed, their key has ended.

They would be stopped at their turn by :mod:`tui_inbox.services.delivery_guard`; here they go back to their agents as
soon as it is known, also from behind another message, a paused channel or an open breaker.
"""

from __future__ import annotations

from datetime import datetime

from tui_inbox.domain.delivery import KEY_MARGIN, MOST_AGE
from tui_inbox.domain.kinds import DeliveryState
from tui_inbox.domain.models import OutboxRow
from tui_inbox.domain.policy import policy_for
from tui_inbox.repository.outbox_rows import HELD_UP
from tui_inbox.repository.unit import Unit
from tui_inbox.services.delivery_guard import STATE_AFTER, Veto, dead_key, honest, too_old, window_shut


async def anything_in_vain(unit: Unit, now: datetime) -> bool:
    """Whether :func:`sweep` would do anything; a mere read."""
    return bool(await _found(unit, now))


async def sweep(unit: Unit, now: datetime) -> list[tuple[str, DeliveryState]]:
    """Take every message out of the queue that can't go any more; returns each with its new state."""
    swept = []
    for row, veto in await _found(unit, now):
        veto = await honest(unit, row, veto)
        state = STATE_AFTER[veto.kind]
        moved = await unit.outbox.change(
            row.message_id,
            expected={DeliveryState.QUEUED},
            to=state,
            version=row.version,
            error=(veto.error_class, HELD_UP, veto.reason),
            now=now,
        )
        if moved is None:
            continue  # found twice, or taken up meanwhile
        if state is not DeliveryState.UNCERTAIN:
            await unit.contacts.record_outbound(row.contact_channel_id, now, delta=-1)
        swept.append((row.message_id, state))
    return swept


async def _found(unit: Unit, now: datetime) -> list[tuple[OutboxRow, Veto]]:
    """Messages with the veto against each; one may be found for several reasons, the most telling first."""
    found = [(row, await dead_key(unit, row, now)) for row in await unit.outbox.queued_with_dead_keys(now + KEY_MARGIN)]
    for channel in await unit.directory.channels():
        policy = policy_for(channel.kind, channel.policy_override)
        if policy.window is not None:
            last = now - policy.window + policy.margin
            found += [
                (row, await _shut(unit, row, now)) for row in await unit.outbox.queued_unanswered(channel.id, last)
            ]
    found += [(row, await too_old(unit, row, now)) for row in await unit.outbox.queued_before(now - MOST_AGE)]
    return [(row, veto) for row, veto in found if veto is not None]


async def _shut(unit: Unit, row: OutboxRow, now: datetime) -> Veto | None:
    contact, target = await unit.contacts.get(row.contact_id), await unit.contacts.channel(row.contact_channel_id)
    return window_shut(row, contact, target, now) if contact is not None and target is not None else None
