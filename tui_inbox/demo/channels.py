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


def demo_channels(seed: int, standin_base_url: str, mail_ports: tuple[int, int] = (0, 0)) -> tuple[DemoChannel, ...]:
    """Every channel, with the secrets that it shares with the stand-in at ``standin_base_url``.

    ``mail_ports``: where that one takes mail (SMTP) and hands it out (IMAP).
    """
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
    later = (
        _live(rng, base, ChannelKind.LINE, {}, {"token": _word(rng, 120), "app_secret": _word(rng, 32)}),
        _live(rng, base, ChannelKind.MESSENGER, {"page_id": "107841405822304"}, _meta(rng)),
        _live(rng, base, ChannelKind.VIBER, {"sender_name": "Northwind"}, {"token": _word(rng, 50)}),
        _live(rng, base, ChannelKind.SMS, _twilio(rng, "+15557830001"), {"token": _word(rng, 32)}),
        _live(rng, base, ChannelKind.WHATSAPP_TWILIO, _twilio(rng, "+15557830002"), {"token": _word(rng, 32)}),
        _live(
            rng,
            base,
            ChannelKind.WHATSAPP_360DIALOG,
            {"phone_number_id": "106540352242923"},
            {"token": _word(rng, 40), "webhook_secret": _word(rng, 32)},
        ),
        _live(
            rng,
            base,
            ChannelKind.WECHAT,
            {"app_id": "wx0a1b2c3d4e5f6a7b"},
            {"app_secret": _word(rng, 32), "verify_token": _word(rng, 24), "webhook_secret": _word(rng, 43)},
        ),
        _live(
            rng,
            base,
            ChannelKind.TIKTOK,
            {"business_id": "7100000000000000001", "client_key": "awdemo0123456789"},
            {"token": f"rft.{_word(rng, 60)}", "app_secret": _word(rng, 32)},
        ),
        _live(
            rng,
            base,
            ChannelKind.X,
            {"account_id": "1700000000000000001", "consumer_key": _word(rng, 25)},
            {"token": f"17-{_word(rng, 40)}", "token_secret": _word(rng, 45), "app_secret": _word(rng, 50)},
        ),
        _live(
            rng,
            base,
            ChannelKind.CUSTOM,
            {"channel_id": "northwind", "idempotent": "yes"},
            {"token": _word(rng, 40), "app_secret": _word(rng, 40), "webhook_secret": _word(rng, 40)},
        ),
        DemoChannel(
            "email", ChannelKind.EMAIL, live=True, config=_mailbox(mail_ports), secrets={"password": _word(rng, 24)}
        ),
        DemoChannel("webchat", ChannelKind.WEBCHAT, config={"title": "Northwind Outdoor"}, webhook_path=_word(rng, 24)),
    )
    others = {name: DemoChannel(name, kind) for name, kind in _OTHERS}
    return live + tuple((others | {channel.name: channel for channel in later}).values())


def _live(
    rng: random.Random, base: str, kind: ChannelKind, config: dict[str, str], secrets: dict[str, str]
) -> DemoChannel:
    """A channel named like its kind that a stand-in answers on."""
    settings = {"base_url": f"{base}/{kind.value}", **config}
    return DemoChannel(kind.value, kind, live=True, config=settings, secrets=secrets, webhook_path=_word(rng, 24))


def _mailbox(ports: tuple[int, int]) -> dict[str, str]:
    servers = {
        f"{name}_{key}": value
        for name, port in zip(("smtp", "imap"), ports, strict=True)
        for key, value in (("host", "127.0.0.1"), ("port", str(port)), ("security", "none"))
    }
    return {"address": "support@northwind.example", "from_name": "Northwind Outdoor", **servers}


def _twilio(rng: random.Random, number: str) -> dict[str, str]:
    return {"account_sid": f"AC{rng.getrandbits(128):032x}", "number": number}


def _meta(rng: random.Random) -> dict[str, str]:
    return {"token": f"EAA{_word(rng, 60)}", "app_secret": _word(rng, 32), "verify_token": _word(rng, 24)}


def _word(rng: random.Random, length: int) -> str:
    return "".join(rng.choice(_LETTERS) for _ in range(length))
