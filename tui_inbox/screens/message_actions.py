"""What is done to messages that are not through, from any screen: send again, settle as arrived, drop.

Runs an action on one message or on many, asks where it could reach a customer twice or cannot be taken back, and
answers with one sentence. Nothing uncertain is ever sent again unasked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from tui_inbox.domain.delivery import NEEDS_PERSON
from tui_inbox.domain.errors import ConflictError, InboxError
from tui_inbox.domain.kinds import DeliveryState
from tui_inbox.domain.outbox import OutboxItem
from tui_inbox.screens.base import ActionScreen
from tui_inbox.text import clean_line
from tui_inbox.widgets.work import begin

Step = Callable[[OutboxItem], Awaitable[object]]
GROUP = "message-action"
"""Worker group."""
FITTING = {
    "message_retry": (NEEDS_PERSON, "Only a failed, blocked or uncertain message can be tried again."),
    "message_arrived": (frozenset({DeliveryState.UNCERTAIN}), "Only an uncertain message can be settled by hand."),
    "message_drop": (
        NEEDS_PERSON | {DeliveryState.QUEUED},
        "Only a message that has not gone out can be dropped.",
    ),
}
"""States that an action is for, and what is said of any other."""


class MessageActions:
    """Runs actions for a screen."""

    IDS: ClassVar[frozenset[str]] = frozenset(FITTING)
    """Action ids that this class does."""

    def __init__(self, screen: ActionScreen[Any]) -> None:
        self._screen = screen

    def unavailable(self, action_id: str, items: Sequence[OutboxItem]) -> str | None:
        """Why an action cannot be done to any of these messages, in one sentence."""
        if not items:
            return "No message here needs a decision."
        states, told = FITTING[action_id]
        return None if any(item.state in states for item in items) else told

    def run(self, action_id: str, items: Sequence[OutboxItem], done: Callable[[str], object]) -> None:
        """Start an action in the background; ``done`` gets its sentence, empty when a dialog was left."""
        begin(self._screen, partial(self._run, action_id, tuple(items), done), GROUP)

    async def _run(self, action_id: str, items: Sequence[OutboxItem], done: Callable[[str], object]) -> None:
        states, _ = FITTING[action_id]
        fitting = [item for item in items if item.state in states]
        try:
            sentence = str(await getattr(self, f"_{action_id}")(fitting))
        except InboxError as error:
            self._screen.say(str(error), refused=True)
            return
        finally:
            self._screen.host.release_keys()
        if sentence:
            self._screen.host.store_changed()
        done(sentence)

    async def _message_retry(self, items: Sequence[OutboxItem]) -> str:
        uncertain = [item for item in items if item.state is DeliveryState.UNCERTAIN]
        if uncertain and not await self._sure("Send again", _twice(items, uncertain), "send again", items):
            return ""
        host = self._screen.host

        async def step(item: OutboxItem) -> object:
            confirmed = item.state is DeliveryState.UNCERTAIN
            return await host.services.sending.retry(host.agent, item.message_id, confirmed=confirmed)

        return await self._each(items, step, "Queued again.", "Queued again")

    async def _message_arrived(self, items: Sequence[OutboxItem]) -> str:
        told = f"{len(items)} uncertain messages are settled as sent; nobody looks after them any more. Did all arrive?"
        if len(items) > 1 and not await self._sure("They arrived", told, "all arrived", items):
            return ""
        host = self._screen.host

        async def step(item: OutboxItem) -> object:
            return await host.services.sending.settle_by_hand(host.agent, item.message_id, arrived=True)

        return await self._each(items, step, "Settled: it arrived.", "Settled as arrived")

    async def _message_drop(self, items: Sequence[OutboxItem]) -> str:
        told = f"{len(items)} messages are given up and not sent any more; their texts stay in the threads. Drop them?"
        if len(items) > 1 and not await self._sure("Drop", told, "drop all", items):
            return ""
        host = self._screen.host

        async def step(item: OutboxItem) -> object:
            if item.state is DeliveryState.UNCERTAIN:
                return await host.services.sending.settle_by_hand(host.agent, item.message_id, arrived=False)
            return await host.services.sending.cancel(host.agent, item.message_id)

        return await self._each(items, step, "Dropped; it is not sent any more.", "Dropped")

    async def _sure(self, title: str, question: str, yes: str, items: Sequence[OutboxItem]) -> bool:
        from tui_inbox.screens.dialogs.confirm import ConfirmDialog

        more = f" and {len(items) - 1} more" if len(items) > 1 else ""
        about = f"{clean_line(items[0].contact_name, 28)}{more}"
        dialog: Any = ConfirmDialog(title, question, yes=yes, about=about)
        return bool(await self._screen.app.push_screen_wait(dialog))

    async def _each(self, items: Sequence[OutboxItem], step: Step, one: str, word: str) -> str:
        """Do ``step`` to every message, one transaction each; one that refuses does not stop the others."""
        refusals: list[InboxError] = []
        for item in items:
            try:
                await step(item)
            except InboxError as error:
                refusals.append(error)
        if len(items) == 1:
            if refusals:
                raise refusals[0]
            return one
        done = len(items) - len(refusals)
        if not done:
            raise ConflictError(f"None of the {len(items)} was changed. The first: {refusals[0]}")
        told = f"{word}: {done} of {len(items)}."
        return f"{told} Not done: {len(refusals)}; the first: {refusals[0]}" if refusals else told


def _twice(items: Sequence[OutboxItem], uncertain: Sequence[OutboxItem]) -> str:
    """What sending again may do to the customers."""
    if len(items) == 1:
        return "It may have arrived: the customer may get it twice. Send it again?"
    those = "1 of them is uncertain and" if len(uncertain) == 1 else f"{len(uncertain)} of them are uncertain and"
    return f"{len(items)} messages are sent again. {those} may have arrived: customers may get them twice. Send all?"
