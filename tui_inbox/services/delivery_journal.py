"""Results of sends that the database did not take yet, one small file each, so that no answer of a channel is lost.

A result is written and synced before its commit is tried again, and replayed by whichever sender starts next. Replaying
one twice does no harm: the store compares the lease token.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tui_inbox.domain.breaker import Signal
from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import DeliveryState, ErrorClass

SUFFIX = ".result.json"


@dataclass(frozen=True)
class Settlement:
    """What one attempt makes of a message."""

    message_id: str
    token: str
    contact_id: int
    contact_channel_id: int
    channel_id: int
    state: DeliveryState
    outcome: SendOutcome
    at: datetime
    """When the attempt ended."""
    due_at: datetime | None = None
    """When to try again; ``None`` = not by itself."""
    never_went: bool = False
    """Given up without having reached the customer, so it no longer counts against the channel's limit."""
    pause_reason: str = ""
    """Why the whole channel must wait; empty when it need not."""
    pause_until: datetime | None = None
    """``None`` with a reason: until an admin acts."""
    signal: Signal = Signal.NOTHING
    """What the attempt says about the channel."""


class ResultJournal:
    """A directory of unsaved settlements. ``None`` as directory keeps nothing."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def spool(self, settlement: Settlement) -> None:
        """Write one settlement and return when it is on the disk. Raises ``OSError`` when it cannot be kept."""
        if self._directory is None:
            return
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self._path(settlement)
        partial = target.with_suffix(".partial")
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(_encoded(settlement), file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
        _sync_directory(self._directory)

    def remove(self, settlement: Settlement) -> None:
        """Forget a settlement that the store has taken."""
        if self._directory is not None:
            self._path(settlement).unlink(missing_ok=True)

    def waiting(self) -> list[Settlement]:
        """Every settlement that is still to be told to the store, oldest first. Unreadable files are set aside."""
        if self._directory is None or not self._directory.is_dir():
            return []
        found = []
        for path in sorted(self._directory.glob(f"*{SUFFIX}")):
            try:
                found.append(_decoded(json.loads(path.read_text("utf-8"))))
            except FileNotFoundError:
                continue  # another sender has replayed it this very moment
            except (ValueError, KeyError, TypeError):
                path.replace(path.with_suffix(".unreadable"))
        return sorted(found, key=lambda item: item.at)

    def _path(self, settlement: Settlement) -> Path:
        assert self._directory is not None
        return self._directory / f"{settlement.message_id}-{settlement.token}{SUFFIX}"


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _encoded(settlement: Settlement) -> dict[str, Any]:
    fields = asdict(settlement)
    for name in ("at", "due_at", "pause_until"):
        fields[name] = fields[name].isoformat() if fields[name] is not None else None
    return fields


def _decoded(fields: dict[str, Any]) -> Settlement:
    outcome = dict(fields["outcome"])
    outcome["kind"] = OutcomeKind(outcome["kind"])
    outcome["error_class"] = ErrorClass(outcome["error_class"]) if outcome["error_class"] else None
    instants = {name: _instant(fields[name]) for name in ("due_at", "pause_until")}
    return Settlement(
        **{
            **fields,
            **instants,
            "at": datetime.fromisoformat(fields["at"]),
            "state": DeliveryState(fields["state"]),
            "signal": Signal(fields.get("signal", Signal.NOTHING)),
            "outcome": SendOutcome(**outcome),
        }
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
