"""What a row of the inbox says of its contact, in the few cells it has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tui_inbox.domain.kinds import ConversationStatus
from tui_inbox.domain.models import InboxRow
from tui_inbox.widgets.row_words import columns_for, row_spans

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)


def row(snoozed_until: datetime) -> InboxRow:
    return InboxRow(
        contact_id=1,
        name="Ana",
        email="",
        phone="",
        status=ConversationStatus.SNOOZED,
        assignee="",
        last_activity_at=NOW,
        preview="",
        preview_direction=None,
        channel_kinds=(),
        last_used=None,
        window_ends_at=None,
        waiting_since=None,
        snoozed_until=snoozed_until,
        unread=0,
        tags=(),
        blocked=False,
        failed=0,
        matched=(),
        version=1,
        cursor="",
    )


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (timedelta(minutes=45), " in45 m "),
        (timedelta(hours=3), " in 3 h "),
        (timedelta(hours=17), " in17 h "),
        (timedelta(days=2), " in 2 d "),
        (timedelta(0), " due "),
    ],
)
def test_when_a_snooze_ends_keeps_its_unit(left: timedelta, told: str) -> None:
    spans = row_spans(row(NOW + left), columns_for(80), 80, NOW, UTC)
    assert told in "".join(text for text, _ in spans)
