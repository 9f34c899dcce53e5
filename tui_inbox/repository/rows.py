"""Rows that several repositories read the same way."""

from __future__ import annotations

from tui_inbox.domain.kinds import ChannelKind
from tui_inbox.domain.models import Channel
from tui_inbox.repository.base import AnyRow

_CHANNEL_FIELDS = (
    "id",
    "name",
    "kind",
    "config",
    "policy_override",
    "webhook_path",
    "paused_reason",
    "paused_until",
    "last_webhook_at",
)


def channel_row(row: AnyRow) -> Channel:
    """A channel from a row of its table."""
    values = {name: getattr(row, name) for name in _CHANNEL_FIELDS}
    return Channel(**(values | {"kind": ChannelKind(values["kind"])}))
