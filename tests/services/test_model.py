"""Agents, senders, the channel, clocks and deaths in any order over the real store; the invariants hold throughout.

``TUI_INBOX_MODEL`` makes it longer: ``EXAMPLESxSTEPS``, for example ``2000x100``; such a run draws its own chances.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.server.support.workspace import blank
from tests.services.machine import ACCEPTED, FAULT, NOTHING, REFUSED, SLOWLY, Machine
from tui_inbox.domain.kinds import DeliveryState as S
from tui_inbox.domain.kinds import Receipt
from tui_inbox.services.invariants import violations

EXAMPLES, STEPS = (int(part) for part in os.environ.get("TUI_INBOX_MODEL", "12x30").split("x"))
T = TypeVar("T")

messages = st.integers(0, 3).map(lambda number: f"m{number}")
workers = st.sampled_from(["w0", "w1", "w2"])
spans = st.sampled_from([1, 20, 40, 61, 95, 700, 3600, 90_000]).map(lambda seconds: timedelta(seconds=seconds))


class Sending(RuleBasedStateMachine):
    """Three senders, two customers, four messages, one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.runner = asyncio.Runner()
        self.queued: dict[str, Receipt] = {}
        self.turned_back = timedelta(0)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end."""
        return self.runner.run(work)

    @initialize(keyed=st.booleans())
    def build(self, keyed: bool) -> None:
        """A channel that honours keys, or one that does not."""
        shutil.copy(self.do(blank()), self.folder / "model.db")
        self.it = self.do(Machine.build(self.folder / "model.db", keyed=keyed, workers=3, contacts=2))
        self.write("m0")

    def write(self, message_id: str) -> None:
        """A message of an even number goes to one customer, of an odd one to the other."""
        self.do(self.it.queue(message_id, int(message_id[1:]) % 2))
        self.queued[message_id] = Receipt.NONE

    @rule(message_id=messages)
    def agent_writes(self, message_id: str) -> None:
        if message_id not in self.queued:
            self.write(message_id)

    @rule(name=workers)
    def sender_goes_on(self, name: str) -> None:
        """Claim, guard or settle, whichever comes next."""
        step = self.it.workers[name].step
        act = {"": self.it.claim, "claimed": self.it.start, "answered": self.it.settle}.get(step)
        if act is not None:
            self.do(act(name))

    @rule(name=workers, heard=st.sampled_from([ACCEPTED, NOTHING, FAULT, REFUSED, SLOWLY]), arrives=st.booleans())
    def channel_answers(self, name: str, heard: Any, arrives: bool) -> None:
        """Or does not; where it says no it has not taken the message, and where it says yes it has."""
        if self.it.workers[name].step == "started":
            took = {id(ACCEPTED): True, id(REFUSED): False, id(SLOWLY): False}.get(id(heard), arrives)
            self.it.send(name, heard, arrives=took)

    @rule(name=workers)
    def channel_is_out_of_reach(self, name: str) -> None:
        if self.it.workers[name].step == "claimed":
            self.do(self.it.unreached(name))

    @rule(name=workers)
    def sender_dies(self, name: str) -> None:
        self.it.die(name)

    @rule(span=spans)
    def time_passes(self, span: timedelta) -> None:
        self.it.pass_time(span)
        self.do(self.it.expire())

    @precondition(lambda self: self.turned_back < timedelta(hours=1))
    @rule(seconds=st.sampled_from([-3600, -30, 30, 3600]))
    def clock_is_set(self, seconds: int) -> None:
        self.turned_back += timedelta(seconds=max(0, -seconds))
        self.it.pass_time(timedelta(0), wall=timedelta(seconds=seconds))
        self.do(self.it.expire())

    @rule(message_id=messages, receipt=st.sampled_from(list(Receipt)), echo=st.booleans(), number=st.integers(-1, 1))
    def channel_reports(self, message_id: str, receipt: Receipt, echo: bool, number: int) -> None:
        taken = self.it.provider.count(message_id)
        if message_id in self.queued and taken:
            self.do(self.it.report(message_id, receipt, echo=echo, number=min(number, taken - 1)))

    @rule(message_id=messages, to=st.sampled_from([S.QUEUED, S.CANCELLED, S.SENT]))
    def agent_decides(self, message_id: str, to: S) -> None:
        if message_id in self.queued:
            self.do(self.it.decide(message_id, to))

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


TestSending = Sending.TestCase
TestSending.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    derandomize="TUI_INBOX_MODEL" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
