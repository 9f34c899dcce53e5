"""Importing contacts from CSV: headers, encodings, delimiters, phones, duplicates, and going on after a cut."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
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
from tui_inbox.services import importing
from tui_inbox.services.importing import ImportReport, ImportService
from tui_inbox.services.sending import SendRequest, TemplateChoice


async def run(world: World, path: Path, text: str | bytes, **options: Any) -> ImportReport:
    file = path / "list.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return await ImportService(world.context).import_contacts(file, **options)


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
    report = await run(world, tmp_path, f"{header}\r\n{row}\r\n")
    assert report == ImportReport(1, channels=("email", "sms", "whatsapp"))
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
            await ImportService(world.context).import_contacts(path)


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
    assert foretold.ignored_columns == ("Shoe Size",)
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
    assert (await run(world, tmp_path, text, dry_run=True)).channels == ("email", "whatsapp")
    assert (await run(world, tmp_path, text, dry_run=True, channels=[])).channels == ()
    with pytest.raises(UsageError, match="no channel nope"):
        await run(world, tmp_path, text, channels=["nope"])
    with pytest.raises(UsageError, match="only from the customer"):
        await run(world, tmp_path, text, channels=["telegram"])
    assert (await run(world, tmp_path, text, channels=["sms-2"])).channels == ("sms-2",)
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


@pytest.mark.parametrize("cut", range(6))
async def test_a_long_file_comes_by_several_commits_and_goes_on_where_it_was_cut_off(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    monkeypatch.setattr(importing, "BATCH", 5)
    told: list[tuple[int, int]] = []
    with contextlib.suppress(StoreError), cut_off_after(world.store, cut):
        await run(world, tmp_path, LONG, progress=lambda done, whole: told.append((done, whole)))
    assert told == [(done, 23) for done in (5, 10, 15, 23)][: max(0, cut)]
    again = await run(world, tmp_path, LONG)
    people = await everybody(world)
    whole = cut > 3
    assert len(people) == (23 + 5 if whole else 23), "those without an address double only where all were in"
    assert len({person.email for person in people if person.email}) == 18
    assert again.added == len(people) - (23 if whole else min(cut, 3) * 5)


async def test_whom_somebody_adds_meanwhile_is_not_doubled(world: World, tmp_path: Path) -> None:
    service, read = ImportService(world.context), world.store.read

    @contextlib.asynccontextmanager
    async def then_another() -> AsyncIterator[Unit]:
        async with read() as unit:
            yield unit
        new = NewContact(first_name="Else", email="P1@Example.com")
        await world.store.write(lambda unit: unit.contacts.add(new, world.clock()))

    world.store.read = then_another  # type: ignore[method-assign]
    (tmp_path / "list.csv").write_text("name,email\nOne,p1@example.com\nTwo,p2@example.com\n")
    report = await service.import_contacts(tmp_path / "list.csv")
    world.store.read = read  # type: ignore[method-assign]
    assert report.added == 1
    assert [person.first_name for person in await everybody(world)] == ["Else", "Two"]
