"""What every service is given: the store, the clock, the workspace's rules, a source of chance; and, for those that
talk to channels, where adapters come from."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tui_inbox.channels.port import ChannelAdapter
from tui_inbox.domain.clock import Clock, system_clock
from tui_inbox.domain.delivery import Timing
from tui_inbox.domain.lifecycle import WorkspaceRules
from tui_inbox.domain.models import Channel

if TYPE_CHECKING:  # screens use this module before the database layer is loaded
    from tui_inbox.repository.store import Store


@dataclass
class Context:
    """The surroundings of a use case."""

    store: Store
    clock: Clock = system_clock
    rules: WorkspaceRules = field(default_factory=WorkspaceRules)
    rng: random.Random = field(default_factory=random.Random)
    """Chance for back-off and jitter; never for secrets."""
    timing: Timing = field(default_factory=Timing)


class AdapterSource(Protocol):
    """Where services get the adapter of a channel."""

    def get(self, channel: Channel) -> ChannelAdapter:
        """The adapter of ``channel``; the same one each time. Raises ``UsageError`` when a secret is missing."""

    def former(self, channel: Channel) -> ChannelAdapter | None:
        """One with the secrets in force before they were changed, for webhooks on their way since; ``None`` where no
        former secret is told. Raises as :meth:`get` does."""
