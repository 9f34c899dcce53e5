"""What WhatsApp, Messenger and Instagram have in common: Meta's Graph API, its errors, its webhook handshake."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tui_inbox.channels import media, outcomes, payload
from tui_inbox.channels.http import FilePart, Http, HttpFailure, HttpReply
from tui_inbox.channels.outcomes import Rule
from tui_inbox.channels.port import (
    JSON_TYPES,
    ChannelCheck,
    Fetched,
    FirstByteGuard,
    PayloadError,
    Secrets,
    WebhookAnswer,
    WebhookRequest,
)
from tui_inbox.channels.signatures import meta_signed, same
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.events import OutcomeKind, SendOutcome

GRAPH = "https://graph.facebook.com"
API_VERSION = "v25.0"
BODY_MAXIMUM = 3 << 20
"""Bytes; Meta's stated maximum of a webhook body (reference: channels, section 2.6)."""
USAGE_HEADERS = ("x-business-use-case-usage", "x-app-usage")
SUBCODE_ANY = -1
"""In an error table: this subcode whatever the code."""


@dataclass(frozen=True)
class ErrorTable:
    """Error codes of one channel."""

    label: str
    codes: Mapping[int, Rule]
    pairs: Mapping[tuple[int, int], Rule]
    """By (code, subcode); code ``SUBCODE_ANY`` for any."""
    permission: Rule
    """For codes 200 to 299."""

    def rule(self, code: int, subcode: int | None) -> Rule | None:
        """What the error means; ``None`` when it is not known."""
        if subcode is not None:
            found = self.pairs.get((code, subcode)) or self.pairs.get((SUBCODE_ANY, subcode))
            if found is not None:
                return found
        return self.codes.get(code) or (self.permission if 200 <= code <= 299 else None)


@dataclass(frozen=True)
class GraphError:
    """The ``error`` object of an answer."""

    code: int
    subcode: int | None

    @property
    def name(self) -> str:
        """Code, with the subcode where there is one: ``131047``, ``10/2534022``."""
        return str(self.code) if self.subcode is None else f"{self.code}/{self.subcode}"


def graph_error(body: object) -> GraphError | None:
    """The error in an answer; ``None`` when there is none, or none with a number."""
    found = payload.mapping(payload.mapping(body).get("error"))
    code = payload.integer(found.get("code"))
    return None if code is None else GraphError(code, payload.integer(found.get("error_subcode")))


class Graph:
    """One account's access to the Graph API at ``base``. The token goes into ``headers``, never into the URL."""

    def __init__(self, label: str, base: str, headers: Mapping[str, str], http: Http) -> None:
        self.label = label
        self._base = base
        self._headers = headers
        self._http = http

    def url(self, node: str, edge: str = "", **query: str) -> str:
        """Address of a node or of one of its edges."""
        path = "/".join([self._base, quote(node, safe=""), *([edge] if edge else [])])
        return f"{path}?{urlencode(query)}" if query else path

    async def post(self, url: str, body: object, guard: FirstByteGuard) -> HttpReply | HttpFailure:
        """Post ``body``; raises only what the guard raises."""
        return await self._http.post_json(url, self._headers, body, guard)

    async def get(self, url: str) -> Mapping[str, Any]:
        """Read an object. Raises :class:`InboxError` with one sentence when there is none to be had."""
        reply = await self._http.get_json(url, self._headers)
        if isinstance(reply, HttpFailure):
            raise InboxError(f"{self.label} {reply.text}. Check the connection and base_url of this channel.")
        if reply.status == 200 and isinstance(reply.body, dict) and "error" not in reply.body:
            return reply.body
        raise InboxError(self._complaint(reply))

    def _complaint(self, reply: HttpReply) -> str:
        error = graph_error(reply.body)
        if reply.status == 401 or (error is not None and error.code in (0, 190)):
            return f"{self.label} refused the access token. Set a new one for this channel and test it again."
        told = f"error {error.name}" if error is not None else f"status {reply.status}"
        return f"{self.label} refused the question ({told}). Check the ids of this channel and the rights of its token."

    async def check(self, url: str, name: str, *fields: str) -> ChannelCheck:
        """Read a node; tell ``name`` and the first of ``fields`` that it has."""
        try:
            found = await self.get(url)
        except InboxError as error:
            return ChannelCheck(False, str(error))
        titles = [value for value in (payload.text(found.get(field)) for field in fields) if value]
        return ChannelCheck(True, f"{name}: {', '.join(titles) or 'the token is good'}.")

    async def post_file(self, url: str, fields: Mapping[str, str], file: FilePart) -> HttpReply | HttpFailure:
        """Post a form with a file."""
        return await self._http.post_parts(url, self._headers, fields, file)

    async def file(self, address: str, base: str, maximum: int) -> Fetched:
        """A file at an address that Meta gave; the servers at ``base`` see the token. Raises :class:`FetchError`."""
        return await media.download(self._http, self.label, address, maximum, base=base, headers=self._headers)

    def outcome(self, reply: HttpReply | HttpFailure, table: ErrorTable, provider_id: str) -> SendOutcome:
        """Outcome of a send; ``provider_id`` is what the answer holds, empty when it holds none."""
        if isinstance(reply, HttpFailure):
            return outcomes.from_failure(self.label, reply)
        return outcomes.with_skew(self._answered(reply, table, provider_id), reply)

    def _answered(self, reply: HttpReply, table: ErrorTable, provider_id: str) -> SendOutcome:
        error = graph_error(reply.body)
        if error is None and 200 <= reply.status < 300:
            return outcomes.accepted(self.label, provider_id, reply.status)
        wait = self._wait(reply)
        rule = None if error is None else table.rule(error.code, error.subcode)
        if error is None or rule is None:
            return outcomes.from_status(self.label, reply.status, wait, "" if error is None else error.name)
        retry = wait if rule.kind is OutcomeKind.RETRY else None
        return rule.outcome(error.name, reply.status, retry)

    def _wait(self, reply: HttpReply) -> float | None:
        waits = [self._http.retry_after(reply), *map(_regain_seconds, (reply.headers.get(h) for h in USAGE_HEADERS))]
        return max((wait for wait in waits if wait is not None), default=None)


