"""From the registry of actions to Textual's bindings, and from a key press to the method that does it."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from tui_inbox.actions import ACTIONS, Keymap, Scope, in_scope, keys_of
from tui_inbox.domain.errors import InboxError


def bindings_for(*scopes: Scope, only: Collection[str] = ()) -> list[BindingType]:
    """Bindings of the scopes' actions, or of those in ``only`` alone; no scope named = all of them.

    The bindings' ids are the actions' ids, for the keymap.

    Sequences such as ``g g`` are no bindings: :class:`ActionTarget` watches for them.
    """
    wanted = [action for action in in_scope(*(scopes or tuple(Scope))) if not only or action.id in only]
    return [
        Binding(",".join(single), f"perform({action.id!r})", action.label, show=False, id=action.id)
        for action in wanted
        if (single := [key for key in action.keys if " " not in key])
    ]


def single_keys(keymap: Keymap) -> dict[str, str]:
    """A keymap in the form that ``App.set_keymap`` takes, sequences left out."""
    found = {}
    for action_id, keys in keymap.items():
        single = [key for key in keys if " " not in key]
        if single:
            found[action_id] = ",".join(single)
    return found


def sequences(scopes: Collection[Scope], keymap: Keymap) -> dict[tuple[str, str], str]:
    """Action ids by the two keys that are pressed one after the other."""
    found = {}
    for action in in_scope(*scopes):
        for key in keys_of(action.id, keymap):
            first, _, second = key.partition(" ")
            if second:
                found[first, second] = action.id
    return found


class ActionTarget:
    """A screen or widget whose actions are methods ``do_<action id>``, plain or async.

    A key whose action is not available right now says why instead of doing nothing, and an error made for people is
    told in the same place.
    """

    SEQUENCE_SCOPES: ClassVar[tuple[Scope, ...]] = ()
    """Scopes whose two-key sequences are watched for."""
    _pending_key: str = ""

    def unavailable(self, action_id: str) -> str | None:
        """Why the action can't be done right now, in one sentence; ``None`` when it can."""
        return None

    def say(self, sentence: str, *, refused: bool = False) -> None:
        """Tell the person something. ``refused``: it was not done."""
        raise NotImplementedError

    @property
    def keymap(self) -> Keymap:
        """Keys that the settings change."""
        return {}

    async def action_perform(self, action_id: str) -> None:
        """What every binding calls."""
        await self.perform(action_id)

    async def perform(self, action_id: str) -> None:
        """Do an action, or say why not."""
        reason = self.unavailable(action_id)
        if reason:
            self.say(reason, refused=True)
            return
        method = getattr(self, f"do_{action_id}", None)
        if method is None:
            self.say(f"{ACTIONS[action_id].label.capitalize()} is not possible here.", refused=True)
            return
        try:
            result = method()
            if inspect.isawaitable(result):
                await result
        except InboxError as error:
            self.say(str(error), refused=True)

    async def watch_sequence(self, event: events.Key) -> bool:
        """Take a key that belongs to a sequence such as ``g g``; returns whether it does."""
        known = sequences(self.SEQUENCE_SCOPES, self.keymap)
        before, self._pending_key = self._pending_key, ""
        action_id = known.get((before, event.key))
        if action_id is None and not any(first == event.key for first, _ in known):
            return False
        event.stop()
        event.prevent_default()
        if action_id is not None:
            await self.perform(action_id)
        else:
            self._pending_key = event.key
        return True
