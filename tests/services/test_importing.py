"""Importing contacts from CSV: headers, encodings, delimiters, phones, duplicates, and going on after a cut."""

from __future__ import annotations

import contextlib
import os
import tracemalloc
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.services.world import World
from tests.support.cutting import cut_off_after
from tui_inbox.domain.errors import StoreError, UsageError
from tui_inbox.domain.kinds import Permission
from tui_inbox.domain.models import Contact
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.unit import Unit
from tui_inbox.services import import_file
from tui_inbox.services.importing import ImportReport, ImportService, RefusedRow
from tui_inbox.services.sending import SendRequest, TemplateChoice


@dataclass
class Done:
    """What an import reported, and the rows of which it told."""

    report: ImportReport
    refused: list[RefusedRow]

    @property
    def added(self) -> int:
        return self.report.added

    @property
    def bad(self) -> tuple[tuple[int, str], ...]:
        rows = tuple((row.number, row.reason) for row in self.refused if not row.known)
        assert len(rows) == self.report.bad
        return rows

    @property
    def duplicates(self) -> tuple[tuple[int, str], ...]:
        rows = tuple((row.number, row.reason) for row in self.refused if row.known)
        assert len(rows) == self.report.known
        return rows


async def run(
    world: World,
    path: Path,
    text: str | bytes,
    *,
    mapping: Mapping[str, str] | None = None,
    region: str = "",
    **options: Any,
) -> Done:
    file = path / "list.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    service, refused = ImportService(world.context), list[RefusedRow]()
    checked = await service.check(file, mapping=mapping, region=region)
    return Done(await service.run(checked, refused=refused.append, **options), refused)


async def everybody(world: World) -> list[Contact]:
    async with world.store.read() as unit:
        found = [await unit.contacts.get(ident) for ident in range(1, 30)]
    return [contact for contact in found if contact is not None]


@pytest.mark.parametrize(
    "header",
    [
        "First Name,Last Name,Email,Phone,Tags",
        "first_name,last_name,email_address,mobile,tags",
        "FIRSTNAME;LASTNAME;E-MAIL;PHONE NUMBER;LABELS",
        "Vorname\tNachname\tMail\tTelefon\tTag",
        '"Given Name","Family Name","Email Address","Mobile Phone","Labels"',
    ],
)
async def test_headers_are_read_as_people_write_them(world: World, tmp_path: Path, header: str) -> None:
    delimiter = next(char for char in "\t;," if char in header)
    row = delimiter.join(["Zoë", "van Dijk", "zoe@example.com", "+31 6 12345678", '"vip|new"'])
    done = await run(world, tmp_path, f"{header}\r\n{row}\r\n")
    assert done.report == ImportReport(1, channels=("email", "sms", "whatsapp"))
    (contact,) = await everybody(world)
    assert (contact.first_name, contact.last_name, contact.email, contact.phone, set(contact.tags)) == (
        "Zoë",
        "van Dijk",
        "zoe@example.com",
        "+31612345678",
        {"vip", "new"},
    )


async def test_one_name_column_splits_at_the_first_blank(world: World, tmp_path: Path) -> None:
    await run(world, tmp_path, "Name,Email\nMaria  del Carmen Ruiz,m@example.com\nCher,c@example.com\n")
    names = [(contact.first_name, contact.last_name) for contact in await everybody(world)]
    assert names == [("Maria", "del Carmen Ruiz"), ("Cher", "")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
async def test_encodings_of_spreadsheets(world: World, tmp_path: Path, encoding: str) -> None:
    await run(world, tmp_path, "Name,Email\nŁucja Ö,l@example.com\n".encode(encoding))
    assert (await everybody(world))[0].first_name == "Łucja"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "has no column"),
        (b"Name,Email\nJ\xf6rg,j@example.com\n", "not UTF-8 .line 2."),
        (b"Color,Size\nred,L\n", "has no column with a name, email or phone"),
        (b"Name\x00,Email\n", "not a CSV file"),
        (b"PK\x03\x04\xff\xfe\x00", "not UTF-8"),
        (b'Name,Email\n"' + b"x" * 200_000 + b'",a@example.com\n', "can't be read as CSV after row 1"),
    ],
)
async def test_a_file_that_is_no_list_of_contacts(world: World, tmp_path: Path, content: bytes, words: str) -> None:
    before = world.dump()
    with pytest.raises(UsageError, match=words):
        await run(world, tmp_path, content)
    assert world.dump() == before


