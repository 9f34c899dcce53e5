"""What every command shares: the common options, the settings, opening the services, and how errors end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tui_inbox.domain.errors import InboxError, StoreUnreachableError, UsageError

if TYPE_CHECKING:
    from tui_inbox.bootstrap import Services
    from tui_inbox.config import Settings
    from tui_inbox.domain.models import Agent

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

FAILED = 1
INTERRUPTED = 130
SQLITE = "sqlite:///"


@dataclass
class Session:
    """The common options of one run."""

    config: str | None = None
    database: str | None = None
    agent: str | None = None
    log_role: str = "inbox"

    def settings(self) -> Settings:
        """The settings, with the flags laid over them; the log is opened as well."""
        from tui_inbox import logs
        from tui_inbox.config import load_settings

        settings = load_settings(self.config, {"database": self.database, "agent": self.agent})
        logs.configure(self.log_role)
        return settings

    def run(self, work: Callable[[Services], Awaitable[T]], *, create: bool = False) -> T:
        """Open the services, do ``work``, close them. ``create``: make the database when there is none."""
        settings = self.settings()
        if not create:
            require_database(settings.database)

        async def whole() -> T:
            from tui_inbox.bootstrap import open_services

            services = await open_services(settings, create=create)
            try:
                return await work(services)
            finally:
                await services.close()

        return asyncio.run(whole())


def require_database(url: str) -> None:
    """Raise :class:`StoreUnreachableError` when the SQLite file does not exist: a misspelt path makes no new inbox."""
    from pathlib import Path

    if "://" in url and not url.startswith(SQLITE):
        return
    path = Path(url.removeprefix(SQLITE))
    if not path.exists():
        raise StoreUnreachableError(
            f"There is no inbox at {path}. Try it out with: tui-inbox demo. "
            "Or begin your own with: tui-inbox agent add HANDLE"
        )


async def acting_agent(services: Services) -> Agent:
    """The agent for whom this run acts. Raises ``UsageError`` when none is named, ``NotFoundError`` if unknown."""
    return await services.directory.agent(named_agent(services.settings))


def named_agent(settings: Settings) -> str:
    """The handle that this run acts for. Raises ``UsageError`` when none is named."""
    handle = settings.agent.strip()
    if not handle:
        raise UsageError(
            'Say who you are: --agent HANDLE, the environment variable TUI_INBOX_AGENT, or agent = "…" in the settings.'
        )
    return handle


def now() -> datetime:
    """This instant, for commands that need no store."""
    return datetime.now(UTC)


def _remember(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    session = context.ensure_object(Session)
    if value is not None and parameter.name is not None:
        setattr(session, parameter.name, value)


def common_options(command: Command) -> Command:
    """``--config``, ``--database`` and ``--agent``: taken before and after the command's name."""
    for option, metavar, told in (
        ("--agent", "HANDLE", "Who you are."),
        ("--database", "URL", "Database to use: sqlite:////home/ana/inbox.db or postgresql://ana@host/inbox."),
        ("--config", "FILE", "Settings file to read."),
    ):
        decorate = click.option(
            option, metavar=metavar, help=told, expose_value=False, callback=_remember, is_eager=False
        )
        command = decorate(command)
    return command


class InboxGroup(click.Group):
    """The outermost group: every error becomes one sentence on stderr and the documented exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it raises ends here."""
        try:
            return super().invoke(ctx)
        except InboxError as error:
            tell(str(error))
            ctx.exit(error.exit_code)
        except BrokenPipeError:
            # Whoever read our output has had enough; Python would complain again when it flushes at exit.
            sys.stdout = open_nothing()
            ctx.exit(FAILED)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001  # the last net: the person gets a sentence, the log the traceback
            tell(f"Something went wrong that should not ({type(error).__name__}). The log tells more: {_logged(error)}")
            ctx.exit(FAILED)


def tell(sentence: str) -> None:
    """A message for the person, on stderr. Names and texts of customers in it are cleaned."""
    from tui_inbox.text import terminal_safe

    click.echo(f"tui-inbox: {terminal_safe(sentence)}", err=True)


def open_nothing() -> Any:
    """A stream that swallows everything."""
    import os
    from pathlib import Path

    return Path(os.devnull).open("w", encoding="utf-8")  # closed by the interpreter's end


def _logged(error: BaseException) -> str:
    import logging

    from tui_inbox import logs, paths

    if not any(isinstance(handler, logs.PrivateRotatingHandler) for handler in logging.getLogger().handlers):
        logs.configure()
    logging.getLogger("tui_inbox.cli").error("Unexpected error", exc_info=error)
    return str(paths.log_file())
