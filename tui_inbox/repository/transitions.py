"""The line of record of each change of an outgoing message's state."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from tui_inbox.domain.kinds import DeliveryState
from tui_inbox.domain.models import OutboxRow
from tui_inbox.repository.activity import ActivityRepository


async def record(
    connection: AsyncConnection,
    row: OutboxRow,
    to: DeliveryState,
    now: datetime,
    *,
    actor_id: int | None = None,
    before: DeliveryState | None = None,
    evidence: str = "",
) -> None:
    """Write ``message_<state>`` in the transaction of the change. Says why, never what the message says."""
    detail: dict[str, Any] = {"from": None if before is None else before.value, "attempt": row.attempts}
    if row.error_class is not None:
        detail["error"] = row.error_class.value
    if evidence:
        detail["evidence"] = evidence
    await ActivityRepository(connection).add(
        f"message_{to.value}",
        contact_id=row.contact_id,
        actor_id=actor_id,
        message_id=row.message_id,
        detail=detail,
        now=now,
    )