async def test_a_file_that_is_not_there(world: World, tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(UsageError, match="can't be read"):
            await ImportService(world.context).check(path)


async def test_what_can_be_read_only_once(world: World) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"Name\nAda\n")
    os.close(writing)
    try:
        with pytest.raises(UsageError, match="save it as a file first"):
            await ImportService(world.context).check(Path(f"/dev/fd/{reading}"))
    finally:
        os.close(reading)


BAD = """Name,Email,Phone
,,
,  ,
"","",""
Ana,not-an-email,
Bo,,12345
Cy,,+1
Dee,,+15551234567890123
Eve,,call me
Fay,f@example.com,+15551234567,extra
Gus,g@example.com,+15551234567
"""


async def test_bad_rows_are_reported_with_their_number_and_skipped(world: World, tmp_path: Path) -> None:
    report = await run(world, tmp_path, BAD)
    assert report.added == 1
    assert [number for number, _ in report.bad] == [5, 6, 7, 8, 9, 10]
    reasons = dict(report.bad)
    assert "not an email" in reasons[5]
    assert "no country code" in reasons[6]
    assert "not a phone number" in reasons[7]
    assert "4 values for 3 columns" in reasons[10]


async def test_a_row_without_name_email_or_phone_is_refused(world: World, tmp_path: Path) -> None:
    report = await run(world, tmp_path, "Name,Email,Tags\n,,vip\n")
    assert report.bad == ((2, "it has no name, no email and no phone"),)


async def test_the_region_reads_national_numbers(world: World, tmp_path: Path) -> None:
    rows = "Name,Phone\nA,030 901820\nB,0049 30 901821\nC,+44 20 7946 0958\n"
    await run(world, tmp_path, rows, region="DE")
    assert [contact.phone for contact in await everybody(world)] == ["+4930901820", "+4930901821", "+442079460958"]
    with pytest.raises(UsageError, match="not a country code"):
        await run(world, tmp_path, rows, region="Germany")


async def test_duplicates_in_the_file_and_against_the_workspace_are_skipped(world: World, tmp_path: Path) -> None:
    known = NewContact(first_name="Old", email="Old@Example.com", phone="+1 (555) 000-1111")
    ident = await world.store.write(lambda unit: unit.contacts.add(known, world.clock()))
    report = await run(
        world,
        tmp_path,
        "Name,Email,Phone\n"
        "A,old@example.com,\n"
        "B,,+15550001111\n"
        "C,c@example.com,+15550002222\n"
        "D,C@EXAMPLE.COM,\n"
        "E,e@example.com,+1 555 000 2222\n"
        "F,,\n"
        "F,,\n",
    )
    assert report.added == 3  # two people may share a name
    assert report.duplicates == (
        (2, f"contact id:{ident} has the email old@example.com"),
        (3, f"contact id:{ident} has the phone +15550001111"),
        (5, "row 4 has the email C@EXAMPLE.COM"),
        (6, "row 4 has the phone +15550002222"),
    )
    again = await run(world, tmp_path, "Name,Email\nC,c@example.com\n")
    assert (again.added, len(again.duplicates)) == (0, 1)


async def test_a_dry_run_says_the_same_and_writes_nothing(world: World, tmp_path: Path) -> None:
    text = "Name,Email,Shoe Size\nA,a@example.com,42\nB,a@example.com,43\nC,bad,44\n"
    before = world.dump()
    foretold = await run(world, tmp_path, text, dry_run=True)
    assert world.dump() == before
    assert (foretold.added, len(foretold.duplicates), len(foretold.bad)) == (1, 1, 1)
    assert foretold.report.ignored_columns == ("Shoe Size",)
    done = await run(world, tmp_path, text)
    assert (done.added, done.duplicates, done.bad) == (foretold.added, foretold.duplicates, foretold.bad)


