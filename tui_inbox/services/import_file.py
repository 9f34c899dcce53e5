"""Reading a list of contacts from a CSV file as customer systems and spreadsheets write it. Knows no store.

A file is looked through twice, so that nothing of one that is no such list is taken; neither keeps it in memory.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.search import digits_of
from tui_inbox.repository.contacts import NewContact

if TYPE_CHECKING:
    from hashlib import _Hash as Digest

BATCH = 5000
"""Rows of one commit; a shorter file is all or nothing."""
CHUNK = 1 << 20
"""Bytes that are looked at together; no line of headers is longer."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""
QUOTE = "'"
"""Put before such a cell by spreadsheets and by our export; taken off here."""
LONGEST_FIELD = 2000
"""Characters of the longest value taken."""
DELIMITERS = ",;\t|"
FIELDS = ("first_name", "last_name", "name", "email", "phone", "language", "country", "tags", "custom")
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")
_BREAKS = re.compile(r"[;,|]")
_CUSTOM = "custom:"

_HEADERS: Mapping[str, str] = {
    name: field
    for field, names in {
        "first_name": "first forename givenname vorname prenom nombre",
        "last_name": "last surname familyname nachname nom apellido apellidos",
        "name": "name fullname contactname contact customer customername displayname",
        "email": "email mail emailaddress primaryemail emailaddress1 emailaddresses contactemail",
        "phone": "phone mobile phonenumber mobilephone mobilenumber mobilephonenumber telephone tel cell cellphone "
        "whatsapp whatsappnumber primaryphone contactphone handy telefon",
        "language": "language lang locale preferredlanguage",
        "country": "country countrycode countryregion",
        "tags": "tags tag labels label",
        "custom": "custom customfields",
    }.items()
    for name in names.split()
} | {"firstname": "first_name", "lastname": "last_name"}
"""Header as it is compared (small letters and digits only) → field."""


@dataclass(frozen=True)
class FileRow:
    """One row of the list."""

    number: int
    """As a spreadsheet counts: the header is row 1."""
    cells: tuple[str, ...]
    """As they came."""
    contact: NewContact | None
    """``None`` where the row can't be used."""
    reason: str = ""
    """Why not; empty with no contact where nothing stands in the row."""


@dataclass(frozen=True)
class ContactFile:
    """A file that was looked through whole and is a list of contacts."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    columns: Mapping[int, str]
    """Index of a column → field."""
    region: str
    rows: int
    """Number of its last row."""
    digest: str
    """Tells this file, read in this way, from any other."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """Headers that were not recognised."""
        named = enumerate(self.header)
        return tuple(name for index, name in named if index not in self.columns and name.strip())

    @property
    def long(self) -> bool:
        """Whether it comes in by several commits."""
        return self.rows > BATCH

    def steps(self, after: int) -> Iterator[list[FileRow]]:
        """The rows behind a row, as many at a time as come in together."""
        step: list[FileRow] = []
        for number, cells in _records(self.path, self.encoding, self.delimiter):
            if number <= after:
                continue
            step.append(self._row(number, cells))
            if len(step) == BATCH:
                yield step
                step = []
        if step:
            yield step

    def _row(self, number: int, cells: list[str]) -> FileRow:
        if not any(cell.strip() for cell in cells):
            return FileRow(number, (), None)
        try:
            contact = _contact(cells, len(self.header), self.columns, self.region)
        except _BadRowError as error:
            return FileRow(number, tuple(cells), None, str(error))
        return FileRow(number, tuple(cells), contact)


class _BadRowError(Exception):
    """This row can't be used; ``str()`` says why."""


def open_file(path: Path, mapping: Mapping[str, str], region: str = "") -> ContactFile:
    """Look through ``path`` whole, keeping nothing of it in memory.

    Raises :class:`UsageError` when it is no list of contacts, or a region or mapping is unknown.
    """
    _check_region(region)
    encoding, digest = _checked(path)
    delimiter = _delimiter(path, encoding)
    records = _records(path, encoding, delimiter)
    first = next(records, None)
    if first is None:
        raise UsageError(f"{path.name} is empty. It needs a line of headers such as: First Name, Email, Phone")
    header = first[1]
    columns = _columns([name.strip() for name in header], mapping)
    if not set(columns.values()) & {"first_name", "last_name", "name", "email", "phone"}:
        raise UsageError(
            f"{path.name} has no column with a name, email or phone; its first line is: "
            f"{', '.join(header)[:200]}. Name the columns in the first line, or map them."
        )
    rows = 1
    for number, _ in records:
        rows = number
    digest.update(json.dumps([sorted(columns.items()), region]).encode())
    return ContactFile(path, encoding, delimiter, tuple(header), columns, region, rows, digest.hexdigest())


def _checked(path: Path) -> tuple[str, Digest]:
    """The encoding of a file that is text, and the beginning of its digest."""
    digest, lines = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"{path} can't be read twice, as an import must; save it as a file first.")
            beginning = file.read(2)
            # Spreadsheets write UTF-16 as "Unicode text".
            encoding = "utf-16" if beginning in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
            decoder = codecs.getincrementaldecoder(encoding)()
            file.seek(0)
            while True:
                raw = file.read(CHUNK)
                if "\x00" in decoder.decode(raw, final=not raw):
                    raise UsageError(f"{path.name} is not a CSV file: it has NUL characters in it.")
                if not raw:
                    return encoding, digest
                digest.update(raw)
                lines += raw.count(b"\n")
    except OSError as error:
        raise _unreadable(path, error) from error
    except UnicodeDecodeError as error:
        line = lines + error.object[: error.start].count(b"\n") + 1
        raise UsageError(
            f"{path.name} is not UTF-8 (line {line}). Save it as 'CSV UTF-8', or convert it: "
            "iconv -f windows-1252 -t utf-8 FILE > NEW"
        ) from error


