"""The check-up outside the database: versions, files and their modes, room on the disk, and what was left in files."""

from __future__ import annotations

import platform
import shutil
import sqlite3
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tui_inbox import __version__, paths
from tui_inbox.config import Settings, shown_database
from tui_inbox.services.delivery_journal import SUFFIX as RESULT_SUFFIX
from tui_inbox.services.doctor_finding import Check, State
from tui_inbox.services.draft_files import DraftFiles

PACKAGES = ("textual", "sqlalchemy", "httpx", "starlette")
LITTLE_ROOM, NO_ROOM = 200 << 20, 20 << 20
"""Bytes left on a disk below which it is worth a warning, and below which writing may fail at any moment."""


def versions() -> Check:
    """The program and what it stands on."""
    found = [f"tui-inbox {__version__}", f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    missing = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        return Check("versions", State.FAILED, f"not installed: {', '.join(missing)}. Install the program again.")
    return Check("versions", State.OK, ", ".join(found))


def places(settings: Settings) -> Iterable[Check]:
    """Files and folders, their modes, and the room on their disks."""
    yield _file("settings", settings.file or paths.config_file(), needed=False)
    yield _file("log", paths.log_file(), needed=False)
    yield _folder("state", paths.state_dir())
    path = sqlite_file(settings.database)
    if path is None:
        yield Check("database file", State.OK, shown_database(settings.database))
        return
    yield _file("database file", path, needed=True)
    yield _folder("database folder", path.parent)
    yield room(_nearest(path), _nearest(paths.state_dir()))


def sqlite_file(url: str) -> Path | None:
    """Path of the database file; ``None`` when the database is not a file."""
    if "://" in url and not url.startswith("sqlite:///"):
        return None
    return Path(url.removeprefix("sqlite:///"))


def room(*places: Path) -> Check:
    """Room on the disks that hold ``places``."""
    left = {}
    for place in places:
        try:
            left[place] = shutil.disk_usage(place).free
        except OSError as error:
            return Check("disk", State.FAILED, f"{place} cannot be looked at: {error.strerror}. Check the disk.")
    place = min(left, key=lambda item: left[item])
    free = left[place]
    told = f"{free / (1 << 20):,.0f} MB left where {place} lies"
    if free < NO_ROOM:
        return Check("disk", State.FAILED, f"{told}: nothing may be saved any more. Free some space now.")
    if free < LITTLE_ROOM:
        return Check("disk", State.WARNING, f"{told}. Free some space soon.")
    return Check("disk", State.OK, told)


def leftovers() -> Iterable[Check]:
    """Texts and results that wait in files for the database."""
    drafts = DraftFiles(paths.drafts_dir()).leftovers()
    yield _waiting("draft files", drafts, "open the inbox to bring them in; what stays belongs to another database")
    results = paths.state_dir() / "results"
    told = "a running sender brings them in: tui-inbox deliver"
    yield _waiting("results of sends", sorted(results.glob(f"*{RESULT_SUFFIX}")), told)
    edited = sorted((paths.state_dir() / "editor").glob("*.txt"))
    yield _waiting(
        "editor files", edited, "texts that were not taken over from an editor: look at them, then delete them"
    )
    spoiled = sorted(results.glob("*.unreadable"))
    if spoiled:
        told = f"{_named(spoiled)} cannot be read: compare with the channel what was sent, then delete them"
        yield Check("results of sends", State.FAILED, told)


def _waiting(name: str, files: list[Path], what: str) -> Check:
    if not files:
        return Check(name, State.OK, "none")
    return Check(name, State.WARNING, f"{_named(files)}; {what}")


def _named(files: list[Path]) -> str:
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"{files[0]}{more}"


def _file(name: str, path: Path, *, needed: bool) -> Check:
    try:
        if not path.exists():
            told = f"{path} does not exist"
            return Check(name, State.FAILED if needed else State.OK, told + ("" if needed else " (not needed)"))
        mode = f"{path.stat().st_mode & 0o777:04o}"
        if paths.open_to_others(path) and name != "settings":
            return Check(name, State.WARNING, f"{path} ({mode}) is open to others. Run: chmod 600 {path}")
    except OSError as error:
        return Check(name, State.FAILED, f"{path} cannot be looked at: {error.strerror}. Check who owns its folder.")
    return Check(name, State.OK, f"{path} ({mode})")


def _folder(name: str, path: Path) -> Check:
    if not path.is_dir():
        return Check(name, State.OK, f"{path} does not exist (made when needed)")
    mode = f"{path.stat().st_mode & 0o777:04o}"
    if not paths.may_write(path):
        return Check(name, State.FAILED, f"{path} ({mode}) cannot be written. Make it writable: chmod u+rwx {path}")
    return Check(name, State.OK, f"{path} ({mode})")


def _nearest(path: Path) -> Path:
    """The path itself, or the first folder above it that exists."""
    return next((place for place in (path, *path.parents) if place.exists()), path)
