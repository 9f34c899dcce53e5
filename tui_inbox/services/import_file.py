"""Reading a list of contacts from a CSV file as customer systems and spreadsheets write it. Knows no store."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.search import digits_of
from tui_inbox.repository.contacts import NewContact

LARGEST = 200_000_000
"""Bytes of the largest file taken; a million contacts have about half of it."""
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
class ImportFile:
    """A file read: what can be used and what not."""

    contacts: list[tuple[int, NewContact]]
    """Row number (the header is row 1) and contact."""
    bad: list[tuple[int, str]]
    """Row number and why it can't be used."""
    ignored: tuple[str, ...]
    """Headers that were not recognised."""
    header: tuple[str, ...] = ()
    bad_cells: tuple[tuple[str, ...], ...] = ()
    """The rows in ``bad`` as they came."""


class _BadRowError(Exception):
    """This row can't be used; ``str()`` says why."""


def read_file(path: Path, mapping: Mapping[str, str], region: str = "") -> ImportFile:
    """Read ``path``. Raises :class:`UsageError` when it is no list of contacts, or a region or mapping is unknown."""
    _check_region(region)
    text = _decoded(path)
    delimiter = _delimiter(text)
    rows = _rows(path, text, delimiter)
    header = next(rows, None)
    if header is None:
        raise UsageError(f"{path.name} is empty. It needs a line of headers such as: First Name, Email, Phone")
    columns = _columns([name.strip() for name in header[1]], mapping)
    if not set(columns.values()) & {"first_name", "last_name", "name", "email", "phone"}:
        raise UsageError(
            f"{path.name} has no column with a name, email or phone; its first line is: "
            f"{', '.join(header[1])[:200]}. Name the columns in the first line, or map them."
        )
    contacts, bad, bad_cells = [], [], []
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        try:
            contacts.append((number, _contact(cells, len(header[1]), columns, region)))
        except _BadRowError as error:
            bad.append((number, str(error)))
            bad_cells.append(tuple(cells))
    ignored = tuple(name for index, name in enumerate(header[1]) if index not in columns and name.strip())
    return ImportFile(contacts, bad, ignored, tuple(header[1]), tuple(bad_cells))


def _decoded(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path.name} is larger than {LARGEST // 1_000_000} MB. Split it.")
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {(error.strerror or 'unknown error').lower()}.") from error
    # Spreadsheets write UTF-16 as "Unicode text".
    encoding = "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UsageError(
            f"{path.name} is not UTF-8 (line {line}). Save it as 'CSV UTF-8', or convert it: "
            "iconv -f windows-1252 -t utf-8 FILE > NEW"
        ) from error
    if "\x00" in text:
        raise UsageError(f"{path.name} is not a CSV file: it has NUL characters in it.")
    return text


def _delimiter(text: str) -> str:
    """The character that stands most often between the headers; spreadsheets of many countries write semicolons."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    unquoted = re.sub(r'"[^"]*"', "", first)
    return max(DELIMITERS, key=lambda char: (unquoted.count(char), -DELIMITERS.index(char)))


def _rows(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Records with their number; a record with line breaks inside quotes is one row, as a spreadsheet counts."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    number = 0
    try:
        for cells in reader:
            number += 1
            yield number, cells
    except csv.Error as error:
        raise UsageError(f"{path.name} can't be read as CSV after row {number}: {error}.") from error


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
