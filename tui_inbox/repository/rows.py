"""Rows that several repositories read the same way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Text, type_coerce

from tui_inbox.domain.kinds import ChannelKind
from tui_inbox.domain.models import Channel
from tui_inbox.repository.tables import channels
from tui_inbox.repository.types import instant, stored, structured

CHANNEL_COLUMNS = (
    channels.c.id,
    channels.c.name,
    channels.c.kind,
    type_coerce(channels.c.config, Text),
    type_coerce(channels.c.policy_override, Text),
    channels.c.webhook_path,
    channels.c.paused_reason,
    stored(channels.c.paused_until),
    stored(channels.c.last_webhook_at),
)
"""What a channel is read from, as it is kept."""


def channel_row(row: Sequence[Any]) -> Channel:
    """A channel from its :data:`CHANNEL_COLUMNS`."""
    return _channel(tuple(row))


@lru_cache(maxsize=1024)
def _channel(row: tuple[Any, ...]) -> Channel:
    """All channels are read with each page of a list, and seldom has one changed."""
    ident, name, kind, config, override, path, reason, until, heard = row
    settings, policy = structured(config), structured(override)
    return Channel(ident, name, ChannelKind(kind), settings, policy, path, reason, moment(until), moment(heard))


def moment(value: int | None) -> datetime | None:
    """An instant as it is kept, where there is one."""
    return None if value is None else instant(value)
