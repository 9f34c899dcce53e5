"""Customer text as Textual content: a style at most, never markup, never a link."""

from __future__ import annotations

from textual.content import Content
from textual.style import Style

from tui_inbox.text import CustomerText


def literal(text: CustomerText, style: str | Style = "") -> Content:
    """``text`` exactly as it is. Takes nothing but what the cleaner made."""
    if not isinstance(text, CustomerText):
        raise TypeError("clean customer text before it is painted")
    return Content.styled(str(text), style) if style else Content(str(text))
