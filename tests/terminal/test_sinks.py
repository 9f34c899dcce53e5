"""No text that is not written in our own source is ever parsed as markup."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import sinks

PACKAGE = Path(__file__).parents[2] / "tui_inbox"
PAINTING = ["screens", "widgets", "terminal", "demo"]


def painting_modules() -> list[Path]:
    return [PACKAGE / "app.py", *(path for name in PAINTING for path in sorted((PACKAGE / name).rglob("*.py")))]


def test_no_screen_gives_text_to_a_markup_sink() -> None:
    assert len(painting_modules()) > 20
    assert [str(finding) for finding in sinks.check_files(painting_modules())] == []


BAD = [
    "Static(name)",
    "Static(f'{contact.name}')",
    "Static('bold [b]x[/b]')",
    "Static(clean_line(name))",
    "Static(str(Content(name)))",
    "Label(renderable)",
    "Button(label, id='x')",
    "Button(Content('ok'), tooltip=name)",
    "Checkbox(tag)",
    "RadioButton(clean_line(tag))",
    "Option(agent.name, id='a')",
    "OptionList(*names)",
    "OptionList('a', clean(name))",
    "options.add_option(name)",
    "options.add_options(names)",
    "table.add_row('a', name)",
    "table.add_column(header)",
    "table.add_columns('a', header)",
    "table.update_cell(row, column, value)",
    "tree.root.add_leaf(label)",
    "Tree(label)",
    "Select([(name, 1)])",
    "Select([(agent.name, agent.id) for agent in agents])",
    "select.set_options((n, n) for n in names)",
    "SelectionList((name, 1))",
    "Tabs(name)",
    "Tab(name)",
    "TabPane(name)",
    "Collapsible(Static('x'), title=name)",
    "self.notify(message)",
    "self.app.notify(f'sent to {name}', severity='error')",
    "self.notify('sent', title=name)",
    "widget.tooltip = name",
    "widget.border_title = name",
    "widget.border_subtitle = f'{count} of [x]'",
    "area.placeholder = hint",
    "TextArea(placeholder=hint)",
    "Placeholder(name)",
    "widget.update(f'{name}')",
    "widget.update(clean_line(name))",
    "Static(Content.from_markup(name))",
    "Static(Text.from_markup(name))",
    "Static(name if short else Content(name))",
    "Static(content or name)",
    "class Line(Static):\n    def __init__(self, text: str) -> None:\n        super().__init__(text)",
    "Button(name, markup=False)",
    "Static(name, markup=flag)",
    "Static(Content(name), markup=False, tooltip=name)",
]
GOOD = [
    "Static('plain words')",
    "Static(Content(name))",
    "Static(name, markup=False)",
    "Static(Content.styled(name, 'bold'))",
    "Static(Content.assemble((name, 'bold'), ' x'))",
    "Static(Text(name))",
    "Static(literal(clean_line(name)))",
    "Static(Content(name) if name else 'nobody')",
    "Static()",
    "Static(None)",
    "def title(x: str) -> Content:\n    return Content(x)\nStatic(title(name))",
    "def show(text: Content) -> None:\n    Static(text)",
    "def show(name: str) -> None:\n    content = Content(name)\n    Label(content)",
    "def show(name: str) -> None:\n    content: Content = make(name)\n    Label(content)",
    "class Row:\n    @property\n    def label(self) -> Content:\n        return Content('x')\nStatic(row.label)",
    "self.notify(message, markup=False)",
    "self.notify('sent', title='Done')",
    "Input(placeholder=hint)",
    "OptionList(Option(Content(name), id='a'))",
    "OptionList(*names, markup=False)",
    "Select([(Content(name), 1)])",
    "SelectionList((Content(name), 1))",
    "table.add_row(Content(a), 'b')",
    "table.update_cell(row, column, Content(value))",
    "Button('Send', tooltip='send it now')",
    "widget.border_title = Content(name)",
    "known.update({name: 1})",
    "widget.update(Content(name))",
    "class Line(Static):\n    def __init__(self, text: str) -> None:\n        super().__init__(text, markup=False)",
    "class Line(Widget):\n    def __init__(self, text: str) -> None:\n        super().__init__(id=text)",
]


@pytest.mark.parametrize("source", BAD)
def test_the_check_finds_what_is_wrong(source: str) -> None:
    assert sinks.check(source)


@pytest.mark.parametrize("source", GOOD)
def test_the_check_leaves_alone_what_is_right(source: str) -> None:
    assert sinks.check(source) == []
