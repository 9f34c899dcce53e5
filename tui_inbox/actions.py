"""Every action of the screen, declared once: id, keys, label, help line, palette entry.

Bindings, hint bar, help screen and command palette are all made from this registry; nothing else names a key. Whether
an action is available at a moment, and if not why, is answered by the screen (``unavailable(action_id)``). No Textual
in here: the command line prints the same table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tui_inbox.domain.errors import UsageError


class Scope(StrEnum):
    """Where an action's keys are alive."""

    GLOBAL = "everywhere"
    LIST = "moving"
    """Motions; the same keys in the list, the thread and the sidebar."""
    INBOX = "inbox"
    SEARCH = "search"
    FILTERS = "filters"
    CONTACT = "contact"
    """Done to the contact under the cursor or on the screen, and in the inbox to all selected ones."""
    CONVERSATION = "conversation"
    MESSAGE = "message"
    """Done to a message that is not through: the one in question in a conversation, the chosen ones in the outbox."""
    OUTBOX = "outbox"
    COMPOSER = "composer"
    DIALOG = "dialog"


TOGETHER: tuple[frozenset[Scope], ...] = (
    frozenset({Scope.GLOBAL, Scope.LIST, Scope.INBOX, Scope.CONTACT}),
    frozenset({Scope.GLOBAL, Scope.LIST, Scope.CONVERSATION, Scope.CONTACT, Scope.MESSAGE}),
    frozenset({Scope.GLOBAL, Scope.LIST, Scope.OUTBOX, Scope.MESSAGE}),
    frozenset({Scope.SEARCH}),
    frozenset({Scope.FILTERS, Scope.LIST}),
    frozenset({Scope.COMPOSER}),
    frozenset({Scope.DIALOG}),
)
"""Scopes whose keys are alive at the same moment, so that a key may mean one thing only among them."""


@dataclass(frozen=True)
class Action:
    """One thing that a person can do."""

    id: str
    keys: tuple[str, ...]
    """Names as Textual spells them; two names with a blank between are pressed one after the other (``g g``)."""
    label: str
    """A word or two, for the hint bar."""
    help: str
    """One line without the final stop, for the help screen."""
    scope: Scope
    command: str = ""
    """Title in the command palette; empty = not offered there."""


_G, _L, _I = Scope.GLOBAL, Scope.LIST, Scope.INBOX
_S, _F = Scope.SEARCH, Scope.FILTERS
_T, _C, _W, _D = Scope.CONTACT, Scope.CONVERSATION, Scope.COMPOSER, Scope.DIALOG
_M, _O = Scope.MESSAGE, Scope.OUTBOX