async def test_a_mapping_names_columns_and_custom_fields(world: World, tmp_path: Path) -> None:
    text = "Kontakt,Plan,E\nZoe,gold,z@example.com\n"
    await run(world, tmp_path, text, mapping={"Kontakt": "name", "plan": "custom:plan", "E": "email"})
    assert (await everybody(world))[0].custom == {"plan": "gold"}
    for mapping, words in (({"Nope": "email"}, "no column 'Nope'"), ({"Kontakt": "shoe"}, "not a field")):
        with pytest.raises(UsageError, match=words):
            await run(world, tmp_path, text, mapping=mapping)


async def test_imported_contacts_can_be_written_to(world: World, tmp_path: Path) -> None:
    await run(world, tmp_path, "Name,Email,Phone\nZoe,z@example.com,+15550002222\nNo Phone,n@example.com,\n")
    zoe, other = await everybody(world)
    view = await world.contacts.view(zoe.id)
    addresses = {item.contact_channel.channel.name: item.contact_channel.address for item in view.reach}
    assert addresses == {"whatsapp": "+15550002222", "sms": "+15550002222", "email": "z@example.com"}
    whatsapp = next(item for item in view.reach if item.contact_channel.channel.name == "whatsapp")
    assert whatsapp.answer.may_send == (Permission.TEMPLATE,)
    template = TemplateChoice("hello", "en", {"1": "Zoe", "2": "A-1"})
    sent = await world.sending.send(
        world.ana, SendRequest(zoe.id, template=template, channel_id=whatsapp.contact_channel.id)
    )
    assert sent.assignee == "ana"
    assert [item.contact_channel.channel.name for item in (await world.contacts.view(other.id)).reach] == ["email"]


async def test_channels_can_be_named_and_ambiguous_ones_are_left_out(world: World, tmp_path: Path) -> None:
    kind = world.channels["sms"].kind
    await world.store.write(lambda unit: unit.directory.add_channel("sms-2", kind, {}, {}, "path-2"))
    text = "Name,Phone\nZoe,+15550002222\n"
    assert (await run(world, tmp_path, text, dry_run=True)).report.channels == ("email", "whatsapp")
    assert (await run(world, tmp_path, text, dry_run=True, channels=[])).report.channels == ()
    with pytest.raises(UsageError, match="no channel nope"):
        await run(world, tmp_path, text, channels=["nope"])
    with pytest.raises(UsageError, match="only from the customer"):
        await run(world, tmp_path, text, channels=["telegram"])
    assert (await run(world, tmp_path, text, channels=["sms-2"])).report.channels == ("sms-2",)
    (item,) = (await world.contacts.view((await everybody(world))[0].id)).reach
    assert item.contact_channel.channel.name == "sms-2"


async def test_an_address_that_is_somebodys_already_is_not_given_away(world: World, tmp_path: Path) -> None:
    contact, _ = await world.contact()
    channel = world.channels["whatsapp"].id
    await world.store.write(
        lambda unit: unit.contacts.add_channel(contact, channel, "+15550002222", started=True, now=world.clock())
    )
    await run(world, tmp_path, "Name,Phone\nZoe,+15550002222\n", channels=["whatsapp"])
    zoe = (await everybody(world))[-1]
    assert (await world.contacts.view(zoe.id)).reach == ()


async def test_ten_thousand_rows_come_in_at_once(world: World, tmp_path: Path) -> None:
    rows = "".join(f"First{n},Last{n},user{n}@example.com,+1555{n:07d},a|b\n" for n in range(10_000))
    text = "First Name,Last Name,Email,Phone,Tags\n" + rows
    report = await run(world, tmp_path, text)
    assert (report.added, report.bad, report.duplicates) == (10_000, (), ())
    assert await world.contacts.resolve("email:user9999@example.com") > 0
    again = await run(world, tmp_path, text)
    assert (again.added, len(again.duplicates)) == (0, 10_000)


LONG = "name,email\n" + "".join(f"Person {n},{'' if n % 5 == 0 else f'p{n}@example.com'}\n" for n in range(23))
"""Every fifth can't be recognised by anything."""


