"""Drafts that the database cannot take, one private file each, until it takes them again.

A file is complete or not there: it is written under another name, synced, and renamed. Texts are customers' and agents'
business, so the directory is 0700 and the files are 0600.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tui_inbox import paths

SUFFIX = ".draft.json"
FORMAT = 1


@dataclass(frozen=True)
class KeptDraft:
    """What an agent had written to a contact; an empty text says that the draft was thrown away."""

    id: str
    """Of the draft that it becomes, also the name of the file."""
    database: str
    """Path of the database that it belongs to."""
    agent_id: int
    agent: str
    """Handle, so that an id of another database is not taken for this person's."""
    contact_id: int
    channel_id: int | None
    body: str
    base_id: str
    """Draft in the database that the text grew from; empty when there was none."""
    base_version: int
    at: datetime
    n: int = 1
    """Which text of this draft: a file is never written over, so that removing an older one takes no newer one."""


class DraftFiles:
    """A directory of kept drafts. Several programs may use it at once: each writes files of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def keep(self, draft: KeptDraft) -> Path:
        """Write one draft and return when it is on the disk; older texts of it go. Raises ``OSError``."""
        paths.private_directory(self.directory)
        target = self._path(draft)
        partial = target.with_suffix(".partial")
        text = json.dumps({"format": FORMAT, **asdict(draft), "at": draft.at.isoformat()})
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, paths.PRIVATE_FILE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
        paths.sync_directory(self.directory)
        self._remove(draft, below=draft.n)
        return target

    def remove(self, draft: KeptDraft) -> None:
        """The database has it, or it is not wanted any more. A newer text of it stays."""
        self._remove(draft, below=draft.n + 1)

    def waiting(self, database: str) -> list[KeptDraft]:
        """The newest text of each draft for one database, oldest first. Files that cannot be read stay as they are."""
        newest: dict[str, KeptDraft] = {}
        for draft in self._all():
            if draft.database == database and (draft.id not in newest or newest[draft.id].n < draft.n):
                newest[draft.id] = draft
        return sorted(newest.values(), key=lambda draft: draft.at)

    def leftovers(self) -> list[Path]:
        """Every file, for a person to look at."""
        return sorted(self.directory.glob(f"*{SUFFIX}")) if self.directory.is_dir() else []

    def _all(self) -> list[KeptDraft]:
        found = []
        for path in self.leftovers():
            try:
                found.append(_decoded(json.loads(path.read_text("utf-8"))))
            except (OSError, ValueError, KeyError, TypeError):
                continue  # gone this very moment, or not ours; the check-up names it
        return found

    def _path(self, draft: KeptDraft) -> Path:
        return self.directory / f"{draft.contact_id}-{draft.id}.{draft.n}{SUFFIX}"

    def _remove(self, draft: KeptDraft, *, below: int) -> None:
        for path in self.directory.glob(f"{draft.contact_id}-{draft.id}.*{SUFFIX}"):
            n = path.name.removesuffix(SUFFIX).rpartition(".")[2]
            if n.isdecimal() and int(n) < below:
                path.unlink(missing_ok=True)


def _decoded(fields: dict[str, Any]) -> KeptDraft:
    if fields.pop("format") != FORMAT:
        raise ValueError("written by another version")
    return KeptDraft(**{**fields, "at": datetime.fromisoformat(fields["at"])})
