"""Which process is at the other end of a loopback connection (Linux)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

LOCAL, INODE = 1, 9
"""Fields of a line of ``/proc/net/tcp``."""


def owner_of(port: int, pids: Iterable[int]) -> int | None:
    """The process among ``pids`` whose socket has this local port; ``None`` when it is somebody else's."""
    inode = _inode(port)
    if not inode:
        return None
    for pid in pids:
        with suppress(OSError):
            for handle in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    if os.readlink(handle) == f"socket:[{inode}]":  # noqa: PTH115  # Path.readlink would take it for a path
                        return pid
    return None


def _inode(port: int) -> str:
    wanted = f":{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[LOCAL].endswith(wanted):
            return fields[INODE]
    return ""
