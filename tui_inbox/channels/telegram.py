"""Telegram Bot API: sending, checking (reference: channels, section 10). Webhooks: ``telegram_events``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from tui_inbox.channels import media, outcomes, payload, telegram_events
from tui_inbox.channels.http import FilePart, Http, HttpFailure, HttpReply
from tui_inbox.channels.outcomes import Rule, limited, refused, unauthorised, unknowable
from tui_inbox.channels.port import (
    JSON_TYPES,
    ChannelCheck,
    Fetched,
    FetchError,
    FirstByteGuard,
    Poll,
    Polled,
    PollError,
    RemoteTemplate,
    Secrets,
    WebhookAnswer,
    WebhookRequest,
)
from tui_inbox.channels.signatures import telegram_signed
from tui_inbox.domain.attachments import OutgoingFile, RemoteFile
from tui_inbox.domain.events import ChannelEvent, OutcomeKind, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

LABEL = "Telegram"
API = "https://api.telegram.org"
UPDATES = 20
"""Updates asked for at a time: the longest ones fit into an answer of the size that is read."""
METHODS: Mapping[str, tuple[str, str]] = {
    "image/jpeg": ("sendPhoto", "photo"),
    "image/png": ("sendPhoto", "photo"),
    "video/mp4": ("sendVideo", "video"),
    "audio/mpeg": ("sendAudio", "audio"),
    "audio/mp4": ("sendAudio", "audio"),
    "document": ("sendDocument", "document"),
}
"""Method and field by media type; whatever Telegram does not show or play goes as a document."""
BODY_MAXIMUM = 1 << 20
"""Bytes (reference: reliability, section 3.2)."""

BLOCKED = refused(ErrorClass.UNREACHABLE, "The customer has blocked the bot. Use another channel.")
DEACTIVATED = refused(ErrorClass.UNREACHABLE, "The customer's Telegram account is gone. Use another channel.")
NOT_STARTED = refused(
    ErrorClass.UNREACHABLE,
    "The customer has not started the bot. They must write first; use another channel till then.",
)
MOVED = refused(ErrorClass.INVALID, "Telegram has moved this chat to another id. Wait until the customer writes there.")
TOO_LONG = refused(ErrorClass.INVALID, "The text is longer than Telegram takes (4,096 characters). Shorten it.")
EMPTY = refused(ErrorClass.INVALID, "Telegram takes no empty text. Write something.")
FORBIDDEN = refused(ErrorClass.UNREACHABLE, "Telegram does not let the bot write to this chat. Use another channel.")
CONFLICT = refused(
    ErrorClass.INVALID, "Telegram refused it: another program uses this bot in a way that clashes. Ask an admin."
)
_TEXTS: Sequence[tuple[int, str, Rule]] = (
    (403, "bot was blocked", BLOCKED),
    (403, "deactivated", DEACTIVATED),
    (403, "can't initiate", NOT_STARTED),
    (400, "chat not found", NOT_STARTED),
    (400, "message is too long", TOO_LONG),
    (400, "message text is empty", EMPTY),
    (400, "text must be non-empty", EMPTY),
)
"""Code, a piece of the description in lower case, meaning. Telegram has no finer codes than these words."""
_CODES: Mapping[int, Rule] = {
    401: unauthorised(LABEL),
    403: FORBIDDEN,
    404: unauthorised(LABEL),  # what Telegram answers to a malformed token
    409: CONFLICT,
    429: limited("Telegram asks to send more slowly. It is tried again by itself."),
}


class TelegramAdapter:
    """One bot."""

    kind: ChannelKind = ChannelKind.TELEGRAM
    keyed: bool = False
    body_maximum: int = BODY_MAXIMUM
    required_config: Sequence[str] = ()
    required_secrets: Sequence[str] = ("token",)
    webhook_secrets: Sequence[str] = ("webhook_secret",)
    webhook_types: frozenset[str] = JSON_TYPES
    webhook_answer: WebhookAnswer = WebhookAnswer()

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        # The token is part of the path, by Telegram's design: no address may ever reach a log or a text.
        bot = f"bot{quote(secrets.get('token'), safe=':')}"
        self._base = f"{config.get('base_url', '') or API}/{bot}"
        self._files = f"{config.get('base_url', '') or API}/file/{bot}"
        self._secrets = secrets
        self._http = http

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send a text or a file. Raises only what the guard raises."""
        if message.files:
            method, fields, part = upload(message, message.files[0])
            reply = await self._http.post_parts(f"{self._base}/{method}", {}, fields, part, before_first_byte)
        else:
            reply = await self._http.post_json(f"{self._base}/sendMessage", {}, request(message), before_first_byte)
        if isinstance(reply, HttpFailure):
            return outcomes.from_failure(LABEL, reply)
        return outcomes.with_skew(outcome(reply, self._http.retry_after(reply)), reply)

    async def fetch(self, file: RemoteFile, maximum: int) -> Fetched:
        """Ask where the file lies, and get it there; Telegram gives bots 20 MB at most. Raises :class:`FetchError`."""
        reply = await self._http.post_json(f"{self._base}/getFile", {}, {"file_id": file.locator})
        if isinstance(reply, HttpFailure):
            raise FetchError(f"{LABEL} {reply.text}.")
        answer = payload.mapping(reply.body)
        path = payload.text(payload.mapping(answer.get("result")).get("file_path"))
        if not path:
            too_big = "too big" in payload.text(answer.get("description")).lower()
            told = "gives bots no file of this size" if too_big else f"did not give the file (status {reply.status})"
            raise FetchError(f"{LABEL} {told}.", gone=reply.status == 400)
        found = await self._http.get_file(f"{self._files}/{quote(path)}", {}, maximum)
        return media.fetched(LABEL, found)

    @property
    def receives(self) -> bool:
        """Whether the bot's secret token is set."""
        return bool(self._secrets.get("webhook_secret"))

    @property
    def poll(self) -> Poll | None:
        """A bot whose webhook has no secret is asked for news instead: Telegram does one or the other."""
        return None if self.receives else self._updates

    async def _updates(self, cursor: str, wait: float) -> Polled:
        """``getUpdates`` from the number in ``cursor`` on, held open for ``wait`` seconds."""
        asked = {"timeout": int(wait), "limit": UPDATES, "offset": int(cursor or 0)}
        reply = await self._http.post_json(f"{self._base}/getUpdates", {}, asked)
        if isinstance(reply, HttpFailure):
            raise PollError(f"{LABEL} {reply.text}; it is asked again.")
        answer = payload.mapping(reply.body)
        if answer.get("ok") is not True:
            raise _no_updates(reply.status)
        updates = {
            number: json.dumps(item).encode()
            for item in payload.mappings(answer.get("result"))
            if (number := payload.integer(item.get("update_id"))) is not None
        }
        following = str(max(updates) + 1) if updates else cursor
        return Polled(list(updates.values()), following, more=len(updates) == UPDATES)

    def verify(self, request: WebhookRequest) -> bool:
        """Whether the request carries the bot's secret token."""
        return telegram_signed(self._secrets.get("webhook_secret"), request.headers)

    def handshake(self, request: WebhookRequest) -> str | None:
        """Telegram has no handshake."""
        return None

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """The events of one update. Raises :class:`PayloadError`."""
        return telegram_events.parse(body, received_at)

    async def templates(self) -> Sequence[RemoteTemplate]:
        """Telegram has none."""
        return ()

    async def check(self) -> ChannelCheck:
        """Ask who the bot is; sends nothing."""
        reply = await self._http.get_json(f"{self._base}/getMe", {})
        if isinstance(reply, HttpFailure):
            return ChannelCheck(False, f"{LABEL} {reply.text}. Check the connection and base_url of this channel.")
        answer = payload.mapping(reply.body)
        if answer.get("ok") is True:
            name = payload.text(payload.mapping(answer.get("result")).get("username"))
            return ChannelCheck(True, f"{LABEL}: @{name}." if name else f"{LABEL}: the token is good.")
        if reply.status in (401, 404):
            return ChannelCheck(False, f"{LABEL} refused the token. Get it anew from @BotFather and set it.")
        return ChannelCheck(False, f"{LABEL} refused the question (status {reply.status}). Try again later.")

    async def close(self) -> None:
        """Nothing is kept open."""


