"""Where the demo lives, its settings file, and the lock that keeps two demos apart."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui_inbox import paths
from tui_inbox.demo.generate import AGENT
from tui_inbox.demo.model import DemoChannel
from tui_inbox.domain.errors import InboxError

PUBLIC_URL = "https://inbox.example"
"""The receiver's address as the stand-ins know it; some sign it. They post to the receiver itself, on this machine."""


@dataclass(frozen=True)
class DemoPlaces:
    """Files of the demo, all in one directory that only the user may enter."""

    directory: Path

    @classmethod
    def default(cls) -> DemoPlaces:
        """Beside the user's own database."""
        return cls(paths.data_dir() / "demo")

    @property
    def config(self) -> Path:
        """The settings, with the made-up secrets."""
        return self.directory / "config.toml"

    @property
    def database(self) -> Path:
        """The database file."""
        return self.directory / "inbox.db"

    @property
    def made(self) -> Path:
        """What the workspace in the database was made from."""
        return self.directory / "made.json"

    @property
    def url(self) -> str:
        """The database's address."""
        return f"sqlite:///{self.database}"

    def clear(self) -> None:
        """Take the workspace of an earlier run away."""
        self.made.unlink(missing_ok=True)
        for ending in ("", "-wal", "-shm"):
            self.database.with_name(self.database.name + ending).unlink(missing_ok=True)

    def write_config(self, channels: Sequence[DemoChannel], port: int) -> None:
        """Write the settings; ``port``: where the receiver listens."""
        lines = [
            "# Settings of the demo. Every token in here is made up and opens nothing.",
            f"database = {_quoted(self.url)}",
            f"agent = {_quoted(AGENT)}",
            "",
            "[serve]",
            f"port = {port}",
            f"public_url = {_quoted(PUBLIC_URL)}",
        ]
        for channel in channels:
            if channel.secrets:
                lines += ["", f"[channels.{channel.name}]"]
                lines += [f"{name} = {_quoted(value)}" for name, value in channel.secrets.items()]
        paths.write_private(self.config, "\n".join(lines) + "\n")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the demo for this process. Raises :class:`InboxError` when another one runs."""
        paths.private_directory(self.directory)
        descriptor = os.open(self.directory / "lock", os.O_WRONLY | os.O_CREAT, paths.PRIVATE_FILE)
        try:
            _lock(descriptor)
            yield
        finally:
            os.close(descriptor)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _lock(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:  # no such locks on this system; two demos at once are then the user's own care
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise InboxError("A demo is running already. Leave it first (q), then start this one.") from None
