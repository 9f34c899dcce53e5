"""Agents, senders, the channel, clocks and deaths in any order over the real store; the invariants hold throughout.

``python -m tests.reliability model --size full`` makes it longer; such a run draws its own chances.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.services.machine import ACCEPTED, FAULT, NOTHING, REFUSED, SLOWLY, UNREACHED, Machine
from tests.support.sizes import size_of
from tui_inbox.domain.events import SendOutcome
from tui_inbox.domain.kinds import DeliveryState as S
from tui_inbox.domain.kinds import Receipt
from tui_inbox.services.invariants import violations

USUAL, EXAMPLES = 12, size_of("model", 12)
STEPS = 25 if EXAMPLES == USUAL else 100
T = TypeVar("T")

MESSAGES = ("m0", "m1")
HEARD = (
    (ACCEPTED, True),
    (NOTHING, True),
    (NOTHING, False),
    (FAULT, True),
    (FAULT, False),
    (REFUSED, False),
    (SLOWLY, False),
    (UNREACHED, False),
)
"""What a sender hears, and whether the message arrived."""

messages = st.sampled_from(MESSAGES)
workers = st.sampled_from(["w0", "w1"])
spans = st.sampled_from([1, 20, 61, 95, 95, 700, 90_000]).map(lambda seconds: timedelta(seconds=seconds))


class Sending(RuleBasedStateMachine):
    """Two senders, one customer, two messages, one channel that knows no keys."""

    keyed = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.runner = asyncio.Runner()
        self.queued: dict[str, Receipt] = {}
        self.turned_back = timedelta(0)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end."""
        return self.runner.run(work)

    @initialize()
    def build(self) -> None:
        """Two messages wait."""
        self.it = self.do(Machine.build(self.folder / "model.db", keyed=self.keyed, workers=2, contacts=1))
        for message_id in MESSAGES:
            self.do(self.it.queue(message_id))
            self.queued[message_id] = Receipt.NONE

    @rule(name=workers, heard=st.sampled_from(HEARD), dies=st.integers(0, 4).map(lambda chance: chance == 4))
    def sender_goes_on(self, name: str, heard: tuple[SendOutcome, bool], dies: bool) -> None:
        """Claim, guard, send or settle, whichever comes next; or death at this very point."""
        step = self.it.workers[name].step
        if step and dies:
            self.it.die(name)
        elif step == "started":
            self.it.send(name, heard[0], arrives=heard[1])
        elif step == "claimed" and heard[0] is UNREACHED:
            self.do(self.it.unreached(name))
        else:
            act = {"": self.it.claim, "claimed": self.it.start, "answered": self.it.settle}[step]
            self.do(act(name))

    @rule(name=workers, span=spans)
    def sender_dies_with_the_message_out(self, name: str, span: timedelta) -> None:
        """The step after which most can go wrong, taken often."""
        if not self.it.workers[name].step and self.do(self.it.claim(name)) and self.do(self.it.start(name)):
            self.it.send(name, NOTHING, arrives=True)
            self.it.die(name)
        self.pass_time(span, timedelta(0))

    @rule(span=spans, turn=st.sampled_from([0, 0, 0, 30, -30, 3600, -3600]))
    def time_passes(self, span: timedelta, turn: int) -> None:
        """And somebody may set the clock, by no more than an hour back in all: keys are kept by that clock."""
        back = timedelta(seconds=max(0, -turn))
        if self.turned_back + back <= timedelta(hours=1):
            self.turned_back += back
            self.pass_time(span, timedelta(seconds=turn))

    @rule(message_id=messages, receipt=st.sampled_from(list(Receipt)), echo=st.booleans(), number=st.integers(-1, 1))
    def channel_reports(self, message_id: str, receipt: Receipt, echo: bool, number: int) -> None:
        taken = self.it.provider.count(message_id)
        if taken:
            self.do(self.it.report(message_id, receipt, echo=echo, number=min(number, taken - 1)))

    @rule(message_id=messages, to=st.sampled_from([S.QUEUED, S.QUEUED, S.CANCELLED, S.SENT]))
    def agent_decides(self, message_id: str, to: S) -> None:
        if to is S.QUEUED or self.do(self.it.get(message_id)).attempts:
            self.do(self.it.decide(message_id, to))

    def pass_time(self, span: timedelta, turn: timedelta) -> None:
        """Some sender looks after the house meanwhile."""
        self.it.pass_time(span, wall=span + turn)
        self.do(self.it.expire())

    @invariant()
    def all_is_well(self) -> None:
        if not self.queued:
            return
        rows = [self.do(self.it.get(message_id)) for message_id in self.queued]
        self.it.check_truth(rows)
        assert self.do(violations(self.it.store, self.it.clock.now)) == []
        for row in rows:
            assert row.receipt >= self.queued[row.message_id], "a receipt fell"
            self.queued[row.message_id] = row.receipt

    def teardown(self) -> None:
        if self.queued:
            self.do(self.it.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)


class KeyedSending(Sending):
    """The same on a channel that honours our keys."""

    keyed = True


SIZE = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    derandomize=EXAMPLES == USUAL,
    suppress_health_check=list(HealthCheck),
)
TestSending, TestKeyedSending = Sending.TestCase, KeyedSending.TestCase
TestSending.settings = TestKeyedSending.settings = SIZE
