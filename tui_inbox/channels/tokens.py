"""Access tokens that run out: fetched by one at a time, shared by every process of this machine.

WeChat's new token ends the former one, and TikTok's refresh token may be used once. So a token lies in a private file,
whoever needs a new one holds the lock of that file, and who comes second finds what the first has fetched. The file
belongs to one credential: another secret in the settings is another file.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field

from tui_inbox import logs, paths
from tui_inbox.domain.clock import Clock

RESERVE = 120.0
"""Seconds before its end at which a token is replaced."""
LOCK_SECONDS = 15.0
LOOK_EVERY = 0.05
"""Longest wait for another process that fetches, and the pause between two looks."""


class TokenError(Exception):
    """There is no token to be had now. ``str()`` says why, in words for the agent."""

    def __init__(self, told: str, *, refused: bool = False) -> None:
        super().__init__(told)
        self.refused = refused
        """The channel refused the credential itself; else it could not be asked."""


@dataclass(frozen=True)
class Token:
    """An access token."""

    value: str = field(repr=False)
    expires_at: float
    """Seconds since 1970."""
    refresh: str = field(default="", repr=False)
    """What the next one is fetched with, where that changes each time."""


Fetch = Callable[[str], Awaitable[Token]]
"""Gets a new token; the argument is the refresh token of the last one, empty when there was none. Raises TokenError."""


class TokenKeeper:
    """The access token of one credential, which is named by ``parts`` (secrets among them: only their hash is used)."""

    def __init__(self, parts: Sequence[str], fetch: Fetch, clock: Clock) -> None:
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        self._file = paths.data_dir() / "tokens" / f"{digest[:32]}.json"
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()

    async def get(self, refused: str = "") -> str:
        """A token that is good, as far as we know; ``refused`` is one that is not. Raises :class:`TokenError`."""
        known = self._good(refused)
        if known is not None:
            return known.value
        async with self._lock, self._alone():
            known = self._good(refused)  # somebody else may have fetched it while we waited
            if known is not None:
                return known.value
            before = self._read()
            fetched = await self._fetch(before.refresh if before is not None else "")
            self._write(fetched)
            return fetched.value

    def _good(self, refused: str) -> Token | None:
        token = self._read()
        if token is None or token.value == refused or token.expires_at - self._clock().timestamp() < RESERVE:
            return None
        return token

    def _read(self) -> Token | None:
        try:
            found = json.loads(self._file.read_text("utf-8"))
            token = Token(str(found["value"]), float(found["expires_at"]), str(found["refresh"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None
        logs.hide((token.value, token.refresh))
        return token

    def _write(self, token: Token) -> None:
        """Whole or not at all: a refresh token that is lost half-way is lost for good."""
        logs.hide((token.value, token.refresh))
        new = self._file.with_suffix(".new")
        paths.write_private(new, json.dumps(asdict(token)))
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(self._file)
        paths.sync_directory(self._file.parent)

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        try:
            import fcntl
        except ImportError:  # no such locks on this system: one process at a time is then the user's own care
            yield
            return
        paths.private_directory(self._file.parent)
        lock = os.open(self._file.with_suffix(".lock"), os.O_WRONLY | os.O_CREAT, paths.PRIVATE_FILE)
        try:
            await _acquire(lambda: fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB))
            yield
        finally:
            os.close(lock)


async def _acquire(lock: Callable[[], None]) -> None:
    tries = int(LOCK_SECONDS / LOOK_EVERY)
    for _ in range(tries):
        try:
            lock()
        except OSError:
            await asyncio.sleep(LOOK_EVERY)
        else:
            return
    raise TokenError("Another program of this machine has been fetching an access token for too long.")
