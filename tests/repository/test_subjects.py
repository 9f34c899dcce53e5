"""Drafts, raw inbound events, the record of activity, and the directory."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from tests.repository.conftest import NOW, Place
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.kinds import ChannelKind, Role
from tui_inbox.domain.templates import Template
from tui_inbox.repository.store import Store
from tui_inbox.repository.tables import activity
from tui_inbox.repository.unit import Unit

MINUTE = timedelta(minutes=1)


async def test_a_draft_lives_until_it_is_discarded(store: Store, place: Place) -> None:
    async def work(unit: Unit) -> None:
        first = await unit.drafts.save(place.ana, place.contact, None, "a", now=NOW, new_id="d1")
        second = await unit.drafts.save(place.ana, place.contact, place.chat, "ab", now=NOW + MINUTE, new_id="d2")
        assert (first.id, first.version, second.id, second.version) == ("d1", 1, "d1", 2)
        assert await unit.drafts.get(place.ana, place.contact) == second
        assert await unit.drafts.get(place.bo, place.contact) is None
        assert await unit.drafts.for_agent(place.ana) == [second]
        await unit.drafts.discard("d1", NOW)
        await unit.drafts.discard("d1", NOW)
        assert await unit.drafts.get(place.ana, place.contact) is None
        third = await unit.drafts.save(place.ana, place.contact, None, "new", now=NOW, new_id="d3")
        assert (third.id, third.version) == ("d3", 1), "what was sent from the old one is not taken for the new one"
        assert await unit.drafts.for_agent(place.ana) == [third]

    await store.write(work)


async def test_raw_events_wait_for_processing(store: Store, place: Place) -> None:
    async def work(unit: Unit) -> None:
        ids = [await unit.inbound.store_raw(place.telegram, NOW, {"h": "v"}, bytes([n, 0, 255])) for n in range(3)]
        assert [event.id for event in await unit.inbound.pending(limit=2)] == ids[:2]
        assert (await unit.inbound.pending())[0].body == b"\x00\x00\xff"
        await unit.inbound.mark(ids[0], "processed", now=NOW)
        await unit.inbound.mark(ids[1], "quarantined", "not ours", now=NOW)
        assert [event.id for event in await unit.inbound.pending()] == ids[2:]
        assert [(event.status, event.error) for event in await unit.inbound.recent(3)] == [
            ("pending", ""),
            ("quarantined", "not ours"),
            ("processed", ""),
        ]

    await store.write(work)


async def test_a_key_is_new_once_per_channel(store: Store, place: Place) -> None:
    async def claim(channel: int) -> bool:
        return await store.write(lambda unit: unit.inbound.claim_key(channel, "k"))

    assert [await claim(place.telegram), await claim(place.telegram), await claim(place.whatsapp)] == [
        True,
        False,
        True,
    ]


async def test_activity_only_grows(store: Store, place: Place) -> None:
    async def work(unit: Unit) -> None:
        await unit.activity.add("closed", contact_id=place.contact, actor_id=place.ana, detail={"a": [1]}, now=NOW)
        await unit.activity.add("woken", contact_id=place.contact, now=NOW)
        lines = await unit.activity.for_contact(place.contact, 10)
        assert [(line.kind, line.actor, line.detail) for line in lines] == [
            ("woken", "", {}),
            ("closed", "ana", {"a": [1]}),
        ]

    await store.write(work)
    for forbidden in (update(activity).values(kind="x"), delete(activity)):
        with pytest.raises(IntegrityError, match="append-only"):
            async with store._writers.begin() as connection:
                await connection.execute(forbidden)


async def test_agents_and_teams(store: Store, place: Place) -> None:
    async def work(unit: Unit) -> None:
        assert [agent.handle for agent in await unit.directory.agents()] == ["ana", "bo"]
        found = await unit.directory.agent("ANA")
        assert found == await unit.directory.agent_by_id(place.ana)
        assert found is not None
        assert (found.name, found.role, found.away) == ("Ana", Role.AGENT, False)
        await unit.directory.set_away(place.ana, True)
        found = await unit.directory.agent("ana")
        assert found is not None
        assert found.away
        assert await unit.directory.agent("nobody") is None
        team = await unit.directory.add_team("Sales", "unassign", [place.bo, place.ana, place.bo])
        await unit.directory.add_team("Empty")
        assert [(t.name, t.closing_logic, t.member_ids) for t in await unit.directory.teams()] == [
            ("Empty", None, ()),
            ("Sales", "unassign", (place.ana, place.bo)),
        ]
        sales = await unit.directory.team("sales")
        assert sales is not None
        assert sales.id == team
        for attempt in (
            unit.directory.add_agent("Bo", "", Role.AGENT),
            unit.directory.add_agent(" ", "", Role.AGENT),
            unit.directory.add_team("SALES"),
            unit.directory.add_channel("BOT", ChannelKind.SMS, {}, {}, ""),
        ):
            with pytest.raises(UsageError):
                await attempt

    await store.write(work)


async def test_channels(store: Store, place: Place) -> None:
    async def work(unit: Unit) -> None:
        directory = unit.directory
        assert [channel.name for channel in await directory.channels()] == ["bot", "shop"]
        bot = await directory.channel("Bot")
        assert bot is not None
        assert (bot.kind, bot.config, bot.webhook_path) == (ChannelKind.TELEGRAM, {"base_url": "x"}, "path1")
        assert await directory.channel_by_path("path1") == await directory.channel_by_id(place.telegram) == bot
        assert await directory.channel_by_path("") is None
        for name in ("one", "two"):
            await directory.add_channel(name, ChannelKind.SMS, {}, {}, "")
        await directory.update_channel(place.telegram, policy_override={"margin": 60})
        await directory.pause_channel(place.telegram, "auth", None)
        await directory.saw_webhook(place.telegram, NOW)
        bot = await directory.channel_by_id(place.telegram)
        assert bot is not None
        assert (bot.config, bot.policy_override, bot.paused_reason, bot.last_webhook_at) == (
            {"base_url": "x"},
            {"margin": 60},
            "auth",
            NOW,
        )
        await directory.resume_channel(place.telegram)
        bot = await directory.channel_by_id(place.telegram)
        assert bot is not None
        assert (bot.paused_reason, bot.paused_until) == ("", None)

    await store.write(work)


def listed(name: str, status: str = "APPROVED") -> Template:
    return Template(0, 0, name, "en", status, "UTILITY", [{"type": "BODY", "text": "Hi {{1}}"}])


async def test_templates_follow_the_channel(store: Store, place: Place) -> None:
    async def work(unit: Unit) -> None:
        directory = unit.directory
        await directory.put_templates(place.whatsapp, [listed("a"), listed("b")], NOW)
        await directory.put_templates(place.telegram, [listed("a")], NOW)
        first = await directory.template(place.whatsapp, "a", "en")
        await directory.put_templates(place.whatsapp, [listed("a", "PAUSED"), listed("c")], NOW)
        assert [(t.name, t.status) for t in await directory.templates(place.whatsapp)] == [
            ("a", "PAUSED"),
            ("b", "DELETED"),
            ("c", "APPROVED"),
        ]
        again = await directory.template(place.whatsapp, "a", "en")
        assert first is not None
        assert again is not None
        assert (again.id, again.body) == (first.id, "Hi {{1}}")
        await directory.set_template_status(place.whatsapp, "c", "en", "REJECTED", "spam")
        await directory.set_template_status(place.whatsapp, "nope", "en", "REJECTED")
        changed = await directory.template(place.whatsapp, "c", "en")
        assert changed is not None
        assert (changed.status, changed.reason) == ("REJECTED", "spam")
        (other,) = await directory.templates(place.telegram)
        assert other.status == "APPROVED"

    await store.write(work)


async def test_workers_are_alive_while_they_beat(store: Store) -> None:
    async def work(unit: Unit) -> None:
        directory = unit.directory
        assert not await directory.alive("deliver", NOW, MINUTE)
        await directory.heartbeat("deliver", "w1", 17, NOW)
        await directory.heartbeat("deliver", "w1", 17, NOW + MINUTE)
        assert await directory.alive("deliver", NOW + MINUTE + MINUTE / 2, MINUTE)
        assert not await directory.alive("deliver", NOW + 3 * MINUTE, MINUTE)
        assert not await directory.alive("serve", NOW, MINUTE)
        await directory.retire("w1")
        assert not await directory.alive("deliver", NOW + MINUTE, MINUTE)

    await store.write(work)
