"""How much strangers may do: buckets of tokens, one for each who asks, in bounded memory."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

KEPT = 10_000
"""Buckets kept; the one that was used longest ago is forgotten first, which at worst lets somebody begin anew."""


@dataclass
class Limit:
    """At most ``burst`` at once and ``per_minute`` in the long run, for each key."""

    per_minute: float
    burst: int
    clock: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, key: str) -> int:
        """Take one; 0 = taken, else the whole seconds to wait until there is one."""
        now = self.clock()
        left, at = self._buckets.pop(key, (float(self.burst), now))
        left = min(self.burst, left + (now - at) * self.per_minute / 60)
        wait = 0 if left >= 1 else max(1, math.ceil((1 - left) * 60 / self.per_minute))
        self._buckets[key] = (left if wait else left - 1, now)
        while len(self._buckets) > KEPT:
            self._buckets.popitem(last=False)
        return wait


@dataclass
class Limits:
    """What the website chat allows."""

    visitors: Limit = field(default_factory=lambda: Limit(per_minute=20, burst=20))
    """New visitors from one address; behind a proxy that is everybody."""
    messages: Limit = field(default_factory=lambda: Limit(per_minute=20, burst=10))
    """Messages of one visitor."""
    files: Limit = field(default_factory=lambda: Limit(per_minute=6, burst=5))
    """Files of one visitor."""
    questions: Limit = field(default_factory=lambda: Limit(per_minute=120, burst=30))
    """Streams opened and receipts sent by one visitor."""
    strangers: Limit = field(default_factory=lambda: Limit(per_minute=120, burst=60))
    """Unknown tokens from one address."""
    streams_of_visitor: int = 4
    streams: int = 128
    """Open at once; half of the server's connections, so that webhooks always get one."""