class GraphChannel:
    """What every account at Meta itself does in the same words: its access, its webhook's proof and handshake."""

    label: str
    keyed: bool = False
    body_maximum: int = BODY_MAXIMUM
    required_secrets: Sequence[str] = ("token",)
    webhook_secrets: Sequence[str] = ("app_secret", "verify_token")
    webhook_types: frozenset[str] = JSON_TYPES
    webhook_answer: WebhookAnswer = WebhookAnswer()

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        base = f"{config.get('base_url', '') or GRAPH}/{quote(config.get('api_version', '') or API_VERSION)}"
        self._graph = Graph(self.label, base, {"Authorization": f"Bearer {secrets.get('token')}"}, http)
        self._base, self._http = base, http
        self._secrets = secrets

    @property
    def receives(self) -> bool:
        """Whether the app secret is set that webhooks are verified with."""
        return bool(self._secrets.get("app_secret"))

    def verify(self, request: WebhookRequest) -> bool:
        """Whether Meta signed the body with our app secret."""
        return meta_signed(self._secrets.get("app_secret"), request.body, request.headers)

    def handshake(self, request: WebhookRequest) -> str | None:
        """The challenge, when the verify token is ours (reference: channels, section 2.6)."""
        expected = self._secrets.get("verify_token")
        given = request.query.get("hub.verify_token", "")
        subscribes = request.query.get("hub.mode") == "subscribe"
        if not expected or not subscribes or not same(expected.encode(), given.encode("utf-8", "replace")):
            return None
        return request.query.get("hub.challenge")

    async def close(self) -> None:
        """Nothing is kept open."""


def _regain_seconds(header: str | None) -> float | None:
    """Longest ``estimated_time_to_regain_access`` (minutes) in a usage header, in seconds."""
    if not header:
        return None
    try:
        usage = payload.mapping(json.loads(header))
    except (ValueError, RecursionError):
        return None
    entries = [entry for value in usage.values() for entry in payload.mappings(value)]
    minutes = [payload.number(entry.get("estimated_time_to_regain_access")) for entry in [usage, *entries]]
    return max((60 * value for value in minutes if value), default=None)


def entries(body: bytes, kinds: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """The entries of a webhook body. Raises :class:`PayloadError` when it is not for one of ``kinds``."""
    document = payload.parse_mapping(body)
    kind = payload.text(document.get("object"))
    if kind not in kinds:
        raise PayloadError(f"the body is about '{kind[:40]}', not about {' or '.join(kinds)}")
    found = document.get("entry")
    if not isinstance(found, list):
        raise PayloadError("the body has no list of entries")
    return list(payload.mappings(found))
