"""Finds places where a plain ``str`` is given to something of Textual's that would read it as markup.

Accepted are: literals without ``[``, ``Content`` and ``Text`` objects, calls of functions of ours that are annotated to
return one, names that hold one of these, and a call that says ``markup=False`` where the sink knows that word.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SINKS = frozenset({
    "Button", "Checkbox", "Collapsible", "DataTable", "Digits", "Header", "Label", "Option", "OptionList",
    "Placeholder", "RadioButton", "RadioSet", "Select", "Selection", "SelectionList", "Static", "Tab",
    "TabPane", "TabbedContent", "Tabs", "Toast", "Tree", "add_column", "add_columns", "add_leaf",
    "add_option", "add_options", "add_row", "add_rows", "add_tab", "from_markup", "notify",
    "replace_option_prompt", "replace_option_prompt_at_index", "set_label", "set_options", "update_cell",
    "update_cell_at",
})  # fmt: skip
"""Constructors and methods that parse markup in a ``str``."""
KNOWS_MARKUP = frozenset(["Static", "Label", "notify", "OptionList", "SelectionList", "Digits"])
"""Sinks that take ``markup=False``."""
KEYWORDS = frozenset(["tooltip", "border_title", "border_subtitle", "placeholder", "label", "prompt", "title"])
"""Keyword arguments and attributes that parse markup."""
UNHARMED = frozenset(["Input", "SearchInput", "Field", "field", "App", "TuiInbox", "MaskedInput", "PaletteField"])
"""Callables whose placeholder or title is literal."""
CONTENT = frozenset({"Content", "Text", "Segment", "literal", "Blank"})
MANY = frozenset({
    "OptionList", "RadioSet", "TabbedContent", "Tabs", "add_columns", "add_options", "add_row",
})  # fmt: skip
"""Sinks that paint every positional argument; the others paint the first."""
PAIRS = frozenset({"DataTable", "Select", "SelectionList", "add_rows", "set_options", "update_cell", "update_cell_at"})
"""Sinks that paint the first of each pair, or their last argument."""
UPDATED = frozenset({"update"})
CLEANERS = frozenset({"clean", "clean_line", "terminal_safe", "fit", "clip", "str", "format", "join"})
"""Calls whose result is certainly a ``str``, so certainly wrong as the only argument of ``update``."""


@dataclass(frozen=True)
class Finding:
    """One sink that is given text which might be markup."""

    path: str
    line: int
    sink: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.sink} may get markup; give it Content(…) or markup=False"


def makers(trees: Iterable[ast.Module]) -> frozenset[str]:
    """Names of functions and properties that are annotated to return content."""
    return frozenset(
        node.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_content_type(node.returns)
    )


def check(source: str, path: str = "sample.py", known: frozenset[str] = frozenset()) -> list[Finding]:
    """Every finding in one module; ``known``: functions that return content."""
    tree = ast.parse(source)
    checker = _Checker(path, CONTENT | known | makers([tree]))
    checker.visit(tree)
    return checker.findings


def check_files(paths: Iterable[Path]) -> list[Finding]:
    """Every finding in some modules, which know of each other's functions."""
    sources = {path: path.read_text() for path in paths}
    known = makers(ast.parse(source) for source in sources.values())
    return [finding for path, source in sources.items() for finding in check(source, str(path), known)]


def _is_content_type(annotation: ast.expr | None) -> bool:
    if annotation is None:
        return False
    words = ast.unparse(annotation).replace("'", "").replace("|", " ").split()
    return bool(words) and set(words) <= {"Content", "Text", "None", "Content.Content", "text.Text"}


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


