"""The check-up of channels: adapters, secrets, and, where asked for, whether each channel takes our credential."""

from __future__ import annotations

from collections.abc import Mapping

from tui_inbox.config import Settings, secret_sources, secrets_for, variable_for
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.models import Channel, ChannelHealth
from tui_inbox.domain.policy import DEFAULT_POLICIES
from tui_inbox.services.context import AdapterSource
from tui_inbox.services.doctor_finding import Check, State, clock


async def channel(settings: Settings, item: Channel, adapters: AdapterSource | None) -> Check:
    """One channel. With ``adapters`` it is asked as well; nothing is sent to customers."""
    from tui_inbox.channels.registry import ADAPTERS, secrets_of

    name = f"channel {item.name}"
    if item.kind not in ADAPTERS:
        retired = DEFAULT_POLICIES[item.kind].retired.rstrip(".")
        return Check(name, State.WARNING, f"{retired}: nothing is sent there")
    if item.paused_reason:
        told = f"paused: {item.paused_reason} When that is mended: tui-inbox channel test {item.name}"
        return Check(name, State.WARNING, told)
    sources = secret_sources(settings, item.name)
    missing = [variable_for(item.name, secret) for secret in secrets_of(item.kind) if secret not in sources]
    if missing:
        return Check(name, State.WARNING, f"secrets are not set: {', '.join(missing)}")
    try:
        if _deaf(settings, item):
            told = (
                "writes but hears nothing: its webhooks are signed for the public address; set public_url under [serve]"
            )
            return Check(name, State.WARNING, told)
        return await _asked(name, item, adapters) if adapters is not None else _described(name, item, sources)
    except InboxError as error:
        return Check(name, State.FAILED, str(error))


def _deaf(settings: Settings, item: Channel) -> bool:
    """Whether a channel, all of whose secrets are set, has no webhook all the same. Raises ``UsageError``."""
    from tui_inbox.channels.port import Secrets
    from tui_inbox.channels.registry import build_adapter

    url = settings.serve.webhook_url(item.webhook_path or "")
    adapter = build_adapter(item, Secrets(secrets_for(settings, item.name)), webhook_url=url)
    return bool(adapter.webhook_secrets) and not adapter.receives


def clock_of(item: Channel, health: ChannelHealth | None) -> list[Check]:
    """How far the channel's clock is from this machine's, as its last answers told."""
    if health is None or health.skew_at is None:
        return []
    return [clock(f"clock of {item.name}", health.skew)]


def _described(name: str, item: Channel, sources: Mapping[str, str]) -> Check:
    told = ", ".join(f"{secret} ({where})" for secret, where in sources.items())
    return Check(name, State.OK, f"{item.kind.value}; secrets: {told}")


async def _asked(name: str, item: Channel, adapters: AdapterSource) -> Check:
    answer = await adapters.get(item).check()
    return Check(name, State.OK if answer.ok else State.FAILED, f"{item.kind.value}; {answer.message}")
