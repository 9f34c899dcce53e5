"""The demo as one runs it: its files, and the world in which customers answer."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from tests.server.support.chat import Visitor
from tui_inbox.bootstrap import Services, open_services
from tui_inbox.config import load_settings
from tui_inbox.demo.places import DemoPlaces
from tui_inbox.demo.run import DemoOptions, prepare, run
from tui_inbox.domain.clock import system_clock
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.filters import InboxFilter
from tui_inbox.domain.kinds import ConversationStatus, DeliveryState, Direction
from tui_inbox.domain.models import TimelineEntry
from tui_inbox.domain.search import parse
from tui_inbox.services.sending import SendRequest

PATIENCE = 60.0
"""Seconds that the customers get to answer, on a busy machine."""
LOOK_EVERY = 0.1
OPTIONS = DemoOptions(contacts=30, seed=7)


def program(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "tui_inbox", *arguments],
        env={**os.environ, "HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_open_in_an_empty_home(own_environment: Path) -> None:
    done = program("demo", "--no-open", "--contacts", "20", "--json", home=own_environment)
    assert done.returncode == 0, done.stderr
    place = json.loads(done.stdout)
    config = Path(place["config"])
    assert config.is_relative_to(own_environment)
    for path in (config, Path(place["database"].removeprefix("sqlite:///"))):
        assert path.stat().st_mode & 0o777 == 0o600
    assert config.parent.stat().st_mode & 0o777 == 0o700
    found = program(
        "--config", str(config), "find", "--inbox", "mine", "--status", "closed", "car", home=own_environment
    )
    assert len(found.stdout.splitlines()) == 3
    checked = program("--config", str(config), "doctor", "--json", home=own_environment)
    assert checked.returncode == 0, checked.stdout
    secrets = tomllib.loads(config.read_text())["channels"]
    for channel in secrets.values():
        for value in channel.values():
            assert value not in done.stdout + done.stderr + checked.stdout


def test_each_run_is_fresh_unless_kept(tmp_path: Path) -> None:
    places = DemoPlaces(tmp_path / "demo")
    prepare(places, OPTIONS, system_clock)
    secrets = tomllib.loads(places.config.read_text())["channels"]
    asyncio.run(_add_agent(places, "mia"))
    prepare(places, DemoOptions(99, 8, keep=True), system_clock)
    assert "mia" in asyncio.run(_agents(places))
    assert tomllib.loads(places.config.read_text())["channels"] == secrets
    prepare(places, OPTIONS, system_clock)
    assert "mia" not in asyncio.run(_agents(places))


async def _add_agent(places: DemoPlaces, handle: str) -> None:
    services = await open_services(load_settings(places.config))
    await services.directory.add_agent(handle)
    await services.close()


async def _agents(places: DemoPlaces) -> list[str]:
    services = await open_services(load_settings(places.config))
    try:
        return [agent.handle for agent in await services.directory.agents()]
    finally:
        await services.close()


def test_two_demos_at_once_are_refused(tmp_path: Path) -> None:
    places = DemoPlaces(tmp_path / "demo")
    with places.locked(), pytest.raises(InboxError, match="running already"):
        prepare(places, OPTIONS, system_clock)


@pytest.mark.parametrize(
    ("contact", "tag", "channel"),
    [
        (1, "", None),
        (4, "", None),
        (3, "HUMAN_AGENT", None),
        (16, "", "line"),
        (7, "HUMAN_AGENT", "messenger"),
        (9, "", "viber"),
        (2, "", "sms"),
        (5, "", "wechat"),
    ],
    ids=["telegram", "whatsapp", "instagram", "line", "messenger", "viber", "sms", "wechat"],
)
def test_customers_answer_over_real_processes(tmp_path: Path, contact: int, tag: str, channel: str | None) -> None:
    places = DemoPlaces(tmp_path / "demo")
    seen: list[TimelineEntry] = []

    def screen() -> int:
        seen.extend(asyncio.run(_write_and_wait(places, contact, tag, channel)))
        return 5

    assert run(places, OPTIONS, system_clock, screen) == 5
    sent = next(entry for entry in seen if entry.body == "Is everything fine now?")
    assert sent.state is DeliveryState.SENT
    assert seen[-1].direction is Direction.INBOUND
    assert _processes(places) == []


def test_a_visitor_of_the_website_chats_over_real_processes(tmp_path: Path) -> None:
    places = DemoPlaces(tmp_path / "demo")
    assert run(places, OPTIONS, system_clock, lambda: asyncio.run(_chat(places))) == 0


async def _chat(places: DemoPlaces) -> int:
    """A visitor writes to the receiver's process, an agent answers here, the sender's process lays it out."""
    services = await open_services(load_settings(places.config))
    try:
        site = await services.directory.channel("webchat")
        base = f"http://127.0.0.1:{services.settings.serve.port}/chat/{site.webhook_path}/"
        async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=PATIENCE) as http:
            visitor = Visitor(http)
            await visitor.come("Vera Visitor")
            async with visitor.listening():
                await visitor.say("is anybody there?", "11111111-aaaa")
                contact = await _called(services, "Vera")
                agent = await services.directory.agent("ana")
                await services.sending.send(agent, SendRequest(contact, "yes, here"))
                await visitor.got("is anybody there?", "yes, here")
    finally:
        await services.close()
    return 0


async def _called(services: Services, name: str) -> int:
    """The contact by this first name, once there is one."""
    async with asyncio.timeout(PATIENCE):
        while True:
            rows = await services.inbox.page(InboxFilter(query=parse(name)))
            if rows:
                return rows[0].contact_id
            await asyncio.sleep(LOOK_EVERY)


def test_a_kept_workspace_goes_on(tmp_path: Path) -> None:
    places = DemoPlaces(tmp_path / "demo")
    run(places, OPTIONS, system_clock, lambda: _answered(places, 3, "HUMAN_AGENT"))
    # The customer has answered, so the window is open again: free text is taken by a stand-in that knows it.
    assert run(places, DemoOptions(30, 7, keep=True), system_clock, lambda: _answered(places, 3, "")) == 0


def test_a_failing_screen_leaves_no_process_behind(tmp_path: Path) -> None:
    places = DemoPlaces(tmp_path / "demo")

    def screen() -> int:
        raise RuntimeError("the screen broke")

    with pytest.raises(RuntimeError, match="the screen broke"):
        run(places, OPTIONS, system_clock, screen)
    assert _processes(places) == []


def _answered(places: DemoPlaces, contact: int, tag: str) -> int:
    asyncio.run(_write_and_wait(places, contact, tag))
    return 0


async def _write_and_wait(
    places: DemoPlaces, contact: int, tag: str, channel: str | None = None
) -> list[TimelineEntry]:
    services = await open_services(load_settings(places.config))
    try:
        agent = await services.directory.agent("ana")
        before = await services.contacts.timeline(contact)
        view = await services.contacts.view(contact)
        chosen = next(
            (item.contact_channel.id for item in view.reach if item.contact_channel.channel.name == channel), None
        )
        request = SendRequest(contact, "Is everything fine now?", tag=tag, channel_id=chosen)
        result = await services.sending.send(agent, request)
        try:
            async with asyncio.timeout(PATIENCE):
                entries = await _answer(services, contact, len(before))
        except TimeoutError:
            pytest.fail(f"no answer came; the thread: {await services.contacts.timeline(contact)}")
        assert result.assignee
        assert (await services.contacts.view(contact)).conversation.status is ConversationStatus.OPEN
        return entries
    finally:
        await services.close()


async def _answer(services: Services, contact: int, known: int) -> list[TimelineEntry]:
    while True:
        entries = await services.contacts.timeline(contact)
        if len(entries) > known and entries[-1].direction is Direction.INBOUND:
            return entries
        await asyncio.sleep(LOOK_EVERY)


def _processes(places: DemoPlaces) -> list[str]:
    """Command lines of processes that still work on this demo."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            text = path.read_bytes() + path.with_name("cmdline").read_bytes()
        except OSError:
            continue
        if str(places.directory).encode() in text:
            found.append(path.with_name("cmdline").read_bytes().decode("utf-8", "replace"))
    return found
