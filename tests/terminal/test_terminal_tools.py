"""Signals, clipboard, outside editor, and the check for a terminal."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tui_inbox.domain.errors import UsageError
from tui_inbox.terminal import clipboard, editor, signals
from tui_inbox.terminal.guard import CLIPBOARD_MAXIMUM
from tui_inbox.terminal.literal import literal
from tui_inbox.terminal.tty import require_terminal
from tui_inbox.text import CustomerText, clean_line

# -- signals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", signals.STOPPING)
async def test_a_signal_becomes_a_call_and_the_handlers_come_back(number: signal.Signals) -> None:
    former = signal.getsignal(number)
    told: asyncio.Queue[int] = asyncio.Queue()
    restore = signals.install(asyncio.get_running_loop(), told.put_nowait)
    try:
        os.kill(os.getpid(), number)
        assert await asyncio.wait_for(told.get(), 10) == number
    finally:
        restore()
    assert signal.getsignal(number) is former
    restore()
    assert signals.exit_code(number) == 128 + number


async def test_a_loop_that_knows_no_signals_is_left_alone() -> None:
    class Plain(asyncio.SelectorEventLoop):
        def add_signal_handler(self, *arguments: object) -> None:
            raise NotImplementedError

    loop = Plain()
    signals.install(loop, lambda number: None)()
    loop.close()


# -- clipboard -------------------------------------------------------------------------------------------------------


class Tmux:
    """Stands for tmux."""

    def __init__(self, works: bool) -> None:
        self.works = works
        self.given: list[tuple[Sequence[str], bytes]] = []

    async def __call__(self, command: Sequence[str], given: bytes) -> bool:
        self.given.append((command, given))
        return self.works


async def test_outside_tmux_the_terminal_is_asked() -> None:
    written: list[str] = []
    tmux = Tmux(works=True)
    done = await clipboard.copy("price: 5 €", written.append, {}, tmux)
    assert written == ["price: 5 €"]
    assert tmux.given == []
    assert done.message == "Copied 10 characters."


@pytest.mark.parametrize("works", [True, False])
async def test_inside_tmux_tmux_is_asked_first(works: bool) -> None:
    written: list[str] = []
    tmux = Tmux(works)
    await clipboard.copy("héllo", written.append, {"TMUX": "/tmp/tmux-0/default,1,0"}, tmux)
    assert tmux.given == [(clipboard.TMUX, "héllo".encode())]
    assert written == ([] if works else ["héllo"])


async def test_what_is_copied_is_clean_and_bounded() -> None:
    written: list[str] = []
    await clipboard.copy("rm\x1b[2J\u202e\r\nx", written.append, {})
    assert written == ["rm␛[2J\nx"]
    done = await clipboard.copy("€" * 40_000, written.append, {})
    assert len(written[1].encode()) <= CLIPBOARD_MAXIMUM
    assert done.text == written[1]
    assert done.message == "Copied the first 21,845 of 40,000 characters; more does not fit."


async def test_tmux_is_run_with_the_text_on_its_input(tmp_path: Path) -> None:
    target = tmp_path / "copied"
    save = [sys.executable, "-c", "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())", str(target)]
    assert await clipboard.run_quietly(save, b"text")
    assert target.read_bytes() == b"text"
    assert not await clipboard.run_quietly([sys.executable, "-c", "raise SystemExit(1)"], b"")
    assert not await clipboard.run_quietly([str(tmp_path / "missing")], b"")


async def test_a_tmux_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipboard, "PATIENCE", 0.05)
    assert not await clipboard.run_quietly([sys.executable, "-c", "import signal; signal.pause()"], b"")


# -- editor ----------------------------------------------------------------------------------------------------------


def editing(tmp_path: Path, script: str, **environ: str) -> editor.Edited:
    program = tmp_path / "editor.py"
    program.write_text(f"import pathlib, sys\npath = pathlib.Path(sys.argv[-1])\n{script}\n")
    chosen = {"EDITOR": f"{sys.executable} '{program}' --wait", **environ}
    return editor.edit("first\nsecond", name="draft-7", directory=tmp_path / "state" / "edit", environ=chosen)


def test_the_editor_gets_the_text_and_gives_it_back(tmp_path: Path) -> None:
    done = editing(tmp_path, "path.write_text(path.read_text().upper() + '\\n')")
    assert (done.text, done.error) == ("FIRST\nSECOND", "")
    assert done.path is not None
    assert editor.leftovers(done.path.parent) == [done.path]
    done.confirm()
    assert editor.leftovers(done.path.parent) == []
    done.confirm()


def test_the_file_is_private(tmp_path: Path) -> None:
    report = tmp_path / "modes"
    before = os.umask(0)
    try:
        editing(
            tmp_path,
            f"pathlib.Path({str(report)!r}).write_text(f'{{path.stat().st_mode:o}} {{path.parent.stat().st_mode:o}}')",
        )
    finally:
        os.umask(before)
    assert report.read_text() == f"{stat.S_IFREG | 0o600:o} {stat.S_IFDIR | 0o700:o}"


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("raise SystemExit(3)", "ended with status 3"),
        ("path.write_bytes(b'\\xff\\xfe')", "not UTF-8"),
        ("path.unlink()", "can't be read"),
    ],
)
def test_an_editor_that_fails_costs_nothing(tmp_path: Path, script: str, error: str) -> None:
    done = editing(tmp_path, script)
    assert done.text == "first\nsecond"
    assert error in done.error
    if done.path is not None:
        assert done.path.exists()


def test_visual_comes_before_editor_and_no_shell_is_involved(tmp_path: Path) -> None:
    ran: list[Sequence[str]] = []

    def run(words: Sequence[str]) -> int:
        ran.append(words)
        return 0

    environ = {"VISUAL": "edit -w '$(touch x); y'", "EDITOR": "other"}
    done = editor.edit("text", name="d", directory=tmp_path, environ=environ, run=run)
    assert done.text == "text"
    assert ran == [["edit", "-w", "$(touch x); y", str(tmp_path / "d.txt")]]
    assert editor.command({"EDITOR": "ed 'unclosed"}) == ["ed 'unclosed"]


def test_without_an_editor_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    done = editor.edit("text", name="d", directory=tmp_path, environ={"PATH": str(tmp_path)})
    assert done.text == "text"
    assert "set EDITOR" in done.error
    nano = tmp_path / "nano"
    nano.write_text("")
    nano.chmod(0o700)
    assert editor.command({"PATH": str(tmp_path)}) == [str(nano)]


def test_an_editor_that_is_not_there(tmp_path: Path) -> None:
    done = editor.edit("text", name="d", directory=tmp_path, environ={"EDITOR": str(tmp_path / "missing")})
    assert (done.text, done.path) == ("text", None)
    assert "can't be started (No such file or directory)" in done.error


def test_a_link_in_the_files_place_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "d.txt").symlink_to(victim)
    done = editor.edit("text", name="d", directory=tmp_path, environ={"EDITOR": "true"})
    assert "can't be written" in done.error
    assert victim.read_text() == "precious"


# -- the terminal ----------------------------------------------------------------------------------------------------


class Stream:
    """A standard stream."""

    def __init__(self, tty: bool = True, encoding: str = "utf-8") -> None:
        self.tty, self.encoding = tty, encoding

    def isatty(self) -> bool:
        return self.tty


@pytest.mark.parametrize(
    ("environ", "stream", "sentence"),
    [
        ({}, Stream(tty=False), "needs a terminal, and standard output is not one.*tui-inbox find"),
        ({}, None, "standard output is not one"),
        ({}, Stream(encoding="iso-8859-1"), "takes iso-8859-1: set LANG=C.UTF-8"),
        ({"TERM": "dumb"}, Stream(), "'dumb'"),
    ],
)
def test_no_terminal_is_a_sentence(environ: dict[str, str], stream: Stream | None, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as raised:
        require_terminal(environ, {"standard input": Stream(), "standard output": stream})
    assert raised.value.exit_code == 2


def test_a_terminal_is_enough() -> None:
    require_terminal({"TERM": "xterm"}, {"standard input": Stream(), "standard output": Stream(encoding="UTF-8")})


# -- content ---------------------------------------------------------------------------------------------------------


def test_customer_text_is_painted_as_it_is() -> None:
    text = clean_line("[@click=app.quit]x[/] a [/ b")
    content = literal(text, "bold")
    assert content.plain == text
    assert literal(text).spans == []
    assert all(not getattr(span.style, "meta", None) for span in content.spans)


def test_nothing_but_customer_text_is_painted() -> None:
    with pytest.raises(TypeError, match="clean customer text"):
        literal("raw")  # type: ignore[arg-type]  # the very mistake that is refused
    assert isinstance(clean_line("x"), CustomerText)
