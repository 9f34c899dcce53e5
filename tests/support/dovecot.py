"""A real IMAP server (Dovecot) in a folder of its own, and a real SMTP server that delivers into it."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import grp
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOBODY = 65_534
REQUIRED = "TESTS_REQUIRE_DOVECOT"
CONFIG = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{home}/server.pem
ssl_key = <{home}/server.key
disable_plaintext_auth = no
auth_mechanisms = plain login
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
mail_location = maildir:{home}/mail/%u
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 0
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}/mail/%u
}}
"""


@dataclass
class Imap:
    """A running server."""

    port: int
    """Without TLS, or with STARTTLS."""
    tls_port: int
    home: Path
    password: str
    owner: tuple[int, int]
    """User and group that mail belongs to: Dovecot refuses the superuser."""

    @property
    def certificate(self) -> Path:
        """What both servers show: it is signed by nobody but itself."""
        return self.home / "server.pem"

    def deliver(self, user: str, raw: bytes) -> None:
        """Put a mail into somebody's inbox, as a delivery agent does."""
        box = self.home / "mail" / user
        for name in ("tmp", "new", "cur"):
            (box / name).mkdir(parents=True, exist_ok=True)
        name = f"{len(list((box / 'new').iterdir())):06d}.{os.urandom(8).hex()}.local"
        (box / "tmp" / name).write_bytes(raw)
        if os.getuid() == 0:
            for path in (box.parent, box, *box.rglob("*")):
                os.chown(path, *self.owner)
        (box / "tmp" / name).rename(box / "new" / name)


@contextlib.contextmanager
def dovecot(password: str) -> Iterator[Imap]:
    """Dovecot for the time of a ``with`` block. Skips where there is none, or fails where it is required."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # another user than ours may read mail there
        with _running(Path(folder), password) as server:
            yield server


@contextlib.contextmanager
def _running(home: Path, password: str) -> Iterator[Imap]:
    program = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        assert REQUIRED not in os.environ, "Dovecot is required here and can't be found"
        pytest.skip("needs Dovecot (apt install dovecot-imapd)")
    port, tls_port = _free_port(), _free_port()
    owner = (NOBODY, NOBODY) if os.getuid() == 0 else (os.getuid(), os.getgid())
    user, group = ("dovecot", "dovecot") if os.getuid() == 0 else (getpass.getuser(), grp.getgrgid(os.getgid()).gr_name)
    settings = {"home": home, "port": port, "tls_port": tls_port, "password": password, "user": user, "group": group}
    (home / "mail").mkdir(mode=0o755)
    os.chown(home / "mail", *owner)
    _sign(home)
    config = home / "dovecot.conf"
    config.write_text(CONFIG.format(uid=owner[0], gid=owner[1], **settings))
    process = subprocess.Popen([program, "-F", "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        _wait_for(port, process, home)
        yield Imap(port, tls_port, home, password, owner)
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _sign(home: Path) -> None:
    """A certificate for this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (home / "server.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (home / "server.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _wait_for(port: int, process: subprocess.Popen[bytes], home: Path) -> None:
    while True:
        assert process.poll() is None, (home / "dovecot.log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
            if connection.recv(64).startswith(b"* OK"):
                return


class _Delivery:
    """Takes mail from who has logged in and puts it into the recipient's mailbox."""

    def __init__(self, imap: Imap) -> None:
        self._imap = imap
        self.taken: list[Envelope] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """The mail is whole."""
        assert isinstance(envelope.content, bytes)
        for recipient in envelope.rcpt_tos:
            await asyncio.to_thread(self._imap.deliver, recipient, envelope.content)
        self.taken.append(envelope)
        return "250 2.0.0 Ok"


@contextlib.contextmanager
def smtp_into(imap: Imap) -> Iterator[tuple[int, list[Envelope]]]:
    """An SMTP server that delivers into ``imap``: its port, and what it took."""

    def known(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: LoginPassword) -> AuthResult:
        return AuthResult(success=given.password == imap.password.encode())

    delivery = _Delivery(imap)
    port, context = _free_port(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(imap.certificate, imap.home / "server.key")
    options: dict[str, Any] = {"authenticator": known, "auth_required": True, "auth_require_tls": False}
    options["tls_context"] = context
    controller = Controller(delivery, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port, delivery.taken
    finally:
        controller.stop()
