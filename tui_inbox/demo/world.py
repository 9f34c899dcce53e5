"""The world around the demo: stand-ins for the channels, receiver, sender and poller, as processes of their own.

They are started before the screen, stopped after it, and end by themselves should this process vanish.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tui_inbox import paths
from tui_inbox.demo.model import DemoChannel, DemoTemplate
from tui_inbox.demo.places import PUBLIC_URL, DemoPlaces
from tui_inbox.demo.seed import DemoCustomer
from tui_inbox.demo.templates import templates_for
from tui_inbox.domain.clock import Clock
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.policy import DEFAULT_POLICIES, FirstContact
from tui_inbox.repository.store import Store
from tui_inbox.server.processes import ManagedProcess, sender_alive, sender_command
from tui_inbox.standins.config import (
    ChannelConfig,
    CustomersConfig,
    MemberConfig,
    StandinConfig,
    TemplateConfig,
)
from tui_inbox.standins.launch import RunningStandins, launch
from tui_inbox.standins.platforms import PLATFORMS

START_SECONDS = 30.0
"""Longest wait for a process to be ready."""
LOOK_EVERY = 0.05
ANSWER_SECONDS = (2.0, 5.0)
"""After how long customers answer."""


def standin_config(
    channels: Sequence[DemoChannel],
    templates: Sequence[DemoTemplate],
    customers: Iterable[DemoCustomer],
    *,
    seed: int,
) -> StandinConfig:
    """What the stand-ins are told: the same customers, windows, templates and secrets that the workspace has."""
    members: dict[str, list[MemberConfig]] = {}
    for customer in customers:
        member = MemberConfig(
            address=customer.address,
            name=customer.name,
            last_inbound_at=customer.last_inbound_at,
            # Where the business may write first, anybody can be reached; elsewhere only who has started.
            started=customer.started or DEFAULT_POLICIES[customer.kind].first_contact is not FirstContact.NO,
            blocked=customer.blocked_us,
        )
        members.setdefault(customer.channel, []).append(member)
    live = [channel for channel in channels if channel.live]
    return StandinConfig(
        channels=[_standin(channel, templates, members.get(channel.name, [])) for channel in live],
        customers=CustomersConfig(delay=ANSWER_SECONDS, seed=seed),
    )


def _standin(channel: DemoChannel, templates: Sequence[DemoTemplate], members: Sequence[MemberConfig]) -> ChannelConfig:
    if channel.kind not in PLATFORMS:
        raise ValueError(f"no stand-in for {channel.kind}")
    held = [_template(item) for item in templates_for(channel.kind, templates)]
    return ChannelConfig.model_validate(
        {
            "name": channel.name,
            "kind": channel.kind,
            "prefix": f"/{channel.name}",
            "token": channel.secrets.get("token", "") or channel.secrets.get("password", ""),
            "token_secret": channel.secrets.get("token_secret", ""),
            "verify_token": channel.secrets.get("verify_token", ""),
            "account": "Northwind Outdoor",
            "app_secret": channel.secrets.get("app_secret", ""),
            "webhook_secret": channel.secrets.get("webhook_secret", ""),
            "templates": held,
            "members": members,
            "public_url": f"{PUBLIC_URL}/hooks/{channel.webhook_path}",
            "settings": channel.config,
        }
    )


def _template(item: DemoTemplate) -> TemplateConfig:
    return TemplateConfig(
        name=item.name,
        language=item.language,
        components=item.components,
        status=item.status,
        category=item.category,
        parameter_format="NAMED" if item.named else "POSITIONAL",
        quality=item.quality,
        rejected_reason=item.reason or "NONE",
    )


class World:
    """Everything that runs beside the demo's screen."""

    def __init__(self, places: DemoPlaces) -> None:
        self._places = places
        self._standins: RunningStandins | None = None
        self._processes: list[ManagedProcess] = []

    async def start_standins(self, config: StandinConfig) -> str:
        """Start the stand-ins; returns their address."""
        self._standins = await asyncio.to_thread(launch, config)
        return self._standins.url

    async def start_processes(self, channels: Iterable[DemoChannel], store: Store, clock: Clock) -> int:
        """Start what runs beside, wait until it works, tell the stand-ins where to post; returns the port."""
        receiver = self._start([*_command("serve"), "--port", "0", "--until-parent-exits", str(os.getpid())], "serve")
        sender = sender_command(database=self._places.url, config=self._places.config)
        self._start(sender, "deliver")
        self._start([*_command("poll"), "--until-parent-exits", str(os.getpid())], "poll")
        port = await _port(receiver)
        for channel in channels:
            if channel.live and self._standins is not None:
                url = f"http://127.0.0.1:{port}/hooks/{channel.webhook_path}"
                await asyncio.to_thread(_post, self._standins.control_url(channel.name, "webhook_url"), {"url": url})
        async with asyncio.timeout(START_SECONDS):
            while not await sender_alive(store, clock):
                self._complain_if_ended()
                await asyncio.sleep(LOOK_EVERY)
        return port

    async def stop(self) -> None:
        """Stop everything that was started, the sender first so that nothing is cut off."""
        for process in reversed(self._processes):
            await process.stop()
        self._processes.clear()
        if self._standins is not None:
            await asyncio.to_thread(self._standins.stop)
            self._standins = None

    def _start(self, command: Sequence[str], role: str) -> ManagedProcess:
        environment = {"TUI_INBOX_CONFIG": str(self._places.config)}
        log = _log_of(role)
        stdout = asyncio.subprocess.PIPE if role == "serve" else asyncio.subprocess.DEVNULL
        process = ManagedProcess.start(command, log_file=log, environment=environment, stdout=stdout)
        self._processes.append(process)
        return process

    def _complain_if_ended(self) -> None:
        for process in self._processes:
            if not process.running:
                raise InboxError(f"A process of the demo ended at once. The log tells why: {_log_of('serve').parent}")


def _command(name: str) -> list[str]:
    return [sys.executable, "-P", "-m", "tui_inbox", name]


def _log_of(role: str) -> Path:
    return paths.log_file(f"demo-{role}")


async def _port(receiver: ManagedProcess) -> int:
    stream = receiver.process.stdout
    assert stream is not None
    async with asyncio.timeout(START_SECONDS):
        line = await asyncio.to_thread(stream.readline)
    if not line.strip().isdigit():
        raise InboxError(f"The receiver of the demo did not start. The log tells why: {_log_of('serve')}")
    return int(line)


def _post(url: str, body: Mapping[str, Any]) -> None:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), headers={"Content-Type": "application/json"}, method="POST"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback never goes through a proxy
    with opener.open(request, timeout=START_SECONDS) as answer:
        answer.read()
