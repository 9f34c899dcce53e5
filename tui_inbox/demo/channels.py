"""The channels of the demo: those that a stand-in answers on, the website chat as it is, some for their policies."""

from __future__ import annotations

import random
import string

from tui_inbox.demo.model import DemoChannel
from tui_inbox.domain.kinds import ChannelKind

_OTHERS = (
    ("messenger", ChannelKind.MESSENGER),
    ("viber", ChannelKind.VIBER),
    ("line", ChannelKind.LINE),
    ("wechat", ChannelKind.WECHAT),
    ("tiktok", ChannelKind.TIKTOK),
    ("sms", ChannelKind.SMS),
    ("email", ChannelKind.EMAIL),
    ("webchat", ChannelKind.WEBCHAT),
    ("x", ChannelKind.X),
    ("google-business", ChannelKind.GOOGLE_BUSINESS),
)
_LETTERS = string.ascii_letters + string.digits


def demo_channels(seed: int, standin_base_url: str) -> tuple[DemoChannel, ...]:
    """Every channel, with the secrets that it shares with the stand-in at ``standin_base_url``."""
    rng = random.Random(seed)
    base = standin_base_url.rstrip("/")
    live = (
        DemoChannel(
            "telegram",
            ChannelKind.TELEGRAM,
            live=True,
            config={"base_url": f"{base}/telegram"},
            secrets={"token": f"110201543:{_word(rng, 35)}", "webhook_secret": _word(rng, 32)},
            webhook_path=_word(rng, 24),
        ),
        DemoChannel(
            "whatsapp",
            ChannelKind.WHATSAPP,
            live=True,
            config={"base_url": f"{base}/whatsapp", "phone_number_id": "106540352242922", "waba_id": "102290129340398"},
            secrets=_meta(rng),
            webhook_path=_word(rng, 24),
        ),
        DemoChannel(
            "instagram",
            ChannelKind.INSTAGRAM,
            live=True,
            config={"base_url": f"{base}/instagram", "account_id": "17841405822304914"},
            secrets=_meta(rng),
            webhook_path=_word(rng, 24),
        ),
    )
    line = DemoChannel(
        "line",
        ChannelKind.LINE,
        live=True,
        config={"base_url": f"{base}/line"},
        secrets={"token": _word(rng, 120), "app_secret": _word(rng, 32)},
        webhook_path=_word(rng, 24),
    )
    more = (line, *_more(rng, base))
    others = {name: DemoChannel(name, kind) for name, kind in _OTHERS}
    return live + tuple((others | {channel.name: channel for channel in more}).values())


def _more(rng: random.Random, base: str) -> tuple[DemoChannel, ...]:
    return (
        DemoChannel(
            "wechat",
            ChannelKind.WECHAT,
            live=True,
            config={"base_url": f"{base}/wechat", "app_id": "wx0a1b2c3d4e5f6a7b"},
            secrets={"app_secret": _word(rng, 32), "verify_token": _word(rng, 24), "webhook_secret": _word(rng, 43)},
            webhook_path=_word(rng, 24),
        ),
        DemoChannel(
            "tiktok",
            ChannelKind.TIKTOK,
            live=True,
            config={
                "base_url": f"{base}/tiktok",
                "business_id": "7100000000000000001",
                "client_key": "awdemo0123456789",
            },
            secrets={"token": f"rft.{_word(rng, 60)}", "app_secret": _word(rng, 32)},
            webhook_path=_word(rng, 24),
        ),
        DemoChannel(
            "x",
            ChannelKind.X,
            live=True,
            config={"base_url": f"{base}/x", "account_id": "1700000000000000001", "consumer_key": _word(rng, 25)},
            secrets={"token": f"17-{_word(rng, 40)}", "token_secret": _word(rng, 45), "app_secret": _word(rng, 50)},
            webhook_path=_word(rng, 24),
        ),
        DemoChannel(
            "webchat",
            ChannelKind.WEBCHAT,
            config={"title": "Northwind Outdoor"},
            webhook_path=_word(rng, 24),
        ),
    )


def _meta(rng: random.Random) -> dict[str, str]:
    return {"token": f"EAA{_word(rng, 60)}", "app_secret": _word(rng, 32), "verify_token": _word(rng, 24)}


def _word(rng: random.Random, length: int) -> str:
    return "".join(rng.choice(_LETTERS) for _ in range(length))
