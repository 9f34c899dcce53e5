"""A small model of the screen: enough of a terminal to read back what a person would see."""

from __future__ import annotations

import wcwidth

from tests.support.vt import Listener, Parser

BLANK = " "


class Screen:
    """Cells of a terminal of ``width`` × ``height``, filled by the bytes given to :meth:`feed`.

    Each character takes the cells that wcwidth gives it alone; marks and joined characters hang on the cell before.
    The right half of a wide character is an empty string.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.row = self.column = 0
        self._cells = self._empty()
        self._main = self._cells
        self._joining = False
        self.fed = 0
        """Bytes so far."""
        self.parser = Parser(Listener(text=self._text, control=self._control, csi=self._csi))

    def feed(self, data: bytes) -> None:
        """Take bytes as the program writes them."""
        self.fed += len(data)
        self.parser.feed(data)

    def resize(self, width: int, height: int) -> None:
        """The window has another size now; what was there is cut or padded."""
        old = self._cells
        self.width, self.height = width, height
        self._cells = self._empty()
        for row, line in zip(self._cells, old, strict=False):
            row[: min(width, len(line))] = line[:width]
        self.row, self.column = min(self.row, height - 1), min(self.column, width - 1)

    @property
    def lines(self) -> list[str]:
        """The rows from top to bottom, without blanks at their ends."""
        return ["".join(row).rstrip() for row in self._cells]

    @property
    def text(self) -> str:
        """The whole screen, a row a line."""
        return "\n".join(self.lines)

    def cell(self, row: int, column: int) -> str:
        """What stands in one cell."""
        return self._cells[row][column]

    def find(self, wanted: str) -> tuple[int, int] | None:
        """Row and column (cells) of the first place where ``wanted`` stands within one row."""
        for number, row in enumerate(self._cells):
            at = "".join(row).find(wanted)
            if at >= 0:
                return number, wcwidth.wcswidth("".join(row)[:at])
        return None

    def _empty(self) -> list[list[str]]:
        return [[BLANK] * self.width for _ in range(self.height)]

    def _text(self, text: str) -> None:
        for character in text:
            self._put(character)

    def _put(self, character: str) -> None:
        size = wcwidth.wcwidth(character)
        joined, self._joining = self._joining, character == "\u200d"
        if size <= 0 or joined:
            self._hang(character)
            return
        if self.column + size > self.width:
            if 7 in self.parser.modes:
                self._new_line()
            self.column = min(self.column, self.width - size)
        if self.column < 0:
            self.column = 0
            return
        self._free(self.column)
        self._free(self.column + size - 1)
        self._cells[self.row][self.column] = character
        if size == 2:
            self._cells[self.row][self.column + 1] = ""
        self.column += size

    def _hang(self, character: str) -> None:
        at = self.column - 1
        while at > 0 and not self._cells[self.row][at]:
            at -= 1
        if at >= 0:
            self._cells[self.row][at] += character

    def _free(self, column: int) -> None:
        """Before a cell is written: the other half of a wide character there becomes blank."""
        row = self._cells[self.row]
        if not row[column] and column:
            row[column - 1] = BLANK
        if column + 1 < self.width and not row[column + 1]:
            row[column + 1] = BLANK
        row[column] = BLANK

    def _control(self, character: str) -> None:
        if character == "\r":
            self.column = 0
        else:
            self._new_line()

    def _new_line(self) -> None:
        self.column = 0
        if self.row + 1 < self.height:
            self.row += 1
        else:
            self._cells.append([BLANK] * self.width)
            del self._cells[0]

    def _csi(self, prefix: str, numbers: list[int], final: str) -> None:
        if prefix == "?":
            self._private(numbers[0], final)
        elif final in "Hf":
            row, column = [*numbers, 1][:2]
            self.row = min(max(row, 1), self.height) - 1
            self.column = min(max(column, 1), self.width) - 1
        elif final == "G":
            self.column = min(max(numbers[0], 1), self.width) - 1
        elif final in "JK":
            self._erase(numbers[0], final)

    def _private(self, mode: int, final: str) -> None:
        if mode != 1049 or final not in "hl":
            return
        if final == "h":
            self._main, self._cells = self._cells, self._empty()
        else:
            self._cells = self._main
            self.resize(self.width, self.height)

    def _erase(self, how: int, final: str) -> None:
        start, end = {0: (self.column, self.width), 1: (0, self.column + 1)}.get(how, (0, self.width))
        self._cells[self.row][start:end] = [BLANK] * (end - start)
        if final == "J":
            rows = {0: range(self.row + 1, self.height), 1: range(self.row)}.get(how, range(self.height))
            for row in rows:
                self._cells[row] = [BLANK] * self.width
