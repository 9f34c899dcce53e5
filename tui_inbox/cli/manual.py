"""``manual``: the user documentation that comes with the program, readable where it is needed."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import click

from tui_inbox.cli.output import emit_rows, list_options
from tui_inbox.domain.errors import NotFoundError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SUFFIX = ".md"


@click.command()
@click.argument("page", required=False)
@list_options
def manual(page: str | None, as_json: bool, as_csv: bool) -> None:
    """Print a PAGE of the manual; without one, list the pages."""
    pages = _pages()
    if page is None:
        rows = [{"page": name, "title": _title(found)} for name, found in pages.items()]
        emit_rows(rows, ("page", "title"), as_json=as_json, as_csv=as_csv)
        return
    if page not in pages:
        raise NotFoundError(f"The manual has no page '{page}'. It has: {', '.join(pages)}.")
    click.echo(pages[page].read_text("utf-8"), nl=False)


def _pages() -> dict[str, Traversable]:
    found = (item for item in files("tui_inbox.manual").iterdir() if item.name.endswith(SUFFIX))
    return {item.name.removesuffix(SUFFIX): item for item in sorted(found, key=lambda item: item.name)}


def _title(page: Traversable) -> str:
    return page.read_text("utf-8").splitlines()[0].lstrip("# ")
