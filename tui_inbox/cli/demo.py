"""``demo``: a sandbox workspace whose customers answer."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from tui_inbox.cli.output import emit_json, json_option
from tui_inbox.cli.session import Session

if TYPE_CHECKING:
    from tui_inbox.demo.places import DemoPlaces

MOST_CONTACTS = 1_000_000
OWN = tuple(f"TUI_INBOX_{name}" for name in ("DATABASE", "AGENT", "CONFIG", "CHANNELS", "SERVE"))
TRY = (
    ("find --inbox mine --status closed car", "closed conversations of yours"),
    ("reach email:carlos.fuentes@example.com", "what may be sent now, and why"),
    ('send email:carlos.fuentes@example.com --text "Hello Carlos" --dry-run', "the consequences"),
    ("policy list", "the rules of every channel"),
    ("doctor", "whether all is well"),
)


@click.command()
@click.option("--contacts", type=click.IntRange(1, MOST_CONTACTS), default=400, show_default=True, help="How many.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed gives the same customers.")
@click.option("--keep", is_flag=True, help="Go on with the workspace of the last run.")
@click.option("--no-open", is_flag=True, help="Make the workspace and print where it is; start nothing.")
@json_option
@click.pass_obj
def demo(session: Session, contacts: int, seed: int, keep: bool, no_open: bool, as_json: bool) -> None:
    """Try it out: a made-up shop with local stand-ins for its channels. Nothing leaves this machine."""
    if not no_open:
        from tui_inbox.terminal.tty import require_terminal

        require_terminal()
    from tui_inbox import logs
    from tui_inbox.demo.places import DemoPlaces
    from tui_inbox.demo.run import DemoOptions, prepare, run
    from tui_inbox.domain.clock import system_clock

    logs.configure()
    _forget_own_settings()
    places = DemoPlaces.default()
    options = DemoOptions(contacts, seed, keep)
    if no_open:
        with click.progressbar(length=contacts, label="making the demo workspace", file=sys.stderr) as bar:
            prepare(places, options, system_clock, bar.update)
        _print_places(places, as_json=as_json)
        return
    with click.progressbar(length=contacts, label="making the demo workspace", file=sys.stderr) as bar:

        def screen() -> int:
            bar.render_finish()
            return _screen(places)

        code = run(places, options, system_clock, screen, bar.update)
    raise click.exceptions.Exit(code)


def _forget_own_settings() -> None:
    """Take the user's own database, identity and tokens out of the environment, for us and the demo's processes."""
    for name in list(os.environ):
        if name.upper().startswith(OWN):
            del os.environ[name]


def _screen(places: DemoPlaces) -> int:
    from tui_inbox.cli.screen import run_screen
    from tui_inbox.config import load_settings

    return run_screen(lambda: load_settings(places.config, {"database": places.url, "agent": "ana"}))


def _print_places(places: DemoPlaces, *, as_json: bool) -> None:
    if as_json:
        emit_json({"database": places.url, "config": str(places.config), "agent": "ana"})
        return
    click.echo(f"database  {places.url}\nconfig    {places.config}\nagent     ana\n")
    click.echo(f"Try, with  export TUI_INBOX_CONFIG={places.config}")
    for command, told in TRY:
        click.echo(f"  tui-inbox {command}  # {told}")
