"""Where the database lies: whether the file is still the one that was opened, and whether its place can be trusted.

Only names and numbers are looked at. Opening the file here and closing it again would drop this process's locks on it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from enum import Enum
from pathlib import Path

from tui_inbox import paths

MOUNTS = Path("/proc/self/mounts")
"""What is mounted where; absent on systems that do not tell."""
NETWORK_FILESYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph"})
"""Kinds of mounts that other machines write to as well."""
LOCAL_FUSE = frozenset({"fuse.fuse-overlayfs", "fuse.overlay", "fuse.bindfs"})
"""Of the file systems that are programs, those that only pass on to a local disk; all others are taken for networks."""


class Presence(Enum):
    """What lies at the path now."""

    SAME = "same"
    MISSING = "missing"
    REPLACED = "replaced"


class Place:
    """Remembers which file was opened. SQLite goes on writing into a file that has been moved or deleted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._real = Path(os.path.realpath(path))  # the engine puts its log beside the file, not beside a link to it
        self._file = _identity(path)
        self._log = _identity(self._log_path)

    @property
    def _log_path(self) -> Path:
        return self._real.with_name(f"{self._real.name}-wal")

    def look(self) -> Presence:
        """Compare what lies there with what was opened; costs one question to the system."""
        found = _identity(self.path)
        if found is None:
            return Presence.MISSING
        return Presence.SAME if found == self._file else Presence.REPLACED

    def note_log(self) -> None:
        """Remember the log that the engine has made beside the file."""
        self._log = _identity(self._log_path) or self._log

    def mend_modes(self) -> None:
        """Make log and shared memory as writable as the file is again; made while it was not, they took its mode."""
        for end in ("-wal", "-shm"):
            part = self._real.with_name(f"{self._real.name}{end}")
            with contextlib.suppress(OSError):
                if paths.may_write(self.path) and not paths.may_write(part):
                    part.chmod(stat.S_IMODE(self.path.stat().st_mode))

    def orphaned_log(self) -> Path | None:
        """A log with changes of the former file that lies beside the new one, where the engine would mix the two."""
        found = _identity(self._log_path)
        if found is None or not self._log_path.stat().st_size:
            return None
        # One that was never seen before may well be the former file's.
        return self._log_path if self._log is None or found == self._log else None


def kind_of_file(path: Path) -> str:
    """``file``, ``nothing``, or what lies there instead, for a sentence. A queue is never opened: that would wait."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "a link that leads nowhere" if path.is_symlink() else "nothing"
    except OSError as error:
        return f"out of reach ({error.strerror})"
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "a directory", stat.S_IFIFO: "a queue between programs"}
    return kinds.get(stat.S_IFMT(mode), "a device or a socket")


def network_kind(path: Path) -> str:
    """Kind of the network file system that holds ``path``; empty when it is local or nobody tells."""
    try:
        mounts = MOUNTS.read_text(errors="replace")
    except OSError:
        return ""
    return network_filesystem(Path(os.path.realpath(path)), mounts)


def network_filesystem(path: Path, mounts: str) -> str:
    """Kind of the network file system that holds ``path``; empty when it is a local one.

    ``mounts``: the text of ``/proc/self/mounts``. Its locks and shared memory cannot be trusted between machines.
    """
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        if path.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, fields[2]
    is_network = kind in NETWORK_FILESYSTEMS or (kind.startswith("fuse.") and kind not in LOCAL_FUSE)
    return kind if is_network else ""


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 (asked four times a second: Path.stat costs twice as much)
    except OSError:
        return None
    return found.st_dev, found.st_ino
