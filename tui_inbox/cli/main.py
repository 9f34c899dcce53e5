"""The command ``tui-inbox``: alone it opens the inbox; every capability is also a command.

Only click and the standard library are imported here; each command imports what it needs when it runs.
"""

from __future__ import annotations

import importlib

import click

from tui_inbox.cli.session import InboxGroup, Session, common_options

COMMANDS = {
    "agent": "admin:agent",
    "assign": "lifecycle:assign",
    "attachment": "attachments:attachment",
    "channel": "admin:channel",
    "close": "lifecycle:close",
    "config": "diagnosis:config",
    "db": "database:database",
    "deliver": "processes:deliver",
    "demo": "demo:demo",
    "doctor": "diagnosis:doctor",
    "export": "transfer:export_group",
    "find": "find:find",
    "import": "imports:import_group",
    "manual": "manual:manual",
    "note": "lifecycle:note",
    "open": "lifecycle:open_",
    "outbox": "outbox:outbox",
    "policy": "policies:policy",
    "reach": "find:reach",
    "send": "send:send",
    "serve": "processes:serve",
    "poll": "processes:poll",
    "show": "find:show",
    "snooze": "lifecycle:snooze",
}
"""Where each command is declared: module of this package and name in it."""
EPILOG = """\b
Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 not found,
4 refused by policy, 5 not permitted, 6 uncertain.

CONTACT is id:123, email:ana@example.com or phone:+15551234567.
Times are ISO 8601 with offset. Data goes to stdout, messages to stderr.
"""


class Commands(InboxGroup):
    """The commands; each is imported when it is asked for, so that the inbox opens without all the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the help."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        declared = COMMANDS.get(cmd_name)
        if declared is None:
            return None
        module, _, name = declared.partition(":")
        command = getattr(importlib.import_module(f"tui_inbox.cli.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the first argument; a misspelt one gets a proposal, for which click knows no names here."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None


def _print_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or context.resilient_parsing:
        return
    import platform
    import sqlite3
    from importlib.metadata import PackageNotFoundError, version

    from tui_inbox import __version__

    try:
        textual = version("textual")
    except PackageNotFoundError:
        textual = "missing"
    parts = (f"Python {platform.python_version()}", f"Textual {textual}", f"SQLite {sqlite3.sqlite_version}")
    click.echo(f"tui-inbox {__version__} ({', '.join(parts)})")
    context.exit()


@click.group(
    cls=Commands,
    invoke_without_command=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the versions."
)
@common_options
@click.pass_context
def main(context: click.Context) -> None:
    """A terminal inbox for support agents. Without a command it opens the inbox."""
    session = context.ensure_object(Session)
    if context.invoked_subcommand is None:
        from tui_inbox.cli.screen import run_screen

        context.exit(run_screen(session.settings))
