"""What must hold of every outgoing message at any time, asked of the database itself.

Each method finds the messages of which one of the invariants I1 to I8 (reference: reliability, section 1.6) does not
hold. Mere reads; what they mean is said by :mod:`tui_inbox.services.invariants`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, case, exists, func, not_, or_, select, type_coerce

from tui_inbox.domain.delivery import IN_FLIGHT, NEEDS_PERSON, may_change
from tui_inbox.domain.events import OutcomeKind
from tui_inbox.domain.kinds import DeliveryState as S
from tui_inbox.domain.kinds import Receipt
from tui_inbox.repository.base import Repository
from tui_inbox.repository.columns import in_states
from tui_inbox.repository.outbox_rows import UNKNOWN
from tui_inbox.repository.receipts import BY_RECEIPT, EVIDENT
from tui_inbox.repository.tables import activity, attempts, outbox

ACCEPTED = (OutcomeKind.ACCEPTED.value, BY_RECEIPT)
_KINDS = {f"message_{state.value}": state for state in S}
_ID = outbox.c.message_id


class InvariantRepository(Repository):
    """Finds messages that should not be as they are; each method returns their ids."""

    async def unowned(self, instant: datetime) -> list[str]:
        """I1: on its way, but nobody has it: no lease, or one that ended before ``instant``."""
        no_lease = or_(outbox.c.lease_until.is_(None), outbox.c.lease_until < instant, outbox.c.lease_token == "")
        return await self._ids(select(_ID).where(in_states(outbox.c.state, IN_FLIGHT), no_lease))

    async def sent_without_evidence(self) -> list[str]:
        """I2: sent, with neither the channel's id nor its word nor a person's."""
        told = exists().where(attempts.c.message_id == _ID, attempts.c.outcome.in_(ACCEPTED))
        nothing = and_(outbox.c.provider_id == "", outbox.c.receipt == 0, outbox.c.confirmed_by_id.is_(None), ~told)
        return await self._ids(select(_ID).where(outbox.c.state == S.SENT, nothing, ~_imported()))

    async def repeated(self, *, keyed: bool) -> list[str]:
        """I3 (keyless): tries that may have been taken outnumber one and the times a person sent it again.

        I4 (``keyed``): the same of tries that the channel said it took.
        """
        known = ACCEPTED if keyed else (*ACCEPTED, *UNKNOWN)
        taken = (
            select(func.count())
            .where(attempts.c.message_id == _ID, attempts.c.first_byte_at.is_not(None), attempts.c.outcome.in_(known))
            .scalar_subquery()
        )
        has_key = outbox.c.key_expires_at.is_not(None)
        again = select(func.count()).where(activity.c.message_id == _ID, _sent_again()).scalar_subquery()
        return await self._ids(select(_ID).where(has_key if keyed else ~has_key, taken > 1, taken > 1 + again))

    async def overtaken(self) -> list[str]:
        """I5: the first byte left before that of an earlier message to the same contact on the same channel.

        By the order of the attempts, since a clock may be put back; a message that a person sent again late is not
        overtaken but late.
        """
        late = exists().where(activity.c.message_id == _ID, _sent_again())
        first = (
            select(_ID, outbox.c.contact_id, outbox.c.channel_id, outbox.c.seq, func.min(attempts.c.id).label("first"))
            .join(attempts, attempts.c.message_id == _ID)
            .where(attempts.c.first_byte_at.is_not(None))
            .group_by(_ID, outbox.c.contact_id, outbox.c.channel_id, outbox.c.seq)
        )
        every, earlier = first.subquery("every"), first.where(~late).subquery("earlier")
        behind = and_(
            earlier.c.contact_id == every.c.contact_id,
            earlier.c.channel_id == every.c.channel_id,
            earlier.c.seq < every.c.seq,
            earlier.c.first > every.c.first,
        )
        return await self._ids(select(every.c.message_id).join(earlier, behind).distinct())

    async def with_gaps(self) -> list[str]:
        """I6: its attempts are not numbered from 1 to as many as it had."""
        count, least, most = func.count(attempts.c.n), func.min(attempts.c.n), func.max(attempts.c.n)
        # What was brought over from elsewhere has a first attempt of which nothing is written down.
        before = case((_imported(), outbox.c.attempts - count), else_=0)
        whole = or_(
            and_(count == 0, outbox.c.attempts == before),
            and_(before.in_((0, 1)), least == 1 + before, most == count + before, outbox.c.attempts == count + before),
        )
        statement = select(_ID).outerjoin(attempts, attempts.c.message_id == _ID)
        grouped = statement.group_by(_ID, outbox.c.attempts, outbox.c.idempotency_key)
        return await self._ids(grouped.having(not_(whole)))

    async def unrecorded(self) -> list[str]:
        """I7: a change of state is missing in the record, or the record ends with another state."""
        lines = and_(activity.c.message_id == _ID, activity.c.kind.in_(_KINDS))
        count = select(func.count()).where(lines).scalar_subquery()
        last = select(activity.c.kind).where(lines).order_by(activity.c.id.desc()).limit(1).scalar_subquery()
        native = and_(count == outbox.c.version, last == "message_" + outbox.c.state)
        brought = and_(_imported(), count == outbox.c.version - 1, or_(count == 0, last == "message_" + outbox.c.state))
        return await self._ids(select(_ID).where(not_(or_(native, brought))))

    async def out_of_line(self) -> list[str]:
        """I7: the record tells of a change that the machine does not have."""
        before = func.lag(activity.c.kind).over(partition_by=activity.c.message_id, order_by=activity.c.id)
        steps = (
            select(activity.c.message_id, activity.c.kind, before.label("before"))
            .where(activity.c.kind.in_(_KINDS))
            .subquery()
        )
        pairs = select(steps.c.before, steps.c.kind, func.min(steps.c.message_id)).group_by(
            steps.c.before, steps.c.kind
        )
        rows = await self._all(pairs.where(steps.c.before.is_not(None)))
        return [ident for before, after, ident in rows if not _possible(_KINDS[before], _KINDS[after])]

    async def with_odd_receipts(self) -> list[str]:
        """I8: a receipt without its time, or for a message of which no byte ever left."""
        left = or_(outbox.c.first_byte_at.is_not(None), exists().where(attempts.c.message_id == _ID, _left()))
        odd = or_(outbox.c.receipt_at.is_(None), ~left, outbox.c.receipt > int(max(Receipt)))
        return await self._ids(select(_ID).where(outbox.c.receipt > 0, odd))

    async def _ids(self, statement: Select[Any]) -> list[str]:
        return sorted(row[0] for row in await self._all(statement))


def _left() -> ColumnElement[bool]:
    return attempts.c.first_byte_at.is_not(None)


def _sent_again() -> ColumnElement[bool]:
    """Lines of the record in which a person let a message go a second time."""
    detail = type_coerce(activity.c.detail, Text)
    by_hand = or_(*(detail.like(f'%"from": "{state.value}"%') for state in sorted(NEEDS_PERSON)))
    return and_(activity.c.kind == f"message_{S.QUEUED.value}", by_hand)


def _imported() -> ColumnElement[bool]:
    """Messages of a history that was brought over: they have no record of how they came to be."""
    return outbox.c.idempotency_key == outbox.c.message_id


def _possible(before: S, after: S) -> bool:
    """Whether a change can be: one of the machine, or one that a report or an outcome proves."""
    if may_change(before, after) or (before is S.LEASED and may_change(S.SENDING, after)):
        return True
    return (after is S.SENT and before in EVIDENT) or (before is S.SENT and after is S.FAILED)
