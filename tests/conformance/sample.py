"""What the checks must know of one channel: an account, a customer, what it can answer, what it lacks and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tui_inbox.channels.http import Http
from tui_inbox.channels.port import ChannelAdapter, Secrets, WebhookRequest
from tui_inbox.channels.registry import build_adapter
from tui_inbox.domain.clock import Clock
from tui_inbox.domain.kinds import ChannelKind, ErrorClass
from tui_inbox.domain.models import Channel
from tui_inbox.domain.templates import TemplateContent
from tui_inbox.standins.config import TemplateConfig

PUBLIC_URL = "https://inbox.example"
"""Under which the channels know our receiver."""
PATH = "path-main"
Fault = Mapping[str, Any]
"""Fields of a fault of the stand-in; the kind is ``error`` where none is given, ``late`` for a later report.

With ``"sends": "template"`` it is a template that meets it."""


@dataclass(frozen=True)
class Posted:
    """One webhook."""

    query: str
    headers: Mapping[str, bytes]
    """Lower-case names."""
    body: bytes

    def request(self) -> WebhookRequest:
        """As an adapter sees it."""
        return WebhookRequest("POST", dict(parse_qsl(self.query)), self.headers, self.body)


@dataclass(frozen=True)
class Sample:
    """One channel. ``lacks`` has a reason for every check that the channel itself makes impossible."""

    kind: ChannelKind
    address: str
    stranger: str
    """Address of a customer whom the channel does not know yet, as its webhooks give it."""
    secrets: Mapping[str, str]
    errors: dict[ErrorClass, Sequence[Fault]]
    """What the channel answers, or reports later, for each class of the reference (channels, section 17.1)."""
    longest: str
    """A text of exactly the channel's limit, in characters that show what it counts; empty where it has none."""
    lacks: Mapping[str, str]
    success: Callable[[str], Any]
    """Body of the answer to a message that was taken under this id (digits)."""
    text_in: Callable[[bytes], str]
    """The text in the body of a request."""
    config: Mapping[str, str] = field(default_factory=dict)
    signature_headers: Sequence[str] = ()
    """Headers, in lower case, that prove where a webhook is from."""
    signature_query: Sequence[str] = ()
    """Parameters of the address that prove it."""
    signs_body: bool = True
    """Whether the proof covers the body."""
    tells_name: bool = True
    """Whether a webhook has the customer's name."""
    tells_time: bool = True
    """Whether a webhook has the time of what it tells."""
    brings_files: bool = False
    """Whether a customer's file comes along with its message, and need not be fetched."""
    late_failure: Fault | None = None
    """A failure that the channel reports after it took the message."""
    ok_is_enough: bool = True
    """Whether HTTP 200 alone says that a message was taken."""
    templates: Sequence[TemplateConfig] = ()
    template: TemplateContent | None = None
    """One of ``templates``, filled."""
    pictured: TemplateContent | None = None
    """Another, whose header is a picture; ``None`` where there are none."""
    handshake: Mapping[str, str] = field(default_factory=dict)
    """Query of a subscription; its answer is under ``expected``."""

    @property
    def webhook_url(self) -> str:
        """Where the channel posts to, as it knows it."""
        return f"{PUBLIC_URL}/hooks/{PATH}"

    def adapter(
        self, base_url: str = "", *, clock: Clock | None = None, more: Mapping[str, str] | None = None, **secrets: str
    ) -> ChannelAdapter:
        """An adapter with complete settings and ``more``, some secrets replaced; ``clock`` = by default the
        machine's."""
        told = {**self.config, **(more or {}), **({"base_url": base_url} if base_url else {})}
        channel = Channel(1, "main", self.kind, told)
        http = None if clock is None else Http(clock=clock)
        return build_adapter(channel, Secrets({**self.secrets, **secrets}), http=http, webhook_url=self.webhook_url)
