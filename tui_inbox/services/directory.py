"""Agents, teams, channels and templates of the workspace."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from tui_inbox.channels.port import ChannelCheck
from tui_inbox.domain.errors import NotFoundError, UsageError
from tui_inbox.domain.kinds import ChannelKind, ClosingLogic, Role
from tui_inbox.domain.models import Agent, Channel, Team
from tui_inbox.domain.policy import policy_for
from tui_inbox.domain.templates import Template
from tui_inbox.repository.unit import Unit
from tui_inbox.services.context import AdapterSource, Context

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_NAME_RULE = "Use 1 to 40 letters, digits, dots, dashes or underscores, beginning with a letter or digit."
_RESERVED = frozenset({"none", "me"})
"""Words that mean something else where a handle can stand."""


class DirectoryService:
    """Administration; talks to channels only to test a credential and to list templates."""

    def __init__(self, context: Context, adapters: AdapterSource) -> None:
        self._context = context
        self._adapters = adapters

    async def agents(self) -> list[Agent]:
        """Everybody, by handle."""
        async with self._context.store.read() as unit:
            return await unit.directory.agents()

    async def agent(self, handle: str) -> Agent:
        """The agent with this handle. Raises :class:`NotFoundError` naming the handles that exist."""
        async with self._context.store.read() as unit:
            return await _agent(unit, handle)

    async def add_agent(self, handle: str, name: str = "", role: Role = Role.AGENT) -> Agent:
        """Add an agent. Raises :class:`UsageError` for a malformed or taken handle."""
        _check_name(handle, "handle")
        if handle.lower() in _RESERVED:
            raise UsageError(f"'{handle}' can't be a handle: the word has a meaning of its own. Choose another.")

        async def work(unit: Unit) -> Agent:
            if await unit.directory.agent(handle) is not None:
                raise UsageError(f"There is an agent {handle} already. Choose another handle.")
            await unit.directory.add_agent(handle, name.strip() or handle, role)
            now = self._context.clock()
            await unit.activity.add("agent added", detail={"handle": handle, "role": role.value}, now=now)
            return await _agent(unit, handle)

        return await self._context.store.write(work)

    async def set_away(self, handle: str, away: bool) -> Agent:
        """Say that an agent is away, or back."""

        async def work(unit: Unit) -> Agent:
            await unit.directory.set_away((await _agent(unit, handle)).id, away)
            return await _agent(unit, handle)

        return await self._context.store.write(work)

    async def teams(self) -> list[Team]:
        """Every team."""
        async with self._context.store.read() as unit:
            return await unit.directory.teams()

    async def add_team(self, name: str, closing_logic: ClosingLogic | None = None, members: Sequence[str] = ()) -> Team:
        """Add a team of agents (handles)."""
        _check_name(name, "team name")

        async def work(unit: Unit) -> Team:
            if await unit.directory.team(name) is not None:
                raise UsageError(f"There is a team {name} already. Choose another name.")
            ids = [(await _agent(unit, handle)).id for handle in dict.fromkeys(members)]
            await unit.directory.add_team(name, closing_logic, ids)
            team = await unit.directory.team(name)
            assert team is not None
            return team

        return await self._context.store.write(work)

    async def channels(self) -> list[Channel]:
        """Every connected account."""
        async with self._context.store.read() as unit:
            return await unit.directory.channels()

    async def channel(self, name: str) -> Channel:
        """The channel with this name. Raises :class:`NotFoundError` naming those that exist."""
        async with self._context.store.read() as unit:
            return await _channel(unit, name)

    async def add_channel(
        self,
        name: str,
        kind: ChannelKind,
        config: Mapping[str, str] | None = None,
        override: Mapping[str, Any] | None = None,
    ) -> Channel:
        """Connect an account. Its secrets are not stored: they come from the settings of the process that uses them.

        Raises :class:`UsageError` for a malformed or taken name, missing settings or a wrong policy override.
        """
        _check_name(name, "channel name")
        policy = policy_for(kind, override)
        if policy.retired:
            raise UsageError(f"{policy.label} can't be connected: {policy.retired}")
        given = {key: value.strip() for key, value in (config or {}).items()}
        _check_config(kind, given)

        async def work(unit: Unit) -> Channel:
            if await unit.directory.channel(name) is not None:
                raise UsageError(f"There is a channel {name} already. Choose another name.")
            await unit.directory.add_channel(name, kind, given, dict(override or {}), secrets.token_urlsafe(24))
            now = self._context.clock()
            await unit.activity.add("channel added", detail={"channel": name, "kind": kind.value}, now=now)
            return await _channel(unit, name)

        return await self._context.store.write(work)

    async def test_channel(self, name: str) -> ChannelCheck:
        """Test the credential; nothing is sent to customers. A good one lifts a pause of the channel, and what waited
        for the channel to answer again goes on."""
        channel = await self.channel(name)
        check = await self._adapters.get(channel).check()
        if check.ok:
            await self._context.store.write(lambda unit: self._resume(unit, channel))
        return check

    async def sync_templates(self, name: str) -> int:
        """Fetch the channel's templates; returns how many it has.

        Those that the channel no longer has are kept as deleted and can't be sent any more.
        """
        channel = await self.channel(name)
        found = await self._adapters.get(channel).templates()
        now = self._context.clock()
        await self._context.store.write(lambda unit: unit.directory.put_templates(channel.id, found, now))
        return len(found)

    async def templates(self, channel_id: int) -> list[Template]:
        """Templates of a channel (its id, not a contact channel's), whatever their status."""
        async with self._context.store.read() as unit:
            return await unit.directory.templates(channel_id)

    async def _resume(self, unit: Unit, channel: Channel) -> None:
        await unit.health.close_breaker(channel.id)
        if not channel.paused_reason:
            return
        await unit.directory.resume_channel(channel.id)
        detail = {"channel": channel.name, "was": channel.paused_reason}
        await unit.activity.add("channel resumed", detail=detail, now=self._context.clock())


async def _agent(unit: Unit, handle: str) -> Agent:
    agent = await unit.directory.agent(handle)
    if agent is None:
        known = ", ".join(agent.handle for agent in await unit.directory.agents())
        told = f"Known: {known}." if known else "Add one with: tui-inbox agent add HANDLE"
        raise NotFoundError(f"There is no agent {handle}. {told}")
    return agent


async def _channel(unit: Unit, name: str) -> Channel:
    channel = await unit.directory.channel(name)
    if channel is None:
        known = ", ".join(channel.name for channel in await unit.directory.channels())
        told = f"Known: {known}." if known else "Connect one with: tui-inbox channel add"
        raise NotFoundError(f"There is no channel {name}. {told}")
    return channel


def _check_name(name: str, what: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name}' can't be a {what}. {_NAME_RULE}")


def _check_config(kind: ChannelKind, given: Mapping[str, str]) -> None:
    from tui_inbox.channels.registry import ADAPTERS  # brings the HTTP client, which most processes never need

    missing = [key for key in ADAPTERS[kind].required_config if not given.get(key)]
    if missing:
        raise UsageError(f"A {kind.value} channel needs {', '.join(missing)}. Give each as NAME=VALUE.")