def _unreadable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path} can't be read: {(error.strerror or 'unknown error').lower()}.")


def _delimiter(path: Path, encoding: str) -> str:
    """The character that stands most often between the headers; spreadsheets of many countries write semicolons."""
    with path.open(encoding=encoding) as file:
        first = next((line for line in iter(lambda: file.readline(CHUNK), "") if line.strip()), "")
    unquoted = re.sub(r'"[^"]*"', "", first)
    return max(DELIMITERS, key=lambda char: (unquoted.count(char), -DELIMITERS.index(char)))


def _records(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Records with their number; a record with line breaks inside quotes is one row, as a spreadsheet counts."""
    number = 0
    try:
        with path.open(encoding=encoding, newline="") as file:
            for cells in csv.reader(file, delimiter=delimiter):
                number += 1
                yield number, cells
    except csv.Error as error:
        raise UsageError(f"{path.name} can't be read as CSV after row {number}: {error}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name} was changed while it was read, after row {number}.") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _columns(header: list[str], mapping: Mapping[str, str]) -> dict[int, str]:
    """Index of a column → field. The first column of a field wins unless the mapping says otherwise."""
    wanted = {_plain(name): field for name, field in mapping.items()}
    for name, field in mapping.items():
        if field not in FIELDS and not (field.startswith(_CUSTOM) and len(field) > len(_CUSTOM)):
            raise UsageError(f"'{field}' is not a field. Known: {', '.join(FIELDS)}, custom:NAME.")
        if _plain(name) not in map(_plain, header):
            raise UsageError(f"The file has no column '{name}'. Its columns: {', '.join(header)[:200]}.")
    columns = {index: wanted[_plain(name)] for index, name in enumerate(header) if _plain(name) in wanted}
    for index, name in enumerate(header):
        known = _HEADERS.get(_plain(name))
        if index not in columns and known is not None and known not in columns.values():
            columns[index] = known
    return columns


def _plain(header: str) -> str:
    return "".join(char for char in header.casefold() if char.isalnum())


def _contact(cells: list[str], width: int, columns: Mapping[int, str], region: str) -> NewContact:
    if len(cells) > width and any(cell.strip() for cell in cells[width:]):
        raise _BadRowError(f"it has {len(cells)} values for {width} columns; put values with separators into quotes")
    values = {field: _cell(cells[index]) for index, field in columns.items() if index < len(cells)}
    if any(len(value) > LONGEST_FIELD for value in values.values()):
        raise _BadRowError(f"a value is longer than {LONGEST_FIELD:,} characters")
    first, last = values.get("first_name", ""), values.get("last_name", "")
    if not first and not last:
        first, _, last = values.get("name", "").partition(" ")
    email = _email(values.get("email", ""))
    phone = _phone(values.get("phone", ""), region)
    if not (first or last or email or phone):
        raise _BadRowError("it has no name, no email and no phone")
    return NewContact(
        first_name=first,
        last_name=last,
        email=email,
        phone=phone,
        language=values.get("language", ""),
        country=values.get("country", ""),
        tags=_tags(values.get("tags", "")),
        custom=_custom(values),
    )


def _cell(written: str) -> str:
    """A cell without the quote by which spreadsheets and our own export keep a text from being a formula."""
    text = " ".join(written.split())
    return text[1:] if text.startswith(QUOTE) and text[1:].startswith((*FORMULA, QUOTE)) else text


def _custom(values: Mapping[str, str]) -> dict[str, str]:
    """Custom fields, from columns of their own and from one that holds a JSON object."""
    own = {key[len(_CUSTOM) :]: value for key, value in values.items() if key.startswith(_CUSTOM) and value}
    if not values.get("custom"):
        return own
    try:
        told = json.loads(values["custom"])
    except ValueError:
        told = None
    if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):
        raise _BadRowError("the custom fields are no JSON object of texts")
    return {**told, **own}


def _email(written: str) -> str:
    if written and not _EMAIL.fullmatch(written):
        raise _BadRowError(f"'{written[:60]}' is not an email address")
    return written


def _tags(written: str) -> tuple[str, ...]:
    parts = (part.strip() for part in _BREAKS.split(written))
    return tuple(dict.fromkeys(part for part in parts if part))


def _phone(written: str, region: str) -> str:
    """E.164; raises for what is no phone number."""
    import phonenumbers  # takes a tenth of a second to load, and only an import needs it

    if not written:
        return ""
    text = f"+{written[2:]}" if written.startswith("00") else written
    if not text.startswith("+") and not region:
        raise _BadRowError(f"'{written[:40]}' has no country code; write it with + or name the country of the list")
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException as error:
        raise _BadRowError(f"'{written[:40]}' is not a phone number") from error
    if not phonenumbers.is_possible_number(number) or not digits_of(text):
        raise _BadRowError(f"'{written[:40]}' is not a phone number: too short or too long for its country")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _check_region(region: str) -> None:
    import phonenumbers

    if region and region not in phonenumbers.SUPPORTED_REGIONS:
        raise UsageError(f"'{region}' is not a country code. Use two capital letters such as US, GB or DE.")
