"""Style, types and layers, by the tools that know them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
MOST_LINES = 400

TOOLS = {
    "ruff check": [str(BIN / "ruff"), "check", "--no-cache"],
    "ruff format": [str(BIN / "ruff"), "format", "--check", "--no-cache"],
    "mypy --strict": [sys.executable, "-m", "mypy"],
    "import-linter": [str(BIN / "lint-imports"), "--no-cache"],
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("tool", TOOLS)
def test_the_tools_find_nothing(tool: str) -> None:
    done = subprocess.run(TOOLS[tool], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_is_longer_than_a_newcomer_reads_at_once() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in (ROOT / "tui_inbox").rglob("*.py")}
    assert {str(path): lines for path, lines in lengths.items() if lines > MOST_LINES} == {}
    assert lengths


def test_the_pictures_and_files_that_the_readme_names_exist() -> None:
    readme = (ROOT / "README.md").read_text()
    named = [unquote(path) for path in re.findall(r"\]\((?!https?:)([^)#]+)\)", readme)]
    assert named
    assert [path for path in named if not (ROOT / path).is_file()] == []