_DECLARED = (
    Action("help", ("question_mark", "f1"), "help", "All keys, marks and what search can find", _G, "Help"),
    Action("palette", ("ctrl+p", "colon"), "commands", "Find a command by its name", _G),
    Action(
        "outbox", ("M",), "outbox", "Messages that are not through: uncertain, failed, blocked, queued", _G, "Outbox"
    ),
    Action("quit", ("q",), "quit", "Leave the program; drafts are kept", _G, "Quit"),
    Action("cursor_down", ("j", "down"), "down", "One down", _L),
    Action("cursor_up", ("k", "up"), "up", "One up", _L),
    Action("half_down", ("ctrl+d",), "½ page down", "Half a page down", _L),
    Action("half_up", ("ctrl+u",), "½ page up", "Half a page up", _L),
    Action("page_down", ("pagedown", "space"), "page down", "A page down", _L),
    Action("page_up", ("pageup",), "page up", "A page up", _L),
    Action("top", ("g g", "home"), "top", "To the first", _L),
    Action("bottom", ("G", "end"), "bottom", "To the last", _L),
    Action("open", ("enter", "l"), "open", "Open the conversation", _I, "Open the conversation"),
    Action("search", ("slash",), "search", "Search names, phones and emails as you type", _I, "Search"),
    Action("mine", ("1",), "mine", "Inbox: assigned to me", _I, "Inbox: Mine"),
    Action("unassigned", ("2",), "unassigned", "Inbox: nobody's", _I, "Inbox: Unassigned"),
    Action("all", ("3",), "all", "Inbox: everybody's", _I, "Inbox: All"),
    Action("status_open", ("O",), "open", "Show open conversations", _I, "Status: Open"),
    Action("status_closed", ("C",), "closed", "Show closed conversations", _I, "Status: Closed"),
    Action("status_snoozed", ("S",), "snoozed", "Show snoozed conversations", _I, "Status: Snoozed"),
    Action("status_any", ("A",), "any", "Show every contact, whatever the status", _I, "Status: Any"),
    Action("filters", ("f",), "filters", "Filter by team, channel, window, tag or assignee", _I, "Filters"),
    Action("clear_filters", ("F",), "clear", "Take all filters and the search away", _I, "Clear filters and search"),
    Action("sort", ("w",), "by window", "Sort by the end of the messaging window, and back", _I, "Sort by window end"),
    Action("sort_next", ("W",), "sort", "Next order: latest, oldest, window end, longest waiting", _I, "Next order"),
    Action("select", ("x",), "select", "Select or unselect; actions then mean all selected", _I, "Select"),
    Action("select_to", ("V",), "select to", "Select from the last selected one to here", _I, "Select to here"),
    Action("clear", ("escape",), "let go", "Let go of the selection, else of the search", _I),
    Action("search_done", ("enter", "down"), "to the list", "On to the list, keeping the search", _S),
    Action("search_end", ("escape",), "end the search", "Take the search away and go back to the list", _S),
    Action("choose", ("enter", "l"), "choose", "Set this filter, or take it away", _F),
    Action("filters_leave", ("escape", "h", "f"), "to the list", "Back to the list", _F),
    Action("write", ("r",), "write", "Write a message", _T, "Write a message"),
    Action("template", ("t",), "template", "Send a template", _T, "Send a template"),
    Action("note", ("n",), "note", "Add an internal note; it is never sent and reopens nothing", _T, "Add a note"),
    Action("close", ("e",), "close", "Close, with a closing note", _T, "Close the conversation"),
    Action("reopen", ("o",), "reopen", "Open again without writing", _T, "Open the conversation again"),
    Action("snooze", ("s",), "snooze", "Put aside until a time", _T, "Snooze"),
    Action("assign", ("a",), "assign", "Give to an agent, or to nobody", _T, "Assign"),
    Action("take", ("i",), "take", "Assign to me", _T, "Take: assign to me"),
    Action("undo", ("u",), "undo", "Take the last action or the message just sent back", _T, "Undo"),
    Action("repeat", ("full_stop",), "repeat", "Do the last close, snooze or assign again here", _T, "Repeat"),
    Action("block", (), "block", "Block the contact, or unblock it", _T, "Block or unblock the contact"),
    Action("back", ("escape", "h"), "back", "Back to where one came from", _C, "Back to the inbox"),
    Action("next", ("right_square_bracket",), "next", "Next conversation of the list", _C, "Next conversation"),
    Action("previous", ("left_square_bracket",), "previous", "Previous one", _C, "Previous conversation"),
    Action("view", ("v",), "whole message", "Read a long message to its end", _C, "Message: read it whole"),
    Action("file_open", ("f",), "open file", "Open the file of the chosen message, or the newest", _C, "File: open"),
    Action("file_save", ("F",), "save file", "Save the file of the chosen message, or the newest", _C, "File: save"),
    Action("message_next", ("N",), "next trouble", "The next message here that is not through", _C, "Message: next"),
    Action("message_details", ("T",), "attempts", "Every attempt to send it, and back", _C, "Message: attempts"),
    Action(
        "message_text", ("E",), "text back", "Drop it and take its text into the composer", _C, "Message: text back"
    ),
    Action("message_retry", ("R",), "try again", "Send a failed or uncertain message again", _M, "Message: try again"),
    Action("message_arrived", ("Y",), "it arrived", "Settle an uncertain message as sent", _M, "Message: it arrived"),
    Action("message_drop", ("D",), "drop", "Give a message that did not go out up", _M, "Message: drop"),
    Action("outbox_open", ("enter", "l"), "open", "Open the conversation at this message", _O, "Open the conversation"),
    Action("outbox_mine", ("1",), "mine", "Sent by me, or in a conversation of mine", _O, "Outbox: Mine"),
    Action("outbox_everybody", ("3",), "everybody", "Of all agents, for leads and admins", _O, "Outbox: Everybody"),
    Action("outbox_select", ("x",), "select", "Select or unselect; keys then mean all selected", _O, "Select"),
    Action("outbox_select_to", ("V",), "select to", "Select from the last selected one to here", _O, "Select to here"),
    Action("outbox_back", ("escape", "h"), "back", "Let go of the selection, else back", _O, "Back"),
    Action("send", ("enter",), "send", "Send", _W),
    Action("newline", ("ctrl+j", "shift+enter"), "new line", "Start a new line", _W),
    Action("composer_template", ("ctrl+t",), "template", "Choose a template; the text is kept", _W),
    Action("attach", ("ctrl+f",), "attach", "Attach a file; tab completes its path", _W, "File: attach"),
    Action("detach", ("ctrl+r",), "detach", "Take the file attached last away again", _W, "File: detach"),
    Action("channel", ("ctrl+o",), "channel", "Write on another channel of this contact", _W, "Change the channel"),
    Action("editor", ("ctrl+e",), "$EDITOR", "Write in your own editor", _W, "Write in $EDITOR"),
    Action("leave", ("escape",), "leave", "Leave the composer; the draft is kept", _W),
    Action("accept", ("enter",), "accept", "Do it", _D),
    Action("submit", ("ctrl+s",), "accept", "Do it, from any field", _D),
    Action("cancel", ("escape",), "cancel", "Go back; nothing is changed", _D),
)

