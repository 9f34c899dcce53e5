"""``channel`` and ``agent``: who works here and on which accounts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from tui_inbox.cli.output import emit_json, emit_record, emit_rows, json_option, list_options
from tui_inbox.cli.session import FAILED, Session, common_options, tell
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.kinds import ChannelKind, Role

if TYPE_CHECKING:
    from tui_inbox.bootstrap import Services
    from tui_inbox.channels.port import ChannelCheck
    from tui_inbox.config import Settings
    from tui_inbox.domain.models import Agent, Channel
    from tui_inbox.domain.templates import Template

CHANNEL_COLUMNS = ("name", "kind", "webhook_url", "paused", "last_webhook_at")
TEMPLATE_COLUMNS = ("name", "language", "status", "category", "placeholders", "unavailable")


@click.group()
def channel() -> None:
    """Connected accounts."""


@channel.command("add")
@click.argument("name")
@click.option("--kind", type=click.Choice([kind.value for kind in ChannelKind]), required=True, help="What it is.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting that is no secret; repeatable.")
@click.option("--policy", "overrides", multiple=True, metavar="KEY=VALUE", help="Lay over the policy; repeatable.")
@click.option("--no-test", is_flag=True, help="Do not ask the channel whether the credential is good.")
@json_option
@common_options
@click.pass_obj
def add_channel(
    session: Session,
    name: str,
    kind: str,
    pairs: tuple[str, ...],
    overrides: tuple[str, ...],
    no_test: bool,
    as_json: bool,
) -> None:
    """Connect an account as channel NAME, and test its credential.

    At a terminal what is missing is asked for. Secrets go into the settings, a file or the environment, never into the
    database or onto the command line.
    """
    from tui_inbox.cli.connecting import ask_secrets, ask_settings, at_terminal, keep_secrets

    wanted, asks = ChannelKind(kind), at_terminal() and not as_json
    config = dict(_pair(pair, "--set") for pair in pairs)
    _refuse_secrets(config)
    policy = {key: _value(value) for key, value in (_pair(pair, "--policy") for pair in overrides)}
    if asks:
        config |= ask_settings(wanted, config)

    async def work(services: Services) -> tuple[Channel, Settings]:
        return await services.directory.add_channel(name, wanted, config, policy), services.settings

    added, settings = session.run(work, create=True)
    if asks:
        keep_secrets(settings.file, name, ask_secrets(wanted, _sources(added, settings)))
        settings = session.settings()
    secrets = _secrets(added, settings)
    check = None if no_test else _tested(session, added, settings)
    told = {} if check is None else {"ok": check.ok, "check": check.message}
    shown: Any = secrets if as_json else {item["name"]: item["source"] for item in secrets if item["set"]}
    emit_record({**_channel_record(added, settings), "secrets": shown, **told}, as_json=as_json)
    for secret in secrets:
        if not secret["set"]:
            tell(f"set {secret['name']}: in [channels.{name}] of the settings, or in {secret['variable']}")
    if check is not None and not check.ok:
        tell(f"{name} is connected, but does not work yet: {check.message}")


def _tested(session: Session, added: Channel, settings: Settings) -> ChannelCheck | None:
    """What the channel says of its credential; ``None`` as long as a secret is missing without which nothing goes."""
    from tui_inbox.channels.port import ChannelCheck
    from tui_inbox.channels.registry import ADAPTERS

    if not set(ADAPTERS[added.kind].required_secrets) <= set(_sources(added, settings)):
        return None
    try:
        return session.run(lambda services: services.directory.test_channel(added.name))
    except UsageError as error:
        return ChannelCheck(False, str(error))


def _sources(item: Channel, settings: Settings) -> Mapping[str, str]:
    from tui_inbox.config import secret_sources

    return secret_sources(settings, item.name)


@channel.command("list")
@list_options
@common_options
@click.pass_obj
def list_channels(session: Session, as_json: bool, as_csv: bool) -> None:
    """List the channels."""

    async def work(services: Services) -> tuple[list[Channel], Settings]:
        return await services.directory.channels(), services.settings

    channels, settings = session.run(work)
    emit_rows([_channel_record(item, settings) for item in channels], CHANNEL_COLUMNS, as_json=as_json, as_csv=as_csv)


@channel.command("test")
@click.argument("name")
@json_option
@common_options
@click.pass_obj
def test_channel(session: Session, name: str, as_json: bool) -> None:
    """Test the credential of a channel; nothing is sent to customers."""

    async def work(services: Services) -> ChannelCheck:
        return await services.directory.test_channel(name)

    check = session.run(work)
    if as_json:
        emit_json({"channel": name, "ok": check.ok, "message": check.message})
    elif check.ok:
        emit_record({}, as_json=False, sentence=check.message)
    if not check.ok:
        tell(check.message)
        raise click.exceptions.Exit(FAILED)


@channel.command()
@click.argument("name")
@click.option("--sync", is_flag=True, help="Fetch them from the channel first.")
@list_options
@common_options
@click.pass_obj
def templates(session: Session, name: str, sync: bool, as_json: bool, as_csv: bool) -> None:
    """List the templates of a channel."""

    async def work(services: Services) -> list[Template]:
        if sync:
            await services.directory.sync_templates(name)
        return await services.directory.templates((await services.directory.channel(name)).id)

    rows = [_template_record(item) for item in session.run(work)]
    emit_rows(rows, TEMPLATE_COLUMNS, as_json=as_json, as_csv=as_csv)
    if not rows and not sync:
        tell(f"No templates are known. Fetch them with: tui-inbox channel templates {name} --sync")


@click.group()
def agent() -> None:
    """People who answer customers."""


@agent.command("add")
@click.argument("handle")
@click.option("--name", default="", help="Full name.")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.AGENT.value, show_default=True)
@json_option
@common_options
@click.pass_obj
def add_agent(session: Session, handle: str, name: str, role: str, as_json: bool) -> None:
    """Add the agent HANDLE."""

    async def work(services: Services) -> Agent:
        return await services.directory.add_agent(handle, name, Role(role))

    emit_record(_agent_record(session.run(work, create=True)), as_json=as_json)


@agent.command("list")
@list_options
@common_options
@click.pass_obj
def list_agents(session: Session, as_json: bool, as_csv: bool) -> None:
    """List the agents."""

    async def work(services: Services) -> list[Agent]:
        return await services.directory.agents()

    rows = [_agent_record(item) for item in session.run(work)]
    emit_rows(rows, ("handle", "name", "role", "away"), as_json=as_json, as_csv=as_csv)


def _pair(text: str, option: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"'{text}' is not KEY=VALUE. Write for example {option} window_seconds=86400")
    return key.strip(), value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _refuse_secrets(config: dict[str, str]) -> None:
    from tui_inbox.config.models import SECRETS

    for name in SECRETS:
        if name in config:
            raise UsageError(
                f"{name} is a secret and is not kept in the database. Put it into the settings file (mode 0600) or the "
                "environment; flags are seen by everybody on this machine."
            )


def _secrets(item: Channel, settings: Settings) -> list[dict[str, Any]]:
    """The secrets that a channel of this kind needs, where each can be set, and whether it is."""
    from tui_inbox.channels.registry import secrets_of
    from tui_inbox.config import variable_for

    given = _sources(item, settings)
    return [
        {"name": name, "set": name in given, "source": given.get(name), "variable": variable_for(item.name, name)}
        for name in secrets_of(item.kind)
    ]


def _channel_record(item: Channel, settings: Settings) -> dict[str, Any]:
    serve = settings.serve
    place = "chat" if item.kind is ChannelKind.WEBCHAT else "hooks"
    path = f"/{place}/{item.webhook_path}" if item.webhook_path else None
    local = f"http://{serve.host}:{serve.port}{path}" if path else None
    return {
        "name": item.name,
        "kind": item.kind,
        "config": item.config,
        "policy_override": item.policy_override,
        "webhook_path": path,
        "webhook_url": serve.webhook_url(item.webhook_path or "", place) or local,
        "paused": item.paused_reason or None,
        "paused_until": item.paused_until,
        "last_webhook_at": item.last_webhook_at,
    }


def _template_record(item: Template) -> dict[str, Any]:
    from tui_inbox.domain.templates import placeholders

    return {
        "name": item.name,
        "language": item.language,
        "status": item.status,
        "category": item.category,
        "quality": item.quality,
        "placeholders": placeholders(item),
        "body": item.body,
        "unavailable": item.unavailable or None,
    }


def _agent_record(item: Agent) -> dict[str, Any]:
    return {"handle": item.handle, "name": item.name, "role": item.role, "away": item.away}
