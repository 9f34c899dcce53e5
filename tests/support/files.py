"""The file behind a store, for tests that look into it past the program."""

from __future__ import annotations

from pathlib import Path

from tui_inbox.repository.file_store import FileStore
from tui_inbox.repository.store import Store


def path_of(store: Store) -> Path:
    """Where the file lies."""
    assert isinstance(store, FileStore), "this test looks into the file"
    return store.path
