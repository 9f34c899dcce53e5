"""The demo's data: the same each time, lifelike, and fit for every rule."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tui_inbox.demo.channels import demo_channels
from tui_inbox.demo.generate import AGENT, AGENTS, generate
from tui_inbox.demo.model import DemoData
from tui_inbox.demo.templates import TEMPLATES
from tui_inbox.domain.kinds import ChannelKind, ConversationStatus, DeliveryState, Direction
from tui_inbox.domain.lifecycle import DEFAULT_CATEGORIES
from tui_inbox.domain.limits import measure
from tui_inbox.domain.policy import policy_for
from tui_inbox.domain.templates import MEDIA, Template, placeholders, problems
from tui_inbox.standins.platforms import PLATFORMS

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CHANNELS = demo_channels(7, "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def data() -> DemoData:
    return generate(contacts=600, seed=7, now=NOW, channels=CHANNELS)


def test_the_same_seed_gives_the_same_data(data: DemoData) -> None:
    assert list(generate(contacts=600, seed=7, now=NOW, channels=CHANNELS).contacts) == list(data.contacts)
    assert list(generate(contacts=600, seed=8, now=NOW, channels=CHANNELS).contacts) != list(data.contacts)
    assert list(generate(contacts=50, seed=7, now=NOW, channels=CHANNELS).contacts) == list(data.contacts)[:50]


def test_everything_in_the_data_belongs_together(data: DemoData) -> None:
    kinds = {channel.name: channel.kind for channel in data.channels}
    handles = {agent.handle for agent in AGENTS} | {""}
    for contact in data.contacts:
        own = {address.channel for address in contact.addresses}
        assert own <= kinds.keys()
        assert contact.assignee in handles
        assert [line.at for line in contact.lines] == sorted(line.at for line in contact.lines)
        for line in contact.lines:
            assert line.at <= NOW
            assert line.author in handles
            if line.direction in {Direction.INBOUND, Direction.OUTBOUND}:
                assert line.channel in own
                assert line.body.strip()
                assert "{" not in line.body
                assert not measure(line.body, policy_for(kinds[line.channel]).text_limit).over
            if line.event == "closed" and line.detail["category"]:
                assert line.detail["category"] in DEFAULT_CATEGORIES


def test_no_address_is_given_twice(data: DemoData) -> None:
    addresses = Counter((item.channel, item.address) for contact in data.contacts for item in contact.addresses)
    assert max(addresses.values()) == 1


def test_addresses_on_line_have_its_shape(data: DemoData) -> None:
    found = [item.address for contact in data.contacts for item in contact.addresses if item.channel == "line"]
    assert found
    assert all(re.fullmatch(r"U[0-9a-f]{32}", address) for address in found)


def test_the_readme_finds_its_three(data: DemoData) -> None:
    found = [
        contact.first_name
        for contact in data.contacts
        if contact.status is ConversationStatus.CLOSED
        and contact.assignee == AGENT
        and "car" in f"{contact.first_name} {contact.last_name} {contact.email}".casefold()
    ]
    assert found == ["Carlos", "Scarlet", "Oscar"]


def test_every_state_can_be_met(data: DemoData) -> None:
    assert {contact.status for contact in data.contacts} == set(ConversationStatus)
    states = {line.state for contact in data.contacts for line in contact.lines}
    assert {DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNCERTAIN} <= states
    assert any(contact.blocked for contact in data.contacts)
    assert any(address.opted_out for contact in data.contacts for address in contact.addresses)
    ages = [
        NOW - max(line.at for line in contact.lines if line.direction is Direction.INBOUND)
        for contact in data.contacts
        if any(line.direction is Direction.INBOUND for line in contact.lines)
    ]
    day = timedelta(days=1)
    assert any(day - timedelta(minutes=15) < age < day for age in ages)
    assert any(day < age < 7 * day for age in ages)
    assert any(age > 7 * day for age in ages)
    scripts = {contact.language for contact in data.contacts}
    assert {"en", "es", "zh", "ja", "ar", "uk"} <= scripts


def test_templates_are_of_every_status_and_the_approved_ones_can_be_filled() -> None:
    assert {template.status for template in TEMPLATES} == {"APPROVED", "PAUSED", "REJECTED", "PENDING"}
    for item in TEMPLATES:
        template = Template(
            1, 1, item.name, item.language, item.status, item.category, item.components, named=item.named
        )
        values = {key: "https://shop.example/x.png" if key.startswith(MEDIA) else "x" for key in placeholders(template)}
        assert bool(problems(template, values)) == (item.status != "APPROVED")


def test_one_channel_of_every_policy() -> None:
    missing = set(ChannelKind) - {channel.kind for channel in CHANNELS}
    assert missing == set()
    live = {channel.kind for channel in CHANNELS if channel.live}
    assert live == set(PLATFORMS)
    posting = {channel.kind for channel in CHANNELS if channel.secrets and channel.webhook_path}
    assert live - posting == {ChannelKind.EMAIL}, "a mailbox is asked, and has no webhook"
