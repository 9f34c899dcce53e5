"""Which kinds of channel have an adapter, and how one is made from a channel and its secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from tui_inbox.channels.custom import CustomAdapter
from tui_inbox.channels.email import EmailAdapter
from tui_inbox.channels.http import Http
from tui_inbox.channels.instagram import InstagramAdapter
from tui_inbox.channels.line import LineAdapter
from tui_inbox.channels.messenger import MessengerAdapter
from tui_inbox.channels.port import ChannelAdapter, Secrets
from tui_inbox.channels.sms import SmsAdapter
from tui_inbox.channels.telegram import TelegramAdapter
from tui_inbox.channels.tiktok import TikTokAdapter
from tui_inbox.channels.viber import ViberAdapter
from tui_inbox.channels.webchat import Mailbox, WebChatAdapter
from tui_inbox.channels.wechat import WeChatAdapter
from tui_inbox.channels.whatsapp import WhatsAppAdapter
from tui_inbox.channels.whatsapp_360dialog import WhatsApp360dialogAdapter
from tui_inbox.channels.whatsapp_twilio import WhatsAppTwilioAdapter
from tui_inbox.channels.x import XAdapter
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.kinds import ChannelKind
from tui_inbox.domain.models import Channel
from tui_inbox.domain.policy import DEFAULT_POLICIES

_ADAPTERS: Sequence[type[ChannelAdapter]] = (
    TelegramAdapter,
    WhatsAppAdapter,
    InstagramAdapter,
    LineAdapter,
    MessengerAdapter,
    SmsAdapter,
    WhatsAppTwilioAdapter,
    WhatsApp360dialogAdapter,
    ViberAdapter,
    WeChatAdapter,
    TikTokAdapter,
    XAdapter,
    EmailAdapter,
    CustomAdapter,
    WebChatAdapter,
)
ADAPTERS: Mapping[ChannelKind, type[ChannelAdapter]] = {adapter.kind: adapter for adapter in _ADAPTERS}
"""One adapter for every kind whose service has not ended."""


def secrets_of(kind: ChannelKind) -> Sequence[str]:
    """Names of every secret that a channel of this kind uses, those for sending first; empty without an adapter."""
    adapter = ADAPTERS.get(kind)
    return () if adapter is None else tuple(dict.fromkeys((*adapter.required_secrets, *adapter.webhook_secrets)))


def build_adapter(
    channel: Channel,
    secrets: Secrets,
    *,
    http: Http | None = None,
    webhook_url: str = "",
    mailbox: Mailbox | None = None,
) -> ChannelAdapter:
    """The adapter of ``channel``.

    ``webhook_url`` is the public address of its webhook, ``http`` is for tests, ``mailbox`` takes what goes to visitors
    of a website chat.

    Raises :class:`UsageError` that names what is missing or wrong and how to set it, never its value.
    """
    adapter = ADAPTERS.get(channel.kind)
    if adapter is None:
        retired = DEFAULT_POLICIES[channel.kind].retired
        raise UsageError(f"Channel '{channel.name}' can't be connected: {retired} Its history can be read.")
    for name in adapter.required_config:
        if not channel.config.get(name, "").strip():
            raise UsageError(
                f"Channel '{channel.name}' has no {name}. Set it with: {name}=… in the channel's settings."
            )
    for name in adapter.required_secrets:
        _check_secret(channel.name, name, secrets.get(name))
    config = {key: value.strip() for key, value in channel.config.items()}
    config["webhook_url"] = webhook_url
    config["base_url"] = _base_url(channel.name, config.get("base_url", ""))
    cleaned = Secrets({name: value.strip() for name, value in secrets.values.items()})
    made = adapter(config, cleaned, http or Http())
    if isinstance(made, WebChatAdapter) and mailbox is not None:
        made.deliver_into(channel.id, mailbox)
    return made


def _check_secret(channel: str, name: str, value: str) -> None:
    if not value.strip():
        raise UsageError(
            f"Channel '{channel}' has no {name}. Set {name} (or {name}_command) under [channels.{channel}] "
            "in the configuration file, or in its environment variable."
        )
    written = value.strip()
    # A password never travels in a header of HTTP, and may hold what people choose.
    if not (written.isprintable() if name == "password" else re.fullmatch(r"[!-~]+", written)):
        raise UsageError(f"The {name} of channel '{channel}' holds blanks or odd characters. Copy it again and set it.")


def _base_url(channel: str, value: str) -> str:
    """``value`` without its last slash; plain HTTP only to this machine, since the token travels with each request."""
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        raise UsageError(f"base_url of channel '{channel}' must look like https://host/path.")
    if parts.scheme == "http" and not _is_this_machine(host):
        raise UsageError(f"base_url of channel '{channel}' must begin with https://, since the token goes there.")
    return value.rstrip("/")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
