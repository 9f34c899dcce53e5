"""WeChat's XML: one flat document of fields. Nothing that XML can do beyond that is let in."""

from __future__ import annotations

from typing import NoReturn
from xml.parsers import expat

from tui_inbox.channels.payload import UNSTORABLE
from tui_inbox.channels.port import PayloadError

DEEPEST = 8
"""Levels of nesting; WeChat uses four."""


class _Reader:
    """Collects the text of the root's children."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._path: list[str] = []

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self._path.append(name)
        if len(self._path) > DEEPEST:
            raise PayloadError("the body is nested too deeply")
        if len(self._path) == 2:
            self.fields[name] = ""

    def end(self, _name: str) -> None:
        self._path.pop()

    def text(self, part: str) -> None:
        if len(self._path) == 2:
            self.fields[self._path[1]] += part


def _refuse(*_arguments: object) -> NoReturn:
    raise PayloadError("the body declares a document type")


def parse_xml(body: bytes) -> dict[str, str]:
    """The children of the root by name, as storable text; those with children of their own are empty.

    Raises :class:`PayloadError` for all else; a document type declaration (entities) is refused unread.
    """
    reader, parser = _Reader(), expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(body, True)
    except expat.ExpatError:
        raise PayloadError("the body is not valid XML in UTF-8") from None
    return {name: UNSTORABLE.sub("\ufffd", value.strip()) for name, value in reader.fields.items()}
