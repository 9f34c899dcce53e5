"""A PostgreSQL server of the test run's own: started once, thrown away at its end, a fresh database for every test."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from tui_inbox.repository.store import Store

T = TypeVar("T")

REQUIRED = "TESTS_REQUIRE_POSTGRESQL"
"""Environment: where no server can be started, tests that need one fail instead of being skipped."""
TEMPLATE = "inbox_template"
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "120",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "max_wal_size": "4GB",
}
"""Nothing here need outlive the machine."""
START_WITHIN = 60.0
ROOM = 1 << 30
"""Bytes that a server with its databases may need."""
PR_SET_PDEATHSIG = 1


def binaries() -> Path | None:
    """Folder of the server's programs; ``None`` where there are none."""
    found = shutil.which("initdb")
    if found is not None and Path(found).with_name("postgres").exists():
        return Path(found).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return installed[-1].parent if installed else None


def outside(work: Callable[[], Awaitable[T]]) -> T:
    """Run ``work`` to its end in a loop of its own, whatever loop runs here."""
    found: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        async def whole() -> T:
            return await work()

        try:
            found.append(asyncio.run(whole()))
        except BaseException as error:  # noqa: BLE001  # raised again where it belongs
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


@dataclass
class Server:
    """One running server."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    user: str
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def start(cls) -> Server:
        """Make a cluster in a folder of its own and start it; the system ends it with this process."""
        programs = binaries()
        assert programs is not None, "no PostgreSQL here"
        folder = Path(tempfile.mkdtemp(prefix="inbox-pg-", dir=_quick_place()))
        user = _owner()
        shutil.chown(folder, user.pw_name)
        identity = {"user": user.pw_uid, "group": user.pw_gid} if os.geteuid() == 0 else {}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        made = [programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]
        plain = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(folder)}
        subprocess.run([*made, "--locale=C.UTF-8"], check=True, cwd=folder, env=plain, **identity, **quiet)  # type: ignore[call-overload]
        hba = folder / "data" / "pg_hba.conf"
        hba.write_text(
            "local locked all scram-sha-256\nhost locked all all scram-sha-256\nlocal all all trust\n"
            "host all all 127.0.0.1/32 trust\n"
        )
        port = _free_port()
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        place = ["-c", f"unix_socket_directories={folder}", "-c", "listen_addresses=127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", *place, *options],
            cwd=folder,
            env=plain,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 (no other thread runs yet that holds a lock it needs)
            **identity,
            **quiet,  # type: ignore[call-overload]
        )
        server = cls(folder, port, process, user.pw_name)
        server._wait()
        return server

    def url(self, database: str, user: str = "postgres") -> str:
        """Address of a database, over the socket."""
        return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}"

    def tcp_url(self, database: str, credentials: str = "postgres") -> str:
        """The same over the network."""
        return f"postgresql://{credentials}@127.0.0.1:{self.port}/{database}"

    def make_database(self, template: str = TEMPLATE) -> str:
        """A new database; its address. The schema is in the template already."""
        if template == TEMPLATE:
            self._make_template()
        name = f"t{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Take a database away, whoever still has it open."""
        self.run(f"DROP DATABASE IF EXISTS {url.partition('?')[0].rpartition('/')[2]} WITH (FORCE)")

    def run(self, statement: str, database: str = "postgres") -> list[asyncpg.Record]:
        """One statement, outside of the program under test."""

        async def work() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.url(database))
            try:
                return list(await connection.fetch(statement))
            finally:
                await connection.close()

        return outside(work)

    def stop(self) -> None:
        """End the server and remove everything of it."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(timeout=START_WITHIN)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_template(self) -> None:
        if self.run(f"SELECT 1 FROM pg_database WHERE datname = '{TEMPLATE}'"):
            return
        self.run(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0 ENCODING 'UTF8'")

        async def build() -> None:
            await (await Store.open(self.url(TEMPLATE))).close()

        outside(build)

    def _wait(self) -> None:
        give_up_at = time.monotonic() + START_WITHIN
        while True:
            assert self.process.poll() is None, "the server ended at once"
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                self.run("SELECT 1")
                return
            assert time.monotonic() < give_up_at, "the server does not answer"
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)  # or until it has ended, which is told above


def dump(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of a database, read past the program."""

    async def work() -> dict[str, list[tuple[Any, ...]]]:
        connection = await asyncpg.connect(url)
        try:
            names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
            return {
                name: sorted((tuple(row) for row in await connection.fetch(f'SELECT * FROM "{name}"')), key=repr)
                for (name,) in names
            }
        finally:
            await connection.close()

    return outside(work)


def _quick_place() -> str | None:
    """A folder in memory, where there is one with room: a database is copied for every test."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > ROOM else None


def _owner() -> pwd.struct_passwd:
    """Whom the server runs as: it refuses to be root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