@pytest.mark.parametrize("cut", range(7))
async def test_a_long_file_comes_by_several_commits_and_goes_on_where_it_was_cut_off(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    monkeypatch.setattr(import_file, "BATCH", 5)
    told: list[int] = []
    with contextlib.suppress(StoreError), cut_off_after(world.store, cut):
        await run(world, tmp_path, LONG, progress=told.append)
    assert told == [6, 11, 16, 21, 24][:cut]
    again = await run(world, tmp_path, LONG)
    people = await everybody(world)
    whole = cut > 4
    assert again.report.came_before == (0 if whole or not cut else told[-1])
    assert again.duplicates == () or whole, "rows that came in before are not looked at again"
    assert len(people) == (23 + 5 if whole else 23), "those without an address double only where all were in"
    assert len({person.email for person in people if person.email}) == 18
    assert [person.first_name for person in people[:23]] == ["Person"] * 23
    assert [person.last_name for person in people[:23]] == [str(n) for n in range(23)], "in the order of the file"


async def test_a_file_whose_end_is_all_known_is_done_all_the_same(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_file, "BATCH", 5)
    text = LONG + "".join(f"Again {n},p1@example.com\n" for n in range(20))
    assert (await run(world, tmp_path, text)).report.known == 20
    assert (await run(world, tmp_path, text)).report.came_before == 0


@pytest.mark.parametrize("change", ["text", "region", "mapping", "a month"])
async def test_another_import_goes_on_behind_no_row(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(import_file, "BATCH", 5)
    with contextlib.suppress(StoreError), cut_off_after(world.store, 2):
        await run(world, tmp_path, LONG)
    options: dict[str, Any] = {"region": "DE"} if change == "region" else {}
    if change == "mapping":
        options["mapping"] = {"name": "first_name"}
    if change == "a month":
        world.clock.move(timedelta(days=31))
    again = await run(world, tmp_path, LONG + ("Else,else@example.com\n" if change == "text" else ""), **options)
    assert again.report.came_before == 0
    assert again.report.known == 8


async def test_a_dry_run_of_a_long_file_knows_its_earlier_rows_and_where_it_would_go_on(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_file, "BATCH", 5)
    text = LONG + "Twice,P1@example.com\n"
    foretold = await run(world, tmp_path, text, dry_run=True)
    assert foretold.duplicates == ((25, "row 3 has the email P1@example.com"),)
    with contextlib.suppress(StoreError), cut_off_after(world.store, 2):
        await run(world, tmp_path, text)
    foretold = await run(world, tmp_path, text, dry_run=True)
    assert (foretold.added, foretold.report.came_before) == (13, 11)
    ((row, reason),) = foretold.duplicates
    assert (row, reason.split()[0]) == (25, "contact")


async def test_a_file_that_changes_while_it_is_read_is_told(world: World, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(LONG)
    service = ImportService(world.context)
    checked = await service.check(file)
    file.write_bytes(LONG.encode() + b"J\xf6rg,j@example.com\n")
    before = world.dump()
    with pytest.raises(UsageError, match="was changed while it was read"):
        await service.run(checked)
    assert world.dump() == before


async def test_whom_somebody_adds_meanwhile_is_not_doubled(world: World, tmp_path: Path) -> None:
    store: Any = world.store
    write = store.write

    async def after_another(work: Callable[[Unit], Awaitable[Any]]) -> Any:
        store.write = write
        new = NewContact(first_name="Else", email="P1@Example.com")
        await write(lambda unit: unit.contacts.add(new, world.clock()))
        return await write(work)

    store.write = after_another
    report = await run(world, tmp_path, "name,email\nOne,p1@example.com\nTwo,p2@example.com\n")
    assert report.added == 1
    assert [person.first_name for person in await everybody(world)] == ["Else", "Two"]


async def test_memory_does_not_grow_with_the_file(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of rows that are all refused: what is kept of them would be seen."""
    monkeypatch.setattr(import_file, "BATCH", 500)
    service, peaks = ImportService(world.context), []
    for rows in (600, 4000, 16_000):  # the first one loads what reading needs
        (tmp_path / "list.csv").write_text("name,email\n" + "".join(f"Person {n},none {n}\n" for n in range(rows)))
        tracemalloc.start()
        report = await service.run(await service.check(tmp_path / "list.csv"))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (report.added, report.bad) == (0, rows)
    assert peaks[2] < 1.5 * peaks[1]