def _no_updates(status: int) -> PollError:
    if status in (401, 404):
        return PollError(f"{LABEL} refused the token. Get it anew from @BotFather and set it.", refused=True)
    if status == 409:
        told = "this bot has a webhook, or somebody else asks for its news; delete the webhook or stop the other"
        return PollError(f"{LABEL}: {told}.")
    return PollError(f"{LABEL} refused the question (status {status}); it is asked again.")


def request(message: Outgoing) -> dict[str, Any]:
    """Body of ``sendMessage``. Plain text: no parse mode, so nothing in it is taken for markup."""
    numeric = re.fullmatch(r"-?[0-9]{1,19}", message.address)
    return {"chat_id": int(message.address) if numeric else message.address, "text": message.text}


def upload(message: Outgoing, file: OutgoingFile) -> tuple[str, dict[str, str], FilePart]:
    """Method, fields and file of a send with a file."""
    method, field = METHODS.get(file.media_type, METHODS["document"])
    caption = {"caption": message.text} if message.text else {}
    return method, {"chat_id": message.address, **caption}, FilePart(field, file.name, file.media_type, file.content)


def outcome(reply: HttpReply, header_wait: float | None) -> SendOutcome:
    """Outcome of ``sendMessage``: by ``ok`` and ``error_code`` in the answer, by HTTP status without them."""
    answer = payload.mapping(reply.body)
    code = payload.integer(answer.get("error_code"))
    if answer.get("ok") is not False or code is None:
        if 200 <= reply.status < 300 and answer.get("ok") is not False:
            return outcomes.accepted(LABEL, _provider_id(answer), reply.status)
        code = reply.status
    parameters = payload.mapping(answer.get("parameters"))
    told = payload.number(parameters.get("retry_after"))
    rule = _rule(code, payload.text(answer.get("description")).lower(), parameters)
    if rule is None:
        return outcomes.from_status(LABEL, code, header_wait)
    wait = told if told is not None else header_wait
    return rule.outcome(str(code), reply.status, wait if rule.kind is OutcomeKind.RETRY else None)


def _rule(code: int, description: str, parameters: Mapping[str, Any]) -> Rule | None:
    if "migrate_to_chat_id" in parameters:
        return MOVED
    for wanted, words, rule in _TEXTS:
        if code == wanted and words in description:
            return rule
    return unknowable(LABEL) if code >= 500 or 200 <= code < 300 else _CODES.get(code)


def _provider_id(answer: Mapping[str, Any]) -> str:
    """Message ids count per chat, so the chat is part of ours."""
    result = payload.mapping(answer.get("result"))
    chat = payload.text(payload.mapping(result.get("chat")).get("id"))
    ident = payload.text(result.get("message_id"))
    return f"{chat}:{ident}" if chat and ident else ""
