"""Webhook signatures: computing and checking, in constant time, on bytes.

An unset secret refuses everything. Nothing here raises for whatever a stranger may send.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping

META_HEADER = "x-hub-signature-256"
LINE_HEADER = "x-line-signature"
TWILIO_HEADER = "x-twilio-signature"
VIBER_HEADER = "x-viber-content-signature"
BEARER_HEADER = "authorization"
TELEGRAM_HEADER = "x-telegram-bot-api-secret-token"
TIKTOK_HEADER = "tiktok-signature"
X_HEADER = "x-twitter-webhooks-signature"
CUSTOM_HEADER = "x-inbox-signature-256"
STALE_SECONDS = 300
"""Seconds by which the time in a signature may differ from ours; a longer difference is a replay."""


def meta_signature(app_secret: str, body: bytes) -> str:
    """Value of ``X-Hub-Signature-256`` for ``body`` (reference: channels, section 17.3)."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def meta_signed(app_secret: str, body: bytes, headers: Mapping[str, bytes]) -> bool:
    """Whether WhatsApp, Messenger or Instagram signed ``body``, which must be the bytes as received."""
    given = headers.get(META_HEADER)
    return bool(app_secret) and given is not None and same(meta_signature(app_secret, body).encode(), given)


def line_signature(channel_secret: str, body: bytes) -> str:
    """Value of ``X-Line-Signature`` for ``body`` (reference: channels, section 17.3)."""
    return base64.b64encode(hmac.new(channel_secret.encode(), body, hashlib.sha256).digest()).decode()


def line_signed(channel_secret: str, body: bytes, headers: Mapping[str, bytes]) -> bool:
    """Whether LINE signed ``body``, which must be the bytes as received. The written form counts."""
    given = headers.get(LINE_HEADER)
    return bool(channel_secret) and given is not None and same(line_signature(channel_secret, body).encode(), given)


def twilio_signature(auth_token: str, url: str, form: Iterable[tuple[str, str]]) -> str:
    """Value of ``X-Twilio-Signature`` for a form posted to ``url`` (reference: channels, section 9.1).

    Fields are sorted by name, those of one name by value; empty values count, and a field that comes twice with the
    same value counts once.
    """
    signed = url + "".join(name + value for name, value in sorted(set(form)))
    return base64.b64encode(
        hmac.new(auth_token.encode(), signed.encode("utf-8", "replace"), hashlib.sha1).digest()
    ).decode()


def twilio_signed(auth_token: str, url: str, form: Iterable[tuple[str, str]], headers: Mapping[str, bytes]) -> bool:
    """Whether Twilio signed a form for ``url``, which must be the public address as Twilio was told it."""
    given = headers.get(TWILIO_HEADER)
    if not auth_token or not url or given is None:
        return False
    return same(twilio_signature(auth_token, url, form).encode(), given)


def viber_signature(auth_token: str, body: bytes) -> str:
    """Value of ``X-Viber-Content-Signature`` for ``body`` (reference: channels, section 17.3)."""
    return hmac.new(auth_token.encode(), body, hashlib.sha256).hexdigest()


def viber_signed(auth_token: str, body: bytes, headers: Mapping[str, bytes]) -> bool:
    """Whether Viber signed ``body``, which must be the bytes as received."""
    given = headers.get(VIBER_HEADER)
    return bool(auth_token) and given is not None and same(viber_signature(auth_token, body).encode(), given)


def bearer_shown(secret: str, headers: Mapping[str, bytes]) -> bool:
    """Whether the request shows ``secret`` as a bearer token: a shared secret, which says nothing of the body."""
    given = headers.get(BEARER_HEADER)
    return bool(secret) and given is not None and same(f"Bearer {secret}".encode(), given)


def telegram_signed(webhook_secret: str, headers: Mapping[str, bytes]) -> bool:
    """Whether Telegram sent the request: a shared secret, which says nothing of the body."""
    given = headers.get(TELEGRAM_HEADER)
    return bool(webhook_secret) and given is not None and same(webhook_secret.encode(), given)


def tiktok_signature(app_secret: str, timestamp: str, body: bytes) -> str:
    """Value of ``TikTok-Signature`` for ``body`` at ``timestamp`` (digits of a second; reference: channels, 17.3)."""
    mac = hmac.new(app_secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"t={timestamp},s={mac.hexdigest()}"


def tiktok_signed(app_secret: str, body: bytes, headers: Mapping[str, bytes], now: float) -> bool:
    """Whether TikTok signed ``body`` within :data:`STALE_SECONDS` of ``now`` (seconds since 1970)."""
    given = headers.get(TIKTOK_HEADER, b"")
    stated, comma, _ = given.partition(b",")
    seconds = stated.removeprefix(b"t=")
    if not (app_secret and comma and stated.startswith(b"t=") and fresh(seconds, now)):
        return False
    return same(tiktok_signature(app_secret, seconds.decode("ascii"), body).encode(), given)


def x_signature(consumer_secret: str, content: bytes) -> str:
    """Value of ``x-twitter-webhooks-signature`` for a body, and the answer to a ``crc_token``."""
    return "sha256=" + base64.b64encode(hmac.new(consumer_secret.encode(), content, hashlib.sha256).digest()).decode()


def x_signed(consumer_secret: str, body: bytes, headers: Mapping[str, bytes]) -> bool:
    """Whether X signed ``body``, which must be the bytes as received."""
    given = headers.get(X_HEADER)
    return bool(consumer_secret) and given is not None and same(x_signature(consumer_secret, body).encode(), given)


def wechat_signature(token: str, *parts: str) -> str:
    """``signature`` over timestamp and nonce, or ``msg_signature`` over these and the cipher text: sorted as bytes."""
    return hashlib.sha1(b"".join(sorted(part.encode("utf-8", "replace") for part in (token, *parts)))).hexdigest()


def wechat_signed(token: str, given: str, timestamp: str, *parts: str, now: float) -> bool:
    """Whether WeChat, which knows ``token``, signed ``timestamp`` and ``parts`` near ``now`` (seconds since 1970)."""
    if not token or not fresh(timestamp.encode("utf-8", "replace"), now):
        return False
    return same(wechat_signature(token, timestamp, *parts).encode(), given.encode("utf-8", "replace"))


def custom_signature(secret: str, body: bytes) -> str:
    """Value of ``X-Inbox-Signature-256``, both ways, of our own protocol."""
    return meta_signature(secret, body)


def custom_signed(secret: str, body: bytes, headers: Mapping[str, bytes]) -> bool:
    """Whether the system behind a custom channel signed ``body``."""
    given = headers.get(CUSTOM_HEADER)
    return bool(secret) and given is not None and same(custom_signature(secret, body).encode(), given)


def fresh(timestamp: bytes, now: float) -> bool:
    """Whether ``timestamp`` (digits of a second) is near ``now``."""
    return 0 < len(timestamp) <= 12 and timestamp.isdigit() and abs(now - int(timestamp)) <= STALE_SECONDS


def same(expected: bytes, given: bytes) -> bool:
    """Comparison whose time does not tell where the two differ. On bytes, since on text it raises for non-ASCII."""
    return hmac.compare_digest(expected, given)
