"""What the banner says of a database that cannot be used: the error's own sentence, then what still works."""

from __future__ import annotations

from tui_inbox.domain.errors import (
    InboxError,
    StoreBusyError,
    StoreDamagedError,
    StoreFullError,
    StoreReadOnlyError,
    StoreReplacedError,
)

READING = "Reading goes on; nothing can be sent or changed until then, and drafts are kept in files."
STILL_WORKS: tuple[tuple[type[InboxError], str], ...] = (
    (StoreFullError, READING),
    (StoreReadOnlyError, READING),
    (StoreBusyError, "Reading goes on; what you send or change waits, and drafts are kept in files."),
    (StoreDamagedError, "What can be read is shown; nothing more is written, and drafts are kept in files."),
    (StoreReplacedError, "What is shown is old; nothing can be sent or changed, and drafts are kept in files."),
)
ELSE = "What is shown may be old; drafts are kept in files."


def banner_words(error: InboxError) -> str:
    """What happened, that nothing was changed, what to do; then what still works and what is kept."""
    works = next((words for kind, words in STILL_WORKS if isinstance(error, kind)), ELSE)
    return f"{error} {works}"


def merged_words(taken: int, joined: int, left: int) -> str:
    """What became of drafts that lay in files; empty when there were none."""
    words = []
    if taken:
        words.append(f"{taken} {'draft is' if taken == 1 else 'drafts are'} back from files.")
    if joined:
        held = "One of them holds" if joined == 1 else f"{joined} of them hold"
        words.append(f"{held} two texts, since the draft had changed meanwhile: look before you send.")
    if left:
        words.append(f"{left} in files belong to nobody here: tui-inbox doctor names them.")
    return " ".join(words)
