"""Texts are counted in the unit that the channel counts in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_inbox.domain.kinds import ChannelKind
from tui_inbox.domain.limits import TextLimit, TextUnit, measure, sms_segments
from tui_inbox.domain.policy import DEFAULT_POLICIES

MIXED = "aé退👍"


@pytest.mark.parametrize(
    ("unit", "used"), [(TextUnit.CHARACTERS, 4), (TextUnit.UTF16, 5), (TextUnit.BYTES, 10), (TextUnit.SMS, 4)]
)
def test_units(unit: TextUnit, used: int) -> None:
    assert measure(MIXED, TextLimit(None, unit)).used == used


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 0),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("退" * 70, 1),
        ("退" * 71, 2),
        ("退" * 134, 2),
        ("退" * 135, 3),
        ("👍" * 35, 1),
        ("👍" * 36, 2),
        ("👍" * 67, 3),
    ],
)
def test_sms_segments(text: str, segments: int) -> None:
    assert sms_segments(text) == segments


@pytest.mark.parametrize(
    ("kind", "maximum", "unit"),
    [
        (ChannelKind.TELEGRAM, 4096, TextUnit.CHARACTERS),
        (ChannelKind.LINE, 5000, TextUnit.UTF16),
        (ChannelKind.WEBCHAT, 10_000, TextUnit.CHARACTERS),
        (ChannelKind.SMS, 1600, TextUnit.SMS),
        (ChannelKind.EMAIL, None, TextUnit.CHARACTERS),
        (ChannelKind.WHATSAPP, 4096, TextUnit.CHARACTERS),
        (ChannelKind.WHATSAPP_TWILIO, 1600, TextUnit.CHARACTERS),
        (ChannelKind.MESSENGER, 2000, TextUnit.CHARACTERS),
        (ChannelKind.INSTAGRAM, 1000, TextUnit.BYTES),
        (ChannelKind.VIBER, 7000, TextUnit.CHARACTERS),
        (ChannelKind.WECHAT, 2048, TextUnit.BYTES),
        (ChannelKind.TIKTOK, 6000, TextUnit.CHARACTERS),
        (ChannelKind.X, 10_000, TextUnit.CHARACTERS),
    ],
)
def test_limits_of_the_channels(kind: ChannelKind, maximum: int | None, unit: TextUnit) -> None:
    assert DEFAULT_POLICIES[kind].text_limit == TextLimit(maximum, unit)


def test_over_and_the_counter() -> None:
    told = measure("é" * 501, TextLimit(1000, TextUnit.BYTES))
    assert (told.used, told.over, told.describe()) == (1002, 2, "1,002/1,000 bytes")
    assert measure("a" * 170, TextLimit(1600, TextUnit.SMS)).describe() == "170/1,600 characters, 2 segments"


@given(st.text(max_size=400), st.text(max_size=40))
def test_more_text_never_needs_fewer_segments(text: str, more: str) -> None:
    assert sms_segments(text + more) >= sms_segments(text)
