"""The address of a PostgreSQL server: what people paste, as the driver takes it, and as it may be shown.

Passwords come from the address, ``PGPASSWORD`` or ``~/.pgpass`` (the driver reads the last two); no sentence has one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from tui_inbox.domain.errors import UsageError

SCHEMES = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})
CONNECT_TIMEOUT = 10.0
"""Seconds that connecting may take where the address does not say otherwise."""
PORT = "5432"
KNOWN = frozenset(
    {
        "application_name",
        "connect_timeout",
        "host",
        "passfile",
        "password",
        "port",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslnegotiation",
        "sslpassword",
        "sslrootcert",
        "target_session_attrs",
        "user",
    }
)
"""What may stand behind the question mark; named and meant as libpq has it."""


@dataclass(frozen=True)
class ServerAddress:
    """Where a database lies on which server."""

    dsn: str = field(repr=False)
    """For the driver; may hold a password."""
    name: str
    """For people and for files that remember a database: without user and password."""
    database: str
    timeout: float = CONNECT_TIMEOUT
    """Seconds that connecting may take."""
    application: str = "tui-inbox"


def is_server(address: str) -> bool:
    """Whether an address names a server and not a file."""
    return address.partition("://")[0] in SCHEMES and "://" in address


def parse(address: str) -> ServerAddress:
    """Understand ``postgresql://user@host:port/database?sslmode=…``. Raises :class:`UsageError` with a way out."""
    try:
        parts = urlsplit(address)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise UsageError(
            "The address of the database cannot be understood; write postgresql://USER@HOST/DATABASE."
        ) from None
    unknown = sorted(options.keys() - KNOWN)
    if unknown:
        raise UsageError(
            f"The address of the database has a parameter '{unknown[0]}' that is not understood; "
            f"these are: {', '.join(sorted(KNOWN))}."
        )
    database = unquote(parts.path.lstrip("/"))
    if not database:
        raise UsageError("The address of the server names no database; write postgresql://USER@HOST/DATABASE.")
    timeout = _seconds(options.pop("connect_timeout", ""))
    application = options.pop("application_name", "tui-inbox")
    place = parts.netloc.rpartition("@")[2]
    host = place or options.get("host", "localhost")
    if place and ":" not in place.rpartition("]")[2]:
        host = f"{place}:{options.get('port', PORT)}"
    elif not place:
        host = f"{host}:{options.get('port', PORT)}"
    return ServerAddress(
        dsn=urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(options, quote_via=quote), "")),
        name=f"postgresql://{host}/{database}",
        database=database,
        timeout=timeout,
        application=application,
    )


def _seconds(told: str) -> float:
    if not told:
        return CONNECT_TIMEOUT
    if not told.isdecimal():
        raise UsageError("connect_timeout in the address of the database is a number of whole seconds.")
    # libpq: 0 waits for ever, which nobody at a keyboard wants.
    return float(told) or CONNECT_TIMEOUT
