"""Agents, teams and channels; and the composition root that builds the services."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.services.world import HELLO, ListedTemplate, World
from tui_inbox.bootstrap import Adapters, open_services
from tui_inbox.channels.port import ChannelAdapter, ChannelCheck, WebhookRequest
from tui_inbox.config import ChannelSettings, Settings
from tui_inbox.domain.errors import NotFoundError, StoreError, UsageError
from tui_inbox.domain.kinds import ChannelKind, ClosingLogic, Role
from tui_inbox.domain.models import Channel
from tui_inbox.services.directory import DirectoryService


class FakeAdapter:
    """Answers a test of the credential and lists templates, as told."""

    def __init__(self) -> None:
        self.answer = ChannelCheck(True, "Connected as Shop.")
        self.listed: Sequence[ListedTemplate] = ()
        self.closed = 0

    async def check(self) -> ChannelCheck:
        return self.answer

    async def templates(self) -> Sequence[ListedTemplate]:
        return self.listed

    async def close(self) -> None:
        self.closed += 1


class FakeSource:
    """The same adapter for every channel."""

    def __init__(self) -> None:
        self.adapter = FakeAdapter()

    def get(self, channel: Channel) -> ChannelAdapter:
        adapter: Any = self.adapter
        return adapter  # type: ignore[no-any-return]  # only what the directory calls is there

    def former(self, channel: Channel) -> ChannelAdapter | None:
        """No secret was changed."""
        return None


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest_asyncio.fixture
async def directory(world: World, source: FakeSource) -> AsyncIterator[DirectoryService]:
    yield DirectoryService(world.context, source)


async def test_agents(directory: DirectoryService) -> None:
    added = await directory.add_agent("dee.x-1", "Dee", Role.LEAD)
    assert (added.handle, added.name, added.role) == ("dee.x-1", "Dee", Role.LEAD)
    assert await directory.agent("DEE.x-1") == added
    assert [agent.handle for agent in await directory.agents()] == ["ana", "bo", "cy", "dee.x-1"]
    assert (await directory.set_away("bo", True)).away
    with pytest.raises(NotFoundError, match=r"Known: ana, bo, cy, dee.x-1"):
        await directory.agent("nobody")


@pytest.mark.parametrize("handle", ["", " ", "ana", "ANA", "a b", "-x", "x" * 41, "ana\n", "none", "é"])
async def test_a_handle_that_cannot_be_one(world: World, directory: DirectoryService, handle: str) -> None:
    before = world.dump()
    with pytest.raises(UsageError):
        await directory.add_agent(handle)
    assert world.dump() == before


async def test_teams(world: World, directory: DirectoryService) -> None:
    team = await directory.add_team("returns", ClosingLogic.UNASSIGN, ["ana", "bo", "ana"])
    assert (team.closing_logic, set(team.member_ids)) == ("unassign", {world.ana.id, world.bo.id})
    assert await directory.teams() == [team]
    with pytest.raises(UsageError):
        await directory.add_team("returns")
    with pytest.raises(NotFoundError):
        await directory.add_team("other", members=["nobody"])
    assert await directory.teams() == [team]


async def test_channels(directory: DirectoryService) -> None:
    one = await directory.add_channel("shop-bot", ChannelKind.TELEGRAM, {}, {"text_limit": 100})
    two = await directory.add_channel("second-bot", ChannelKind.TELEGRAM)
    assert await directory.channel("shop-bot") == one
    assert one.policy_override == {"text_limit": 100}
    assert len(one.webhook_path) >= 32
    assert one.webhook_path != two.webhook_path
    with pytest.raises(NotFoundError, match=r"Known: .*shop-bot"):
        await directory.channel("nope")


@pytest.mark.parametrize(
    ("name", "kind", "config", "override", "words"),
    [
        ("shop-bot", ChannelKind.WHATSAPP, {}, {}, "needs phone_number_id"),
        ("shop-bot", ChannelKind.WHATSAPP, {"phone_number_id": "  "}, {}, "needs phone_number_id"),
        ("telegram", ChannelKind.TELEGRAM, {}, {}, "already"),
        ("a/b", ChannelKind.TELEGRAM, {}, {}, "can't be a channel name"),
        ("shop-bot", ChannelKind.GOOGLE_BUSINESS, {}, {}, "ended"),
        ("shop-mail", ChannelKind.EMAIL, {}, {}, "needs address, smtp_host, imap_host"),
        ("shop-bot", ChannelKind.TELEGRAM, {}, {"windowseconds": 5}, "Unknown policy setting"),
    ],
)
async def test_a_channel_that_cannot_be_connected(
    world: World,
    directory: DirectoryService,
    name: str,
    kind: ChannelKind,
    config: dict[str, str],
    override: dict[str, Any],
    words: str,
) -> None:
    before = world.dump()
    with pytest.raises(UsageError, match=words):
        await directory.add_channel(name, kind, config, override)
    assert world.dump() == before


async def test_a_good_credential_lifts_a_pause_and_a_bad_one_does_not(
    world: World, directory: DirectoryService, source: FakeSource
) -> None:
    channel = world.channels["telegram"].id
    await world.store.write(lambda unit: unit.directory.pause_channel(channel, "the token is refused", None))
    source.adapter.answer = ChannelCheck(False, "The token is refused.")
    assert not (await directory.test_channel("telegram")).ok
    assert (await directory.channel("telegram")).paused_reason
    source.adapter.answer = ChannelCheck(True, "Connected as Shop.")
    assert (await directory.test_channel("telegram")).ok
    assert not (await directory.channel("telegram")).paused_reason


async def test_templates_are_fetched_and_lost_ones_cannot_be_sent(
    world: World, directory: DirectoryService, source: FakeSource
) -> None:
    channel = world.channels["whatsapp"].id
    source.adapter.listed = [ListedTemplate("new", "de", "APPROVED", "UTILITY", [{"type": "BODY", "text": "Hallo"}])]
    assert await directory.sync_templates("whatsapp") == 1
    found = {template.name: template for template in await directory.templates(channel)}
    assert not found["new"].unavailable
    assert found[HELLO.name].unavailable


async def test_services_open_work_and_close_without_any_secret(tmp_path: Path) -> None:
    services = await open_services(Settings(database=f"sqlite:///{tmp_path / 'inbox.db'}"))
    agent = await services.directory.add_agent("ana")
    await services.directory.add_channel("bot", ChannelKind.TELEGRAM)
    assert await services.directory.agents() == [agent]
    assert services.make_delivery("worker-1") is not services.make_delivery("worker-2")
    assert await services.contacts.timeline(1) == []
    with pytest.raises(UsageError, match="token"):
        await services.directory.test_channel("bot")
    await services.close()
    await services.close()


async def test_a_database_that_is_not_there_is_not_made_unasked(tmp_path: Path) -> None:
    missing = tmp_path / "none" / "inbox.db"
    with pytest.raises(StoreError):
        await open_services(Settings(database=f"sqlite:///{missing}"), migrate=False)
    assert not missing.parent.exists()


async def test_one_adapter_per_channel_until_its_settings_change(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Any] = []

    def build(channel: Channel, secrets: object, **_more: object) -> FakeAdapter:
        adapter = FakeAdapter()
        built.append(adapter)
        return adapter

    monkeypatch.setattr("tui_inbox.channels.registry.build_adapter", build)
    adapters = Adapters(Settings())
    channel = Channel(1, "bot", ChannelKind.TELEGRAM, {"base_url": "https://one.example"})
    assert adapters.get(channel) is adapters.get(channel)
    moved = Channel(1, "bot", ChannelKind.TELEGRAM, {"base_url": "https://two.example"})
    assert adapters.get(moved) is not built[0]
    await adapters.close()
    await adapters.close()
    assert [adapter.closed for adapter in built] == [1, 1]


async def test_the_former_secrets_make_an_adapter_of_their_own() -> None:
    channel = Channel(1, "bot", ChannelKind.TELEGRAM, {})
    secrets = {"token": "1:a", "webhook_secret": "new", "former_webhook_secret": "old"}
    adapters = Adapters(Settings(channels={"bot": ChannelSettings.model_validate(secrets)}))

    def accepts(adapter: ChannelAdapter | None, secret: str) -> bool:
        assert adapter is not None
        headers = {"x-telegram-bot-api-secret-token": secret.encode()}
        return adapter.verify(WebhookRequest("POST", {}, headers, b"{}"))

    tried = [
        accepts(adapter, secret)
        for adapter in (adapters.get(channel), adapters.former(channel))
        for secret in ("new", "old")
    ]
    assert tried == [True, False, False, True]
    del secrets["former_webhook_secret"]
    assert Adapters(Settings(channels={"bot": ChannelSettings.model_validate(secrets)})).former(channel) is None
    await adapters.close()


def loaded_by(module: str) -> set[str]:
    """Which of the heavy libraries importing ``module`` alone brings along."""
    heavy = ("textual", "httpx", "starlette", "phonenumbers", "alembic", "sqlalchemy")
    code = f"import sys, {module}; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_composition_root_brings_neither_screens_nor_http_clients() -> None:
    assert loaded_by("tui_inbox.bootstrap") == {"sqlalchemy"}


@pytest.mark.parametrize("module", ["reach", "send_plan", "contacts", "lifecycle", "drafts", "inbox"])
def test_what_screens_import_brings_no_database_layer(module: str) -> None:
    assert loaded_by(f"tui_inbox.services.{module}") == set()
