"""Where files live: the XDG directories of the user, made when first needed and closed to everybody else."""

from __future__ import annotations

import os
from pathlib import Path

APP = "tui-inbox"
PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600


def config_dir() -> Path:
    """Settings (``~/.config/tui-inbox``). Not created: the program never writes here by itself."""
    import platformdirs

    return Path(platformdirs.user_config_dir(APP))


def data_dir() -> Path:
    """Databases (``~/.local/share/tui-inbox``). Not created: the store does that."""
    import platformdirs

    return Path(platformdirs.user_data_dir(APP))


def state_dir() -> Path:
    """Logs and other things that may be deleted (``~/.local/state/tui-inbox``). Not created here."""
    import platformdirs

    return Path(platformdirs.user_state_dir(APP))


def config_file() -> Path:
    """The settings file that is read when none is named."""
    return config_dir() / "config.toml"


def database_file() -> Path:
    """The database that is used when none is named."""
    return data_dir() / "inbox.db"


def log_file(role: str = "inbox") -> Path:
    """The log of one kind of process: ``inbox``, ``deliver``, ``serve``…; one each, so that each can rotate its own."""
    return state_dir() / "log" / f"{role}.log"


def private_directory(path: Path) -> Path:
    """``path`` as a directory that only the user may enter; parents are made as needed. Returns ``path``."""
    path.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    return path


def open_to_others(path: Path) -> bool:
    """Whether group or others have any right on the file; always false where the system has no such modes."""
    return os.name == "posix" and bool(path.stat().st_mode & 0o077)


def drafts_dir() -> Path:
    """Drafts that the database could not take (``~/.local/state/tui-inbox/drafts``). Made when first needed."""
    return state_dir() / "drafts"


def sync_directory(path: Path) -> None:
    """Wait until the names in a directory are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def may_write(path: Path) -> bool:
    """Whether this process may write a file, or make files in a directory; true where the system does not tell."""
    effective = os.access in os.supports_effective_ids
    return os.access(path, os.W_OK, effective_ids=effective)


def write_private(path: Path, text: str) -> None:
    """Write a file that only the user can read, from its first byte on."""
    private_directory(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        path.chmod(PRIVATE_FILE)
        file.write(text)