ACTIONS: Mapping[str, Action] = {action.id: action for action in _DECLARED}
"""The registry, by id, in the order in which the help screen shows it."""

Keymap = Mapping[str, tuple[str, ...]]
"""Keys by action id, from the settings; ids that are missing keep their defaults."""

_KEY_SIGNS = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "full_stop": ".",
    "comma": ",",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
}


def in_scope(*scopes: Scope) -> tuple[Action, ...]:
    """The actions of the scopes, in the order of the registry."""
    return tuple(action for action in ACTIONS.values() if action.scope in scopes)


def keys_of(action_id: str, keymap: Keymap | None = None) -> tuple[str, ...]:
    """The keys of an action under a keymap."""
    return tuple((keymap or {}).get(action_id, ACTIONS[action_id].keys))


def key_sign(key: str) -> str:
    """A key as people write it: ``?`` for ``question_mark``, ``gg`` for ``g g``, ``^d`` for ``ctrl+d``."""
    if " " in key:
        return "".join(key_sign(part) for part in key.split())
    if key.startswith("ctrl+"):
        return "^" + key_sign(key.removeprefix("ctrl+"))
    return _KEY_SIGNS.get(key, key)


def signs_of(action_id: str, keymap: Keymap | None = None) -> str:
    """All keys of an action, as people write them; empty when it has none."""
    return " ".join(key_sign(key) for key in keys_of(action_id, keymap))


def first_sign(action_id: str, keymap: Keymap | None = None) -> str:
    """The first key of an action, as people write it; empty when it has none."""
    keys = keys_of(action_id, keymap)
    return key_sign(keys[0]) if keys else ""


def clashes(keymap: Keymap | None = None) -> tuple[str, ...]:
    """One sentence for every key that means two things at the same moment; empty when there is none."""
    found = []
    for scopes in TOGETHER:
        owners: dict[str, str] = {}
        for action in in_scope(*scopes):
            for key in keys_of(action.id, keymap):
                first = owners.setdefault(_key_pressed_first(key), action.id)
                if first != action.id:
                    found.append(f"the key {key_sign(key)} means both '{first}' and '{action.id}'")
    return tuple(dict.fromkeys(found))


def check_keymap(keys: Mapping[str, Iterable[str]]) -> Keymap:
    """The ``[keys]`` table of the settings as a keymap.

    Raises :class:`UsageError` for an unknown action and for a key that would mean two things.
    """
    unknown = sorted(set(keys) - set(ACTIONS))
    if unknown:
        raise UsageError(f"[keys] names an unknown action '{unknown[0]}'. The help screen (?) lists them all.")
    keymap = {action_id: tuple(chosen) for action_id, chosen in keys.items()}
    found = clashes(keymap)
    if found:
        raise UsageError(f"[keys] is ambiguous: {found[0]}. Give one of them another key.")
    return keymap


def _key_pressed_first(key: str) -> str:
    """What decides a clash: a sequence takes its first key for itself."""
    return key.split()[0] if key else key