class _Checker(ast.NodeVisitor):
    def __init__(self, path: str, makers_known: frozenset[str]) -> None:
        self.path = path
        self.makers = makers_known
        self.findings: list[Finding] = []
        self.content_names: list[set[str]] = [set()]
        self.bases: list[set[str]] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.bases.append({_name(base.value if isinstance(base, ast.Subscript) else base) for base in node.bases})
        self.generic_visit(node)
        self.bases.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        names = {argument.arg for argument in arguments if _is_content_type(argument.annotation)}
        self.content_names.append(names)
        self.generic_visit(node)
        self.content_names.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815  # the name that ast calls

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        for target in node.targets:
            if isinstance(target, ast.Name) and self._safe(node.value) and not isinstance(node.value, ast.Constant):
                self.content_names[-1].add(target.id)
            if isinstance(target, ast.Attribute) and target.attr in KEYWORDS - {"label", "title", "prompt"}:
                self._judge(node.value, node.lineno, target.attr)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.generic_visit(node)
        if isinstance(node.target, ast.Name) and _is_content_type(node.annotation):
            self.content_names[-1].add(node.target.id)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        sink = self._sink(node)
        literal = any(
            word.arg == "markup" and isinstance(word.value, ast.Constant) and word.value.value is False
            for word in node.keywords
        )
        if sink in SINKS and not (literal and sink in KNOWS_MARKUP):
            for argument in self._shown(node, sink):
                self._judge(argument, node.lineno, sink)
        if sink not in UNHARMED:
            for word in node.keywords:
                if word.arg in KEYWORDS and not (literal and sink in KNOWS_MARKUP and word.arg != "tooltip"):
                    self._judge(word.value, node.lineno, f"{sink}({word.arg}=)")
        if sink in UPDATED and len(node.args) == 1 and self._surely_text(node.args[0]):
            self._judge(node.args[0], node.lineno, sink)

    def _sink(self, node: ast.Call) -> str:
        """The sink that a call reaches; ``super().__init__`` counts as a call of the base class."""
        name = _name(node.func)
        if name == "__init__" and self.bases:
            return next((base for base in sorted(self.bases[-1]) if base in SINKS), name)
        return name

    def _shown(self, node: ast.Call, sink: str) -> Iterator[ast.expr]:
        """The positional arguments that are painted; sequences are looked into."""
        if sink in PAIRS:
            yield from self._elements(node)
            return
        for argument in node.args if sink in MANY else node.args[:1]:
            yield argument.value if isinstance(argument, ast.Starred) else argument

    def _elements(self, node: ast.Call) -> Iterator[ast.expr]:
        """Texts inside pairs and rows, and the last argument of the cell setters."""
        for argument in node.args if _name(node.func) == "SelectionList" else node.args[-1:]:
            inside = [argument.elt] if isinstance(argument, ast.ListComp | ast.GeneratorExp) else [argument]
            inside = argument.elts if isinstance(argument, ast.List) else inside
            for element in inside:
                yield element.elts[0] if isinstance(element, ast.Tuple) and element.elts else element

    def _judge(self, value: ast.expr, line: int, sink: str) -> None:
        if not self._safe(value):
            self.findings.append(Finding(self.path, line, sink))

    def _surely_text(self, value: ast.expr) -> bool:
        if isinstance(value, ast.JoinedStr):
            return True
        return isinstance(value, ast.Call) and _name(value.func) in CLEANERS

    def _safe(self, value: ast.expr) -> bool:
        if isinstance(value, ast.Constant):
            return not isinstance(value.value, str) or "[" not in value.value
        if isinstance(value, ast.Name):
            return any(value.id in names for names in self.content_names)
        if isinstance(value, ast.IfExp):
            return self._safe(value.body) and self._safe(value.orelse)
        if isinstance(value, ast.BoolOp):
            return all(self._safe(part) for part in value.values)
        if isinstance(value, ast.Attribute):
            return value.attr in self.makers
        if isinstance(value, ast.Call):
            return self._makes_content(value)
        return False

    def _makes_content(self, call: ast.Call) -> bool:
        """``Content(…)``, ``Content.styled(…)``, ``Option(…)`` that is judged itself, or a maker of ours."""
        name = _name(call.func)
        if name == "from_markup":
            return False
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if isinstance(owner, ast.Name) and owner.id in {"Content", "Text"}:
            return True
        return name in self.makers or name in SINKS
