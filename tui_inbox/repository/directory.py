"""Who and what there is: agents, teams, channels, templates, and the workers that are alive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, delete, insert, select, update

from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.kinds import ChannelKind, Role
from tui_inbox.domain.models import Agent, Channel, Team
from tui_inbox.domain.search import fold
from tui_inbox.domain.templates import Template
from tui_inbox.repository import dialect
from tui_inbox.repository.base import AnyRow, Repository
from tui_inbox.repository.prepared import Prepared
from tui_inbox.repository.rows import CHANNEL_COLUMNS, channel_row
from tui_inbox.repository.tables import agents, channels, team_members, teams, templates, workers

DELETED = "DELETED"
"""Status of a template that the channel no longer lists."""


class ListedTemplate(Protocol):
    """A template as a channel lists it."""

    @property
    def name(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def components(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def quality(self) -> str: ...
    @property
    def named(self) -> bool: ...
    @property
    def reason(self) -> str: ...


_CHANNELS = Prepared(select(*CHANNEL_COLUMNS).order_by(channels.c.name_folded))


class DirectoryRepository(Repository):
    """Reads and writes of the workspace's own things. Names are found without regard to case and accents."""

    async def agents(self) -> list[Agent]:
        """Every agent, by handle."""
        return [_agent(row) for row in await self._all(select(agents).order_by(agents.c.handle_folded))]

    async def agent(self, handle: str) -> Agent | None:
        """The agent of that handle."""
        return await self._agent(agents.c.handle_folded == fold(handle))

    async def agent_by_id(self, agent_id: int) -> Agent | None:
        """The agent of that id."""
        return await self._agent(agents.c.id == agent_id)

    async def add_agent(self, handle: str, name: str, role: Role) -> int:
        """Add an agent; returns the id. Raises :class:`UsageError` when the handle is taken or empty."""
        if not fold(handle):
            raise UsageError("An agent needs a handle.")
        if await self.agent(handle) is not None:
            raise UsageError(f"There is an agent '{handle}' already; choose another handle.")
        values = {"handle": handle, "handle_folded": fold(handle), "name": name, "role": role}
        return int(await self._value(insert(agents).values(values).returning(agents.c.id)))

    async def set_away(self, agent_id: int, away: bool) -> None:
        """Note that an agent is away or back."""
        await self._count(update(agents).where(agents.c.id == agent_id).values(away=away))

    async def teams(self) -> list[Team]:
        """Every team with its members, by name."""
        return await self._teams(None)

    async def team(self, name: str) -> Team | None:
        """The team of that name."""
        return next(iter(await self._teams(teams.c.name_folded == fold(name))), None)

    async def add_team(self, name: str, closing_logic: str | None = None, member_ids: Iterable[int] = ()) -> int:
        """Add a team; returns the id. Raises :class:`UsageError` when the name is taken or empty."""
        if not fold(name):
            raise UsageError("A team needs a name.")
        if await self.team(name) is not None:
            raise UsageError(f"There is a team '{name}' already; choose another name.")
        values = {"name": name, "name_folded": fold(name), "closing_logic": closing_logic}
        team_id = int(await self._value(insert(teams).values(values).returning(teams.c.id)))
        members = [{"team_id": team_id, "agent_id": agent_id} for agent_id in dict.fromkeys(member_ids)]
        if members:
            await self._connection.execute(insert(team_members), members)
        return team_id

    async def channels(self) -> list[Channel]:
        """Every channel, by name."""
        return [channel_row(row) for row in await _CHANNELS.rows(self._connection)]

    async def channel(self, name: str) -> Channel | None:
        """The channel of that name."""
        return await self._channel(channels.c.name_folded == fold(name))

    async def channel_by_id(self, channel_id: int) -> Channel | None:
        """The channel of that id."""
        return await self._channel(channels.c.id == channel_id)

    async def channel_by_path(self, webhook_path: str) -> Channel | None:
        """The channel at whose path the receiver listens; an empty path is nobody's."""
        return await self._channel(channels.c.webhook_path == webhook_path) if webhook_path else None

    async def add_channel(
        self,
        name: str,
        kind: ChannelKind,
        config: Mapping[str, str],
        policy_override: Mapping[str, Any],
        webhook_path: str,
    ) -> int:
        """Add a channel; returns the id. Raises :class:`UsageError` when the name is taken or empty."""
        if not fold(name):
            raise UsageError("A channel needs a name.")
        if await self.channel(name) is not None:
            raise UsageError(f"There is a channel '{name}' already; choose another name.")
        values = {
            "name": name,
            "name_folded": fold(name),
            "kind": kind,
            "config": dict(config),
            "policy_override": dict(policy_override),
            "webhook_path": webhook_path,
        }
        return int(await self._value(insert(channels).values(values).returning(channels.c.id)))

    async def update_channel(
        self,
        channel_id: int,
        *,
        config: Mapping[str, str] | None = None,
        policy_override: Mapping[str, Any] | None = None,
    ) -> None:
        """Replace the settings or the override; what is not given stays."""
        given = {"config": config, "policy_override": policy_override}
        values = {name: dict(value) for name, value in given.items() if value is not None}
        if values:
            await self._change_channel(channel_id, **values)

    async def pause_channel(self, channel_id: int, reason: str, until: datetime | None) -> None:
        """Stop sending on a channel until an instant, or (``None``) until an admin acts."""
        await self._change_channel(channel_id, paused_reason=reason, paused_until=until)

    async def resume_channel(self, channel_id: int) -> None:
        """Send again."""
        await self._change_channel(channel_id, paused_reason="", paused_until=None)

    async def saw_webhook(self, channel_id: int, at: datetime) -> None:
        """Note that the channel has called."""
        await self._change_channel(channel_id, last_webhook_at=at)

    async def templates(self, channel_id: int) -> list[Template]:
        """Every template of a channel, deleted ones included, by name and language."""
        statement = select(templates).where(templates.c.channel_id == channel_id)
        rows = await self._all(statement.order_by(templates.c.name, templates.c.language))
        return [_template(row) for row in rows]

    async def template(self, channel_id: int, name: str, language: str) -> Template | None:
        """One template, by its exact name and language."""
        row = await self._first(select(templates).where(_this_template(channel_id, name, language)))
        return None if row is None else _template(row)

    async def put_templates(self, channel_id: int, listed: Sequence[ListedTemplate], now: datetime) -> None:
        """Take over what a channel lists; what it no longer lists becomes :data:`DELETED`."""
        gone = update(templates).where(templates.c.channel_id == channel_id)
        await self._count(gone.values(status=DELETED, updated_at=now))
        for item in listed:
            facts = {
                "status": item.status,
                "category": item.category,
                "components": [dict(component) for component in item.components],
                "quality": item.quality,
                "named": item.named,
                "reason": item.reason,
                "updated_at": now,
            }
            key = {"channel_id": channel_id, "name": item.name, "language": item.language}
            statement = dialect.insert(self._connection, templates).values(**key, **facts)
            await self._count(statement.on_conflict_do_update(index_elements=list(key), set_=facts))

    async def set_template_status(
        self, channel_id: int, name: str, language: str, status: str, reason: str = ""
    ) -> None:
        """Note that the channel changed a template's status; one that is not known is left alone."""
        statement = update(templates).where(_this_template(channel_id, name, language))
        await self._count(statement.values(status=status, reason=reason))

    async def heartbeat(self, kind: str, worker: str, pid: int, now: datetime) -> None:
        """Note that a worker is alive."""
        statement = dialect.insert(self._connection, workers).values(
            worker=worker, kind=kind, pid=pid, started_at=now, beat_at=now
        )
        update_set = {"kind": kind, "pid": pid, "beat_at": now}
        await self._count(statement.on_conflict_do_update(index_elements=["worker"], set_=update_set))

    async def alive(self, kind: str, now: datetime, within: timedelta) -> bool:
        """Whether a worker of that kind has been heard of lately."""
        statement = select(workers.c.worker).where(workers.c.kind == kind, workers.c.beat_at > now - within).limit(1)
        return await self._first(statement) is not None

    async def retire(self, worker: str) -> None:
        """Forget a worker that ends."""
        await self._count(delete(workers).where(workers.c.worker == worker))

    async def _agent(self, condition: ColumnElement[bool]) -> Agent | None:
        row = await self._first(select(agents).where(condition))
        return None if row is None else _agent(row)

    async def _teams(self, condition: ColumnElement[bool] | None) -> list[Team]:
        statement = select(teams, team_members.c.agent_id).outerjoin(team_members).order_by(teams.c.name_folded)
        if condition is not None:
            statement = statement.where(condition)
        found: dict[int, Team] = {}
        for row in await self._all(statement.order_by(team_members.c.agent_id)):
            members = found[row.id].member_ids if row.id in found else ()
            members = members if row.agent_id is None else (*members, row.agent_id)
            found[row.id] = Team(row.id, row.name, row.closing_logic, members)
        return list(found.values())

    async def _channel(self, condition: ColumnElement[bool]) -> Channel | None:
        row = await self._first(select(*CHANNEL_COLUMNS).where(condition))
        return None if row is None else channel_row(row)

    async def _change_channel(self, channel_id: int, **values: Any) -> None:
        await self._count(update(channels).where(channels.c.id == channel_id).values(**values))


def _agent(row: AnyRow) -> Agent:
    return Agent(row.id, row.handle, row.name, Role(row.role), row.away)


def _template(row: AnyRow) -> Template:
    return Template(
        id=row.id,
        channel_id=row.channel_id,
        name=row.name,
        language=row.language,
        status=row.status,
        category=row.category,
        components=row.components,
        quality=row.quality,
        named=row.named,
        reason=row.reason,
    )


def _this_template(channel_id: int, name: str, language: str) -> ColumnElement[bool]:
    columns = templates.c
    return (columns.channel_id == channel_id) & (columns.name == name) & (columns.language == language)
