"""Instants on the command line: ISO 8601 with offset."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

EXAMPLE = "2026-03-02T14:05:00+01:00"


class Instant(click.ParamType[datetime]):
    """An aware instant; without an offset it is refused, since nobody could know which clock was meant."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(str(value).strip())
        except ValueError:
            self.fail(f"{str(value)[:40]!r} is not a time. Write it like {EXAMPLE}.", param, ctx)
        if at.tzinfo is None:
            self.fail(f"{str(value)[:40]!r} has no offset. Write it like {EXAMPLE} or {EXAMPLE[:19]}Z.", param, ctx)
        try:
            return at.astimezone(UTC)
        except OverflowError:
            self.fail(f"{str(value)[:40]!r} is beyond every calendar. Write it like {EXAMPLE}.", param, ctx)


INSTANT = Instant()
