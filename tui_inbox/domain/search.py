"""Search syntax and what counts as a hit.

Words are and-ed in any order. A word hits a name or phone anywhere inside, an email whole or inside, a custom text
field whole. ``name:``, ``phone:``, ``email:``, ``id:`` narrow a word to a field; ``tag:``, ``assignee:``,
``channel:``, ``country:``, ``language:``, ``status:`` and ``window:`` filter. Case and accents do not matter. A quoted
phrase is one word. ``text:`` looks into messages instead: see :func:`says`.
Storage must answer exactly as :func:`matched_fields` does; the tests hold it to that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tui_inbox.domain.models import Contact

FIELDS = ("name", "phone", "email", "id")
TEXT = "text"
FILTERS = ("tag", "assignee", "channel", "country", "language", "status", "window")
MOST_WORDS = 12
"""Words beyond these are ignored: no real query has them."""
MOST_LETTERS = 200
"""Letters of one word beyond these are ignored."""
LEAD = 4
"""Letters of a found line that may stand before the words that were sought."""

_SINGLE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTER = rf"[^\W{_SINGLE}]"
_TEXT_WORD = re.compile(rf"[{_SINGLE}]|{_LETTER}+")
_TOKEN = re.compile(r'(?:(?P<key>[A-Za-z]+):)?(?:"(?P<quoted>[^"]*)"?|(?P<bare>\S+))')
_PHONE = re.compile(r"[+(]?[\d\s().+/\-]*\d[\d\s().+/\-]*")


@dataclass(frozen=True)
class Term:
    """One word that must be found."""

    text: str
    """Folded: no case, no accents."""
    field: str = ""
    """One of :data:`FIELDS`, or empty for any."""
    digits: str = ""
    """The digits, where the word can be (part of) a phone number; else empty."""


@dataclass(frozen=True)
class SearchQuery:
    """A parsed query."""

    terms: tuple[Term, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    """Pairs of a name of :data:`FILTERS` and a folded value; the same name twice means either."""
    texts: tuple[str, ...] = ()
    """Folded words or phrases that one message of the contact must have, all of them."""

    @property
    def empty(self) -> bool:
        """Nothing to look for and nothing to filter by."""
        return not self.terms and not self.filters and not self.texts

    @property
    def finds(self) -> bool:
        """Whether there is anything to look for; filters only leave out."""
        return bool(self.terms or self.texts)


def fold(text: str) -> str:
    """Text without case and accents, width forms and compatibility forms evened out; the same on both sides."""
    if text.isascii():
        return " ".join(text.lower().split())  # the same, at a fraction of the time: most messages are
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    stripped = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(stripped.casefold().split())


def digits_of(text: str) -> str:
    """The decimal digits of a text as ASCII, whatever script they are in."""
    return "".join(str(unicodedata.decimal(char)) for char in text if unicodedata.decimal(char, None) is not None)


def parse(query: str) -> SearchQuery:
    """Parse what was typed. Never fails: what is not syntax is a word."""
    terms: list[Term] = []
    filters: list[tuple[str, str]] = []
    texts: list[str] = []
    run: list[str] = []
    for match in _TOKEN.finditer(query.replace("\x00", " ")):
        key = (match["key"] or "").lower()
        value = match["quoted"] if match["quoted"] is not None else match["bare"]
        if key not in FIELDS and key not in FILTERS and key != TEXT:
            key, value = "", match[0].strip('"') if match["quoted"] is None or match["key"] else value
        value = value[:MOST_LETTERS]
        if not key and _looks_like_phone(value):
            run.append(value)
            continue
        _flush(run, terms)
        if key in FILTERS:
            if fold(value):
                filters.append((key, fold(value)))
        elif key == TEXT:
            if fold(value):
                texts.append(fold(value))
        elif fold(value):
            terms.append(_term(value, key))
    _flush(run, terms)
    return SearchQuery(tuple(terms[:MOST_WORDS]), tuple(filters[:MOST_WORDS]), tuple(texts[:MOST_WORDS]))


@dataclass(frozen=True)
class Folded:
    """What is searched of a contact, folded."""

    id: int
    name: str
    email: str
    phone: str
    """Its digits."""
    custom: Mapping[str, str]
    """Custom fields as they were given."""


def matched_fields(contact: Contact, query: SearchQuery) -> tuple[str, ...] | None:
    """Fields in which the words hit, in a fixed order; ``None`` when a word hits nowhere.

    Neither filters nor what messages must say are looked at.
    """
    name, email = fold(f"{contact.first_name} {contact.last_name}"), fold(contact.email)
    return hit_fields(Folded(contact.id, name, email, digits_of(contact.phone), contact.custom), query)


def hit_fields(folded: Folded, query: SearchQuery) -> tuple[str, ...] | None:
    """The same of what is folded already."""
    found: set[str] = set()
    for term in query.terms:
        hits = _hits(folded, term)
        if not hits:
            return None
        found |= hits
    order = ("id", "name", "phone", "email", "email part", "custom")
    return tuple(name for name in order if name in found)


def text_words(folded: str) -> list[str]:
    """The words of a folded text: letters and digits in a row; a Han letter or a kana is a word of its own."""
    return _TEXT_WORD.findall(folded)


def says(body: str, texts: Iterable[str]) -> bool:
    """Whether a message has each of ``texts``: their words in a row, the last one perhaps only begun.

    A text without any letter or digit is in no message.
    """
    folded = body.lower() if body.isascii() else fold(body)  # blanks, which folding evens out, make no difference here
    for text in texts:
        row = _in_a_row(text)
        if row is None or row.search(folded) is None:
            return False
    return True


def line_that_says(body: str, texts: Sequence[str]) -> str:
    """The line of ``body`` that has the first of ``texts``, from a little before it; the first line where it goes over
    several."""
    lines = [line for line in body.splitlines() if line.strip()]
    found = next((line for line in lines if says(line, texts[:1])), None)
    if found is None:
        return lines[0] if lines else ""
    return _from_shortly_before(found, texts[0])


def _from_shortly_before(line: str, text: str) -> str:
    """The line without what would push ``text`` out of a narrow column; that something is left out is shown."""
    words = line.split()
    folded = line.lower().split() if line.isascii() else [fold(word) for word in words]
    row = _in_a_row(text)
    match = None if row is None else row.search(" ".join(folded))
    if match is None or match.start() <= LEAD:
        return line
    number, within = 0, match.start()
    while within > len(folded[number]):
        number, within = number + 1, within - len(folded[number]) - 1
    if within > LEAD and all(len(fold(letter)) == 1 for letter in words[number]):  # no blanks, as in Chinese
        return f"…{words[number][within - LEAD // 2 :]} {' '.join(words[number + 1 :])}".rstrip()
    lead = within
    while number and lead + len(words[number - 1]) < LEAD:
        number, lead = number - 1, lead + len(words[number - 1]) + 1
    return f"… {' '.join(words[number:])}"


@lru_cache(maxsize=256)
def _in_a_row(text: str) -> re.Pattern[str] | None:
    """Finds the words of a text in a row, the last perhaps only begun; ``None`` where it has none.

    A thousand messages are looked at with each key, which comparing lists of words would take too long for.
    """
    words = text_words(text)
    if not words:
        return None
    *whole, begun = words
    return re.compile(r"\W*".join([*(_spoken(word, end=f"(?!{_LETTER})") for word in whole), _spoken(begun, end="")]))


def _spoken(word: str, end: str) -> str:
    """A word as an expression, from where a word begins to where ``end`` holds."""
    if re.match(f"[{_SINGLE}]", word):
        return word
    # Looking for the word first, and only then at what is before it, takes a tenth of the time.
    return f"{word}(?<!{_LETTER}{word}){end}"


def _hits(folded: Folded, term: Term) -> set[str]:
    wanted, email = term.field, folded.email
    hits = set()
    if wanted in {"", "name"} and term.text in folded.name:
        hits.add("name")
    if wanted in {"", "phone"} and term.digits and term.digits in folded.phone:
        hits.add("phone")
    if wanted in {"", "email"} and email:
        if term.text == email:
            hits.add("email")
        elif term.text in email:
            hits.add("email part")
    if wanted == "id" and term.text == str(folded.id):
        hits.add("id")
    if not wanted and any(term.text == fold(value) for value in folded.custom.values()):
        hits.add("custom")
    return hits


def _looks_like_phone(value: str) -> bool:
    return bool(_PHONE.fullmatch(value))


def _term(value: str, key: str) -> Term:
    digits = digits_of(value) if _looks_like_phone(value) else ""
    return Term(fold(value), key, digits)


def _flush(run: list[str], terms: list[Term]) -> None:
    """Neighbouring groups of a phone number, typed with blanks, are one word."""
    if run:
        terms.append(_term(" ".join(run), ""))
        run.clear()
