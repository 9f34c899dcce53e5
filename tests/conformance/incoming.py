"""Checks of what comes in: messages, duplicates, disorder, forgeries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

from tests.conformance.bench import Bench
from tests.conformance.sample import Posted
from tui_inbox.channels.port import PayloadError
from tui_inbox.domain.kinds import Receipt

TEXT = "Ñandú / 😀 & a=b\n\u202e批封"
GARBAGE = {
    "empty": b"",
    "no text": b"\xff\xfe\x00",
    "words": b"hello",
    "half": b'{"object":',
    "list": b"[]",
    "nothing": b"null",
    "odd object": b'{"odd": 1}',
    "digits": b'{"update_id":1,"timestamp":' + b"9" * 5000 + b"}",
    "deep": b"[" * 100_000,
    "half a tag": b"<xml><a>",
    "only signs": b"&&&=&",
}


async def arrives(bench: Bench) -> None:
    """A message is in the thread as it was written, at the channel's own time."""
    at = bench.clock.now - timedelta(minutes=5)
    assert await bench.receive(*await bench.say(TEXT, at=at.isoformat())) == [200]
    (entry,) = await bench.said()
    assert entry.body == TEXT
    assert entry.at == (at if bench.sample.tells_time else bench.clock.now)
    target = await bench.find()
    assert target is not None
    assert target.facts.last_qualifying_at == entry.at


async def introduces(bench: Bench) -> None:
    """Somebody unknown becomes a contact, with a name where the channel tells it."""
    posted = await bench.say("hi", address=bench.sample.stranger, name="Zoë Ö")
    assert await bench.receive(*posted) == [200] * len(posted)
    target = await bench.find(bench.sample.stranger)
    assert target is not None
    async with bench.space.store.read() as unit:
        contact = await unit.contacts.get(target.contact_id)
    assert contact is not None
    named = ("Zoë", "Ö") if bench.sample.tells_name else ("", "")
    assert (contact.first_name, contact.last_name) == named


async def comes_twice(bench: Bench) -> None:
    """The same webhook again is answered like the first and changes nothing."""
    posted = await bench.say("once")
    assert await bench.receive(*posted, *posted) == [200, 200]
    assert [entry.body for entry in await bench.said()] == ["once"]
    assert {status for status, _ in await bench.kept()} == {"processed"}


async def comes_late(bench: Bench) -> None:
    """Two messages in the wrong order stand in the right one, and the window counts from the later."""
    early, late = (bench.clock.now - timedelta(minutes=minutes) for minutes in (10, 5))
    (first,), (second,) = [await bench.say(name, at=at.isoformat()) for name, at in (("one", early), ("two", late))]
    if "time of events" in bench.sample.lacks:
        return
    assert await bench.receive(second, first) == [200, 200]
    said = {entry.body: entry.at for entry in await bench.said()}
    assert said == {"one": early, "two": late}
    target = await bench.find()
    assert target is not None
    assert target.facts.last_qualifying_at == late


async def receipts_only_rise(bench: Bench) -> None:
    """Receipts backwards end where they would have ended forwards, also when each comes twice."""
    message_id = await bench.deliver()
    posted = await bench.posted()
    assert len(posted) > 1
    seen = []
    for item in (*reversed(posted), *posted):
        await bench.receive(item)
        seen.append((await bench.row(message_id)).receipt)
    assert seen == sorted(seen)
    assert seen[-1] is max(seen) > Receipt.SENT


async def has_one_receipt_at_most(bench: Bench) -> None:
    """With one or none there is no order."""
    await bench.deliver()
    assert len(await bench.posted()) < 2


async def refuses_forgeries(bench: Bench) -> None:
    """Whatever is changed or missing in a genuine webhook, it is refused and nothing of it is kept."""
    (genuine,) = await bench.say("hi")
    for forged in _forgeries(bench, genuine):
        assert await bench.receive(forged) == [401]
    assert await bench.kept() == []
    assert await bench.receive(genuine) == [200]


def _forgeries(bench: Bench, genuine: Posted) -> Iterator[Posted]:
    if bench.sample.signs_body:
        yield replace(genuine, body=genuine.body.replace(b"hi", b"ho"))
        yield replace(genuine, body=genuine.body + b" ")
        yield replace(genuine, body=genuine.body[:-1])
    assert bench.sample.signature_headers or bench.sample.signature_query
    query = dict(parse_qsl(genuine.query))
    for name in bench.sample.signature_query:
        for forged in ("", query[name][:-1], query[name] + "x", query[name].swapcase(), "é"):
            yield replace(genuine, query=urlencode({**query, name: forged}))
        yield replace(genuine, query=urlencode({key: value for key, value in query.items() if key != name}))
    for name in bench.sample.signature_headers:
        value = genuine.headers[name]
        for other in (b"", value[:-1], value + b"x", value.swapcase(), bytes([value[0] ^ 1]) + value[1:], b"\xe9\xff"):
            yield replace(genuine, headers={**genuine.headers, name: other})
        yield replace(genuine, headers={key: item for key, item in genuine.headers.items() if key != name})


async def refuses_without_a_secret(bench: Bench) -> None:
    """Another secret refuses everything; without one there is no webhook at all."""
    (genuine,) = await bench.say("hi")
    adapter = bench.other
    for name in bench.adapter.webhook_secrets:
        if name != "verify_token":
            assert not adapter(**{name: "another"}).verify(genuine.request())
    optional = [name for name in bench.adapter.webhook_secrets if name not in bench.adapter.required_secrets]
    unset = [name for name in optional if name != "verify_token"]
    if unset:
        without = adapter(**dict.fromkeys(unset, ""))
        assert not without.receives
        assert not without.verify(genuine.request())
    assert bench.adapter.receives


async def puts_aside(bench: Bench) -> None:
    """A genuine body that can't be read is a ``PayloadError``: kept in quarantine, never a crash."""
    for name, body in GARBAGE.items():
        try:
            events = bench.adapter.parse(body, bench.clock())
        except PayloadError:
            continue
        raise AssertionError(f"{name} was read as {events}")
