"""The registry of actions: complete, unambiguous, and really done by the screens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tui_inbox.actions import (
    ACTIONS,
    TOGETHER,
    Scope,
    check_keymap,
    clashes,
    first_sign,
    in_scope,
    key_sign,
    keys_of,
    signs_of,
)
from tui_inbox.domain.errors import UsageError
from tui_inbox.screens.conversation import ConversationScreen
from tui_inbox.screens.help import HelpScreen
from tui_inbox.screens.inbox import InboxScreen
from tui_inbox.screens.outbox import OutboxScreen
from tui_inbox.widgets.filter_sidebar import FilterSidebar
from tui_inbox.widgets.keys import bindings_for, sequences, single_keys
from tui_inbox.widgets.search_bar import SearchInput

DESIGN_KEYS = {
    "cursor_down": "j", "cursor_up": "k", "top": "gg", "bottom": "G", "half_down": "^d", "half_up": "^u",
    "open": "enter", "back": "esc", "search": "/", "mine": "1", "unassigned": "2", "all": "3",
    "status_open": "O", "status_closed": "C", "status_snoozed": "S", "status_any": "A", "filters": "f", "sort": "w",
    "write": "r", "template": "t", "note": "n", "close": "e", "snooze": "s", "assign": "a", "take": "i",
    "select": "x", "select_to": "V", "undo": "u", "repeat": ".", "next": "]", "previous": "[", "help": "?",
    "palette": "^p", "quit": "q", "send": "enter", "newline": "^j", "composer_template": "^t", "channel": "^o",
    "editor": "^e", "leave": "esc",
}  # fmt: skip
SCREENS = {
    InboxScreen: (Scope.GLOBAL, Scope.LIST, Scope.INBOX, Scope.CONTACT),
    ConversationScreen: (Scope.GLOBAL, Scope.LIST, Scope.CONVERSATION, Scope.CONTACT, Scope.MESSAGE),
    OutboxScreen: (Scope.GLOBAL, Scope.LIST, Scope.OUTBOX, Scope.MESSAGE),
    FilterSidebar: (Scope.LIST, Scope.FILTERS),
    SearchInput: (Scope.SEARCH,),
    HelpScreen: (Scope.LIST,),
}


def test_the_promised_keys_are_the_first_ones_of_their_actions() -> None:
    assert {action_id: first_sign(action_id) for action_id in DESIGN_KEYS} == DESIGN_KEYS


def test_no_key_means_two_things_at_the_same_moment() -> None:
    assert clashes() == ()


def test_a_clash_is_found() -> None:
    assert "the key e means both 'close' and 'snooze'" in clashes({"snooze": ("e",)})


def test_a_key_that_begins_a_sequence_cannot_mean_something_else() -> None:
    assert clashes({"note": ("g",)}) == ("the key g means both 'top' and 'note'",)


def test_every_scope_is_checked_for_clashes() -> None:
    assert frozenset().union(*TOGETHER) == frozenset(Scope)


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.id)
def test_every_action_explains_itself(action: object) -> None:
    known = ACTIONS[getattr(action, "id", "")]
    assert known.label
    assert known.help
    assert not known.help.endswith(".")
    assert known.keys or known.command, "neither a key nor the palette reaches it"


@pytest.mark.parametrize(("screen", "scopes"), SCREENS.items(), ids=lambda item: getattr(item, "__name__", ""))
def test_every_action_of_a_screen_is_done_by_it(screen: type, scopes: tuple[Scope, ...]) -> None:
    missing = [action.id for action in in_scope(*scopes) if not hasattr(screen, f"do_{action.id}")]
    assert missing == []


def test_bindings_carry_the_ids_by_which_the_settings_change_them() -> None:
    bound = {getattr(binding, "id", ""): getattr(binding, "key", "") for binding in bindings_for(Scope.LIST)}
    assert bound["cursor_down"] == "j,down"
    assert bound["top"] == "home", "a sequence is no binding"


def test_sequences_come_from_the_registry_and_the_settings() -> None:
    assert sequences((Scope.LIST,), {}) == {("g", "g"): "top"}
    assert sequences((Scope.LIST,), {"top": ("home",), "bottom": ("z b",)}) == {("z", "b"): "bottom"}


def test_a_keymap_changes_keys_and_signs() -> None:
    keymap = check_keymap({"close": ["ctrl+x"], "snooze": ["e", "f2"]})
    assert keys_of("close", keymap) == ("ctrl+x",)
    assert signs_of("snooze", keymap) == "e f2"
    assert single_keys(keymap) == {"close": "ctrl+x", "snooze": "e,f2"}


def test_an_unknown_action_in_the_settings_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown action 'clsoe'"):
        check_keymap({"clsoe": ["e"]})


def test_an_ambiguous_keymap_is_refused() -> None:
    with pytest.raises(UsageError, match="Give one of them another key"):
        check_keymap({"close": ["s"]})


@pytest.mark.parametrize(
    ("key", "sign"), [("ctrl+p", "^p"), ("g g", "gg"), ("question_mark", "?"), ("ctrl+slash", "^/"), ("f5", "f5")]
)
def test_keys_are_written_as_people_write_them(key: str, sign: str) -> None:
    assert key_sign(key) == sign


def test_actions_are_values() -> None:
    assert replace(ACTIONS["close"], label="x") != ACTIONS["close"]
