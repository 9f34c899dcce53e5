"""Making adapters: what is missing or wrong is named, its value never."""

from __future__ import annotations

import pytest

from tests.channels.support import CONFIG, KINDS, TOKENS, adapter
from tui_inbox.channels.port import Secrets
from tui_inbox.channels.registry import ADAPTERS, build_adapter, secrets_of
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.kinds import ChannelKind
from tui_inbox.domain.models import Channel
from tui_inbox.domain.policy import DEFAULT_POLICIES


def build(kind: ChannelKind, config: dict[str, str], token: str = "good") -> None:
    build_adapter(Channel(1, "shop", kind, config), Secrets({"token": token} if token else {}))


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_adapter_tells_of_itself(kind: ChannelKind) -> None:
    made = adapter(kind)
    assert (made.kind, made.keyed) == (kind, kind is ChannelKind.LINE)
    assert made.body_maximum >= 1 << 20
    assert set(made.required_config) <= set(CONFIG[kind])
    assert set(made.webhook_secrets) < set(secrets_of(kind))
    assert made.webhook_secrets


def test_a_channel_whose_service_has_ended() -> None:
    with pytest.raises(UsageError, match=r"'shop' can't be connected: Google ended .* on 31 July 2024.*history"):
        build(ChannelKind.GOOGLE_BUSINESS, {})


def test_every_kind_has_an_adapter_or_has_ended() -> None:
    assert set(ADAPTERS) == {kind for kind in ChannelKind if not DEFAULT_POLICIES[kind].retired}


@pytest.mark.parametrize(
    ("kind", "missing"),
    [(ChannelKind.WHATSAPP, "phone_number_id"), (ChannelKind.INSTAGRAM, "account_id")],
)
def test_missing_settings(kind: ChannelKind, missing: str) -> None:
    config = {key: value for key, value in CONFIG[kind].items() if key != missing}
    with pytest.raises(UsageError, match=rf"'shop' has no {missing}.*Set"):
        build(kind, config)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("token", "told"), [("", "has no token"), (" ", "has no token"), ("canary 5\n", "blanks")])
def test_missing_or_broken_tokens(kind: ChannelKind, token: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        build(kind, CONFIG[kind], token=token)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["ftp://host", "host", "https://", "https://user:pw@host", "https://host?x=1", "http://[::1", "https://host:99999"],
)
def test_odd_addresses(url: str) -> None:
    with pytest.raises(UsageError, match="must look like https"):
        build(ChannelKind.TELEGRAM, {"base_url": url})


@pytest.mark.parametrize("url", ["http://example.com", "http://10.0.0.5:8080", "http://localhost.example.com"])
def test_a_token_does_not_travel_in_the_clear(url: str) -> None:
    with pytest.raises(UsageError, match="must begin with https"):
        build(ChannelKind.TELEGRAM, {"base_url": url})


@pytest.mark.parametrize("url", ["http://127.0.0.1:5/x/", "http://localhost:5", "http://[::1]:5", "https://h/x"])
def test_addresses_that_will_do(url: str) -> None:
    build(ChannelKind.TELEGRAM, {"base_url": url})


def test_secrets_are_not_printed() -> None:
    assert "canary" not in repr(Secrets({"token": "canary"}))
    made = adapter(ChannelKind.TELEGRAM)
    assert TOKENS[ChannelKind.TELEGRAM] not in repr(made)
