"""Rows that several repositories read the same way."""

from __future__ import annotations

from tui_inbox.domain.kinds import ChannelKind
from tui_inbox.domain.models import Channel
from tui_inbox.repository.base import AnyRow
from tui_inbox.repository.tables import channels

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
CHANNEL_COLUMNS = tuple(channels.c[name].label(f"channel_{name}") for name in _CHANNEL_FIELDS if name != "id")
"""A channel's columns beside another table that has ``channel_id``; read with the prefix ``channel_``."""


def channel_row(row: AnyRow, prefix: str = "") -> Channel:
    """A channel from a row of its table, or from :data:`CHANNEL_COLUMNS`."""
    values = {name: getattr(row, f"{prefix}{name}") for name in _CHANNEL_FIELDS}
    return Channel(**(values | {"kind": ChannelKind(values["kind"])}))
