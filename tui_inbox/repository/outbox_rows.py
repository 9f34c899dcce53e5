"""Reading the outbox: rows, attempts, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select

from tui_inbox.domain.delivery import IN_FLIGHT, NEEDS_PERSON
from tui_inbox.domain.events import OutcomeKind
from tui_inbox.domain.kinds import ContentKind, DeliveryState, ErrorClass, Receipt
from tui_inbox.domain.models import Attempt, OutboxRow
from tui_inbox.domain.templates import TemplateContent
from tui_inbox.repository.base import AnyRow, Repository
from tui_inbox.repository.columns import in_states
from tui_inbox.repository.tables import activity, attempts, outbox

LEASE_EXPIRED = "lease expired"
"""Outcome of an attempt whose sender never came back."""
UNKNOWN = ("", OutcomeKind.AMBIGUOUS.value, LEASE_EXPIRED)
"""Outcomes of an attempt of which nobody knows whether it was taken, when a byte had left."""
HELD_UP, NO_SECRET = "held_up", "no_secret"
"""Error codes of attempts that were stopped on this side."""
HELD_BACK = (HELD_UP, NO_SECRET)


@dataclass(frozen=True)
class NewOutgoing:
    """A message that is to be queued. Its words are fixed from here on."""

    message_id: str
    contact_id: int
    contact_channel_id: int
    channel_id: int
    content_kind: ContentKind
    body: str
    idempotency_key: str
    due_at: datetime
    created_at: datetime
    queued_by_id: int | None = None
    template: TemplateContent | None = None
    tag: str = ""
    draft_id: str | None = None
    """The draft it was written as; one draft is sent at most once."""
    client_key: str | None = None
    """The caller's own key; the same key by the same agent is one message."""


class OutboxReads(Repository):
    """Reads of the outbox."""

    async def get(self, message_id: str) -> OutboxRow | None:
        """The delivery side of a message."""
        return await self._one(outbox.c.message_id == message_id)

    async def by_draft(self, draft_id: str) -> OutboxRow | None:
        """The message that a draft became."""
        return await self._one(outbox.c.draft_id == draft_id)

    async def by_client_key(self, agent_id: int, key: str) -> OutboxRow | None:
        """The message that an agent queued under a key of the caller's."""
        return await self._one(and_(outbox.c.queued_by_id == agent_id, outbox.c.client_key == key))

    async def attempts(self, message_id: str) -> list[Attempt]:
        """Every try to send a message, in order."""
        statement = select(attempts).where(attempts.c.message_id == message_id).order_by(attempts.c.n)
        return [_attempt(row) for row in await self._all(statement)]

    async def tries(self, message_id: str) -> int:
        """How many attempts count against the most that are made: those whose end the channel did not decide."""
        counted = or_(
            attempts.c.outcome == OutcomeKind.AMBIGUOUS.value,
            and_(attempts.c.outcome == OutcomeKind.NOT_SENT.value, attempts.c.error_code.not_in(HELD_BACK)),
        )
        return int(await self._value(select(func.count()).where(attempts.c.message_id == message_id, counted)))

    async def in_doubt(self, message_id: str) -> bool:
        """Whether some attempt at the message may have been taken without anybody knowing."""
        return (
            await self._first(select(attempts.c.n).where(attempts.c.message_id == message_id, doubtful())) is not None
        )

    async def released_at(self, row: OutboxRow) -> datetime:
        """When a person last let the message go: queued it, or sent it again."""
        lines = await self._all(
            select(activity.c.at, activity.c.detail)
            .where(activity.c.message_id == row.message_id, activity.c.kind == f"message_{DeliveryState.QUEUED.value}")
            .order_by(activity.c.id.desc())
        )
        by_hand = {None, *(state.value for state in NEEDS_PERSON)}
        return next((line.at for line in lines if line.detail.get("from") in by_hand), row.created_at)

    async def pending_count(self) -> int:
        """Messages that are queued or on their way."""
        states = IN_FLIGHT | {DeliveryState.QUEUED}
        return int(await self._value(select(func.count()).where(in_states(outbox.c.state, states))))

    async def _one(self, condition: ColumnElement[bool]) -> OutboxRow | None:
        row = await self._first(select(outbox).where(condition))
        return None if row is None else outbox_row(row)


def doubtful() -> ColumnElement[bool]:
    """Attempts that may have been taken: a byte left, and nothing is known of what became of it."""
    return and_(attempts.c.first_byte_at.is_not(None), attempts.c.outcome.in_(UNKNOWN))


def outbox_row(row: AnyRow) -> OutboxRow:
    """A row of the outbox as it travels."""
    return OutboxRow(
        message_id=row.message_id,
        contact_id=row.contact_id,
        contact_channel_id=row.contact_channel_id,
        channel_id=row.channel_id,
        seq=row.seq,
        state=DeliveryState(row.state),
        version=row.version,
        content_kind=ContentKind(row.content_kind),
        body=row.body,
        template=None if row.template is None else TemplateContent(**row.template),
        tag=row.tag,
        idempotency_key=row.idempotency_key,
        attempts=row.attempts,
        created_at=row.created_at,
        due_at=row.due_at,
        queued_by_id=row.queued_by_id,
        lease_token=row.lease_token,
        lease_until=row.lease_until,
        lease_owner=row.lease_owner,
        lost_leases=row.lost_leases,
        key_expires_at=row.key_expires_at,
        provider_id=row.provider_id,
        receipt=Receipt(row.receipt),
        receipt_at=row.receipt_at,
        failed_at=row.failed_at,
        error_class=None if row.error_class is None else ErrorClass(row.error_class),
        error_code=row.error_code,
        error_text=row.error_text,
    )


def _attempt(row: AnyRow) -> Attempt:
    names = Attempt.__dataclass_fields__
    return Attempt(**{name: getattr(row, name) for name in names})
