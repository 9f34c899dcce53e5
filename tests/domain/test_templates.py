"""Templates: placeholders, filling by plain replacement, validation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_inbox.domain.templates import Template, fill, placeholders, problems, render

COMPONENTS = (
    {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"},
    {"type": "BODY", "text": "Hi {{1}}, your order {{2}} is on its way."},
    {"type": "FOOTER", "text": "Reply STOP to opt out"},
    {
        "type": "BUTTONS",
        "buttons": [
            {"type": "URL", "text": "Track", "url": "https://t.example/{{1}}"},
            {"type": "QUICK_REPLY", "text": "Thanks"},
        ],
    },
)
VALUES = {"header.1": "A-17", "1": "Ada", "2": "A-17", "button0.1": "a17"}


def template(status: str = "APPROVED", components: tuple[dict[str, object], ...] = COMPONENTS) -> Template:  # type: ignore[assignment]  # literal table
    return Template(1, 1, "order_update", "en_US", status, "UTILITY", components)


def test_placeholders_in_reading_order() -> None:
    assert placeholders(template()) == ("header.1", "1", "2", "button0.1")


def test_rendering() -> None:
    assert render(template(), VALUES) == (
        "Order A-17\nHi Ada, your order A-17 is on its way.\nReply STOP to opt out\n[Track]  [Thanks]"
    )
    assert problems(template(), VALUES) == ()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({**VALUES, "2": ""}, "fill in {{2}}"),
        ({**VALUES, "2": " \n "}, "fill in {{2}}"),
        ({key: VALUES[key] for key in ("1", "2")}, "fill in {{header.1}}"),
        ({**VALUES, "3": "x"}, "3 is not a placeholder"),
        ({**VALUES, "2": "x" * 1024}, "longer than 1,024"),
        ({**VALUES, "header.1": "x" * 60}, "header is longer than 60"),
    ],
)
def test_what_the_channel_would_refuse_is_refused_here(values: dict[str, str], said: str) -> None:
    assert any(said in problem for problem in problems(template(), values))


@pytest.mark.parametrize("status", ["PENDING", "REJECTED", "PAUSED", "DISABLED", "DELETED", "IN_APPEAL"])
def test_only_approved_templates_can_be_sent(status: str) -> None:
    assert "only approved" in template(status).unavailable


def test_a_header_that_is_a_file_is_given_by_its_address() -> None:
    pictured = template(components=({"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Hi {{1}}"}))
    assert pictured.unavailable == ""
    assert placeholders(pictured) == ("media.image", "1")
    assert render(pictured, {"media.image": "https://shop.example/a.jpg", "1": "Ada"}) == "[image]\nHi Ada"
    assert problems(pictured, {"media.image": "https://shop.example/a.jpg", "1": "Ada"}) == ()
    assert problems(pictured, {"1": "Ada"}) == ("fill in {{media.image}}",)
    for wrong in ("http://shop.example/a.jpg", "a.jpg", "https://x", "https://shop.example/a b.jpg"):
        assert "begins with https" in problems(pictured, {"media.image": wrong, "1": "Ada"})[0]


def test_a_header_that_is_a_place_cannot_be_filled() -> None:
    assert "location" in template(components=({"type": "HEADER", "format": "LOCATION"},)).unavailable


def test_values_are_collapsed_to_one_line() -> None:
    assert fill("{{1}}", {"1": "a\n\tb   c"}) == "a b c"


@given(st.text(max_size=60))
def test_values_are_never_looked_into(value: str) -> None:
    """A customer's ``{{2}}`` or ``{0.__class__}`` comes out as typed."""
    assert fill("<{{1}}>", {"1": value, "2": "SECRET"}) == f"<{' '.join(value.split())}>"
