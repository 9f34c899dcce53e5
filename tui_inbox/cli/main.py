"""The command ``tui-inbox``: alone it opens the inbox; every capability is also a command.

Only click and the standard library are imported here; each command imports what it needs when it runs.
"""

from __future__ import annotations

import click

from tui_inbox.cli.admin import agent, channel
from tui_inbox.cli.demo import demo
from tui_inbox.cli.diagnosis import config, doctor
from tui_inbox.cli.find import find, reach, show
from tui_inbox.cli.imports import import_group
from tui_inbox.cli.lifecycle import assign, close, note, open_, snooze
from tui_inbox.cli.policies import policy
from tui_inbox.cli.processes import deliver, serve
from tui_inbox.cli.send import send
from tui_inbox.cli.session import InboxGroup, Session, common_options

EPILOG = """\b
Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 not found,
4 refused by policy, 5 not permitted, 6 uncertain.

CONTACT is id:123, email:ana@example.com or phone:+15551234567.
Times are ISO 8601 with offset. Data goes to stdout, messages to stderr.
"""


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
    cls=InboxGroup,
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


for command in (
    find,
    show,
    reach,
    send,
    close,
    open_,
    snooze,
    assign,
    note,
    policy,
    deliver,
    serve,
    channel,
    agent,
    import_group,
    doctor,
    config,
    demo,
):
    main.add_command(command)
