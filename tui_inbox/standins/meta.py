"""What the stand-ins of WhatsApp and Instagram share: Meta's errors, tokens, bodies and signatures."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from tui_inbox.channels.signatures import meta_signature
from tui_inbox.standins.platform import Answer, Call, RefusedError
from tui_inbox.standins.state import ChannelState, Fault

PATH = re.compile(r"/(v[0-9]{1,3}\.[0-9])/([A-Za-z0-9_.-]+)(?:/([a-z_]+))?")
TITLES = {
    4: "Application request limit reached",
    190: "Invalid OAuth access token - Cannot parse access token",
    130429: "Rate limit hit",
    131000: "Something went wrong",
    131026: "Message undeliverable",
    131047: "Re-engagement message",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
    132000: "Number of parameters does not match the expected number of params",
    132001: "Template name does not exist in the translation",
}
"""Titles of errors as Meta words them; others get a general one."""
STATUS = {190: 401, 0: 401, 10: 403, 3: 403, 131005: 403, 368: 403, 131031: 403, 132001: 404, 131000: 500, 131016: 500}
"""HTTP statuses other than 400."""
SERVER_CODES = {1: 500, 2: 503, 131057: 500, 1200: 500}


def error(
    code: int, details: str = "", *, subcode: int | None = None, product: str = "", status: int | None = None
) -> Answer:
    """Meta's error answer (reference: channels, sections 2.5 and 4.5)."""
    body: dict[str, Any] = {
        "message": f"(#{code}) {TITLES.get(code, details or 'An error occurred')}",
        "type": "OAuthException",
        "code": code,
        "fbtrace_id": secrets.token_urlsafe(8),
    }
    if subcode is not None:
        body["error_subcode"] = subcode
    if product:
        body["error_data"] = {"messaging_product": product, "details": details or TITLES.get(code, "")}
    found = status or STATUS.get(code) or SERVER_CODES.get(code, 400)
    return Answer(found, {"error": body})


def failure(fault: Fault, product: str) -> Answer:
    """A fault in Meta's shape; a wait is told by the usage header, since Meta sends no ``Retry-After``."""
    answer = error(fault.code, fault.description, subcode=fault.subcode, product=product)
    if fault.retry_after is None:
        return answer
    usage = {"1": [{"type": "messaging", "estimated_time_to_regain_access": fault.retry_after / 60}]}
    return Answer(answer.status, answer.body, {"X-Business-Use-Case-Usage": json.dumps(usage)})


def node(call: Call, known: Mapping[str, str]) -> tuple[str, str]:
    """Node id and edge of the path. Raises :class:`RefusedError` for a path or an id that does not exist."""
    found = PATH.fullmatch(call.path)
    if found is None:
        raise RefusedError(error(2500, "Unknown path components", status=400))
    if found[2] not in known.values():
        told = f"Unsupported {call.method.lower()} request. Object with ID '{found[2]}' does not exist"
        raise RefusedError(error(100, told, subcode=33))
    return found[2], found[3] or ""


def authorise(call: Call, state: ChannelState) -> None:
    """The token must come in the header and be ours."""
    if "access_token" in call.query:
        raise RefusedError(error(100, "The access token must not be part of the address."))
    if call.headers.get("authorization", "") != f"Bearer {state.config.token}":
        raise RefusedError(error(190))


def json_body(call: Call, refuse: Callable[[str], RefusedError]) -> dict[str, Any]:
    """The request's JSON object."""
    if call.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise refuse("The body must be of type application/json.")
    try:
        body = json.loads(call.body)
    except ValueError as problem:
        raise refuse("The body is not valid JSON.") from problem
    if not isinstance(body, dict):
        raise refuse("The body must be a JSON object.")
    return body


def sign(state: ChannelState, body: bytes) -> dict[str, str]:
    """Headers of a webhook."""
    return {"Content-Type": "application/json", "X-Hub-Signature-256": meta_signature(state.config.app_secret, body)}


def encode(body: Mapping[str, Any]) -> bytes:
    """JSON as Meta writes it: non-ASCII as lower-case escapes, slashes escaped; the signature covers these bytes."""
    return json.dumps(body, separators=(",", ":"), default=str).replace("/", "\\/").encode("ascii")
