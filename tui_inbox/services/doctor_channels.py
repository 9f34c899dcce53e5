"""The check-up of channels: adapters, secrets, and, where asked for, whether each channel takes our credential."""

from __future__ import annotations

from collections.abc import Mapping

from tui_inbox.channels.port import ChannelAdapter, Secrets, poll_of
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
    unset = Check(name, State.WARNING, f"secrets are not set: {', '.join(missing)}")
    if not set(ADAPTERS[item.kind].required_secrets) <= set(sources):
        return unset
    try:
        adapter = _made(settings, item)
        if missing and poll_of(adapter) is None:  # a bot without the secret of its webhook is asked for news instead
            return unset
        if adapter.webhook_secrets and not adapter.receives and poll_of(adapter) is None:
            told = "writes but hears nothing: webhooks are signed for our address; set public_url under [serve]"
            return Check(name, State.WARNING, told)
        return await _asked(name, item, adapters) if adapters is not None else _described(name, item, sources)
    except InboxError as error:
        return Check(name, State.FAILED, str(error))


def _made(settings: Settings, item: Channel) -> ChannelAdapter:
    """The adapter as the processes make it, for what it tells of itself. Raises ``UsageError``."""
    from tui_inbox.channels.registry import build_adapter

    url = settings.serve.webhook_url(item.webhook_path or "")
    return build_adapter(item, Secrets(secrets_for(settings, item.name)), webhook_url=url)


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
