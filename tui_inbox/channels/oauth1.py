"""OAuth 1.0a (RFC 5849): the ``Authorization`` header of a request without form fields. X's tokens of this kind
last."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlsplit


@dataclass(frozen=True)
class OAuth1:
    """The four keys of one account."""

    consumer_key: str
    consumer_secret: str = field(repr=False)
    token: str = field(repr=False)
    token_secret: str = field(repr=False)

    def header(self, method: str, url: str, *, nonce: str, timestamp: int) -> str:
        """Value of ``Authorization``; ``nonce`` must be new each time, ``timestamp`` is in seconds."""
        parameters = {
            "oauth_consumer_key": self.consumer_key,
            "oauth_nonce": nonce,
            "oauth_signature_method": "HMAC-SHA1",
            "oauth_timestamp": str(timestamp),
            "oauth_token": self.token,
            "oauth_version": "1.0",
        }
        signed = {**parameters, "oauth_signature": self.signature(method, url, parameters)}
        return "OAuth " + ", ".join(f'{_quoted(name)}="{_quoted(value)}"' for name, value in sorted(signed.items()))

    def signature(self, method: str, url: str, parameters: dict[str, str], *form: tuple[str, str]) -> str:
        """The signature over a request (RFC 5849, section 3.4); ``form`` are fields of a form, where it has one."""
        parts = urlsplit(url)
        pairs = [*parameters.items(), *parse_qsl(parts.query, keep_blank_values=True), *form]
        named = sorted((_quoted(name), _quoted(value)) for name, value in pairs)
        place = f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path}"
        base = "&".join((method.upper(), _quoted(place), _quoted("&".join("=".join(pair) for pair in named))))
        key = f"{_quoted(self.consumer_secret)}&{_quoted(self.token_secret)}"
        return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()).decode()


def _quoted(text: str) -> str:
    return quote(text, safe="~")
