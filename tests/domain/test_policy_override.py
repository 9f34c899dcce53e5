"""An admin's override is laid over the default; nonsense is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.kinds import ChannelKind, Permission, WindowState
from tui_inbox.domain.policy import policy_for
from tui_inbox.domain.window import ChannelFacts, decide

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_custom_channel_gets_its_window_by_setting() -> None:
    policy = policy_for(ChannelKind.CUSTOM, {"window_seconds": 3600, "first_contact": "no", "text_limit": 500})
    facts = ChannelFacts(last_qualifying_at=NOW - timedelta(hours=1))
    assert decide(policy, facts, NOW - timedelta(seconds=1)).state is WindowState.OPEN
    assert decide(policy, facts, NOW).state is WindowState.BLOCKED
    assert decide(policy, ChannelFacts(), NOW).state is WindowState.BLOCKED
    assert policy.text_limit.maximum == 500


def test_the_human_agent_stage_can_be_switched_off_and_moved() -> None:
    day_two = ChannelFacts(last_qualifying_at=NOW - timedelta(days=2))
    off = policy_for(ChannelKind.INSTAGRAM, {"human_agent_until_seconds": None})
    assert decide(off, day_two, NOW).may_send == ()
    short = policy_for(ChannelKind.MESSENGER, {"human_agent_until_seconds": 86_400 * 3})
    assert decide(short, day_two, NOW).may_send == (Permission.HUMAN_AGENT, Permission.TEMPLATE)
    assert decide(short, day_two, NOW + timedelta(days=1)).may_send == (Permission.TEMPLATE,)


def test_what_is_allowed_after_closing_can_be_set() -> None:
    policy = policy_for(ChannelKind.WECHAT, {"after_close": ["template"]})
    facts = ChannelFacts(last_qualifying_at=NOW - timedelta(days=3))
    assert decide(policy, facts, NOW).may_send == (Permission.TEMPLATE,)
    whatsapp = policy_for(ChannelKind.WHATSAPP, {"after_close": []})
    assert decide(whatsapp, facts, NOW).may_send == ()


def test_a_window_can_be_taken_away() -> None:
    policy = policy_for(ChannelKind.WHATSAPP, {"window_seconds": None})
    facts = ChannelFacts(last_qualifying_at=NOW - timedelta(days=30))
    assert decide(policy, facts, NOW).state is WindowState.NONE


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ({"windw_seconds": 1}, "windw_seconds"),
        ({"window_seconds": "long"}, "window_seconds"),
        ({"window_seconds": True}, "window_seconds"),
        ({"window_seconds": -1}, "window_seconds"),
        ({"count_limit": "5"}, "count_limit"),
        ({"first_contact": "maybe"}, "first_contact"),
        ({"after_close": ["tag:ACCOUNT_UPDATE"]}, "after_close"),
        ({"after_close": "template"}, "after_close"),
    ],
)
def test_nonsense_is_refused_by_name(override: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        policy_for(ChannelKind.WHATSAPP, override)
