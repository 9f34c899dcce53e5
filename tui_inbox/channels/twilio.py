"""Twilio's Messages API, which carries SMS and WhatsApp: sending, checking, proof (reference: channels, 3.1, 9.1)."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

from tui_inbox.channels import media, outcomes, payload, twilio_events
from tui_inbox.channels.http import Http, HttpFailure, HttpReply
from tui_inbox.channels.port import (
    FORM_TYPES,
    ChannelCheck,
    Fetched,
    FirstByteGuard,
    PayloadError,
    Secrets,
    WebhookAnswer,
    WebhookRequest,
)
from tui_inbox.channels.signatures import twilio_signed
from tui_inbox.channels.twilio_errors import ERRORS, LABEL
from tui_inbox.domain.attachments import RemoteFile
from tui_inbox.domain.events import ChannelEvent, OutcomeKind, Outgoing, SendOutcome

API = "https://api.twilio.com"
BODY_MAXIMUM = 1 << 20
"""Bytes of a webhook (reference: reliability, section 3.2)."""
DEAD = frozenset({"failed", "undelivered", "canceled"})
"""Statuses of a message that will go nowhere."""
ECHO = "message"
"""Parameter of the address that statuses are posted to, with our own id of the message: Twilio hands nothing else
back, and an answer that was lost would leave us without Twilio's id."""


class TwilioChannel:
    """One number at Twilio. Its auth token is both the password for sending and the key of webhooks."""

    prefix: str
    """Before every address."""
    keyed: bool = False
    body_maximum: int = BODY_MAXIMUM
    required_config: Sequence[str] = ("account_sid", "number")
    required_secrets: Sequence[str] = ("token",)
    webhook_secrets: Sequence[str] = ("token",)
    webhook_types: frozenset[str] = FORM_TYPES
    webhook_answer: WebhookAnswer = WebhookAnswer("<Response/>", "text/xml")

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        self._account_sid = config["account_sid"]
        self._api = config.get("base_url", "") or API
        self._account = f"{self._api}/2010-04-01/Accounts/{quote(self._account_sid, safe='')}"
        self._sender = _sender(config, self.prefix)
        self._webhook_url = config.get("webhook_url", "")
        self._token = secrets.get("token")
        basic = base64.b64encode(f"{self._account_sid}:{self._token}".encode()).decode()
        self._headers = {"Authorization": f"Basic {basic}"}
        self._http = http

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send one message; a file by its public address. Raises only what the guard raises."""
        content = {"Body": message.text} if message.text or not message.files else {}
        return await self.post(content | media_of(message), message, before_first_byte)

    async def fetch(self, file: RemoteFile, maximum: int) -> Fetched:
        """Get a file from Twilio, which keeps it elsewhere and sends us there. Raises :class:`FetchError`."""
        return await media.download(self._http, LABEL, file.locator, maximum, base=self._api, headers=self._headers)

    async def post(self, content: Mapping[str, str], message: Outgoing, guard: FirstByteGuard) -> SendOutcome:
        """Post ``message`` with this content. Raises only what the guard raises."""
        fields = {"To": f"{self.prefix}{message.address}", **self._sender, **content}
        if self._webhook_url:
            fields["StatusCallback"] = f"{self._webhook_url}?{urlencode({ECHO: message.message_id})}"
        reply = await self._http.post_form(f"{self._account}/Messages.json", self._headers, fields, guard)
        if isinstance(reply, HttpFailure):
            return outcomes.from_failure(LABEL, reply)
        return outcomes.with_skew(outcome(reply, self._http.retry_after(reply)), reply)

    @property
    def receives(self) -> bool:
        """Whether the public address is configured, which is part of what Twilio signs."""
        return bool(self._token and self._webhook_url)

    def verify(self, request: WebhookRequest) -> bool:
        """Whether Twilio signed the form for our public address."""
        try:
            form = payload.parse_form(request.body)
        except PayloadError:
            return False
        # What is signed is the address that was posted to, so only the parameter that we gave it may stand there.
        asked = f"?{urlencode({ECHO: request.query[ECHO]})}" if ECHO in request.query else ""
        return twilio_signed(self._token, f"{self._webhook_url}{asked}", form, request.headers)

    def kept_body(self, request: WebhookRequest) -> bytes:
        """The form, and with it the id of our message that stood in the address."""
        echo = request.query.get(ECHO, "")
        return request.body + (f"&{urlencode({twilio_events.ECHO_FIELD: echo})}".encode() if echo else b"")

    def handshake(self, request: WebhookRequest) -> str | None:
        """Twilio has no handshake."""
        return None

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """The events of one form. Raises :class:`PayloadError`."""
        return twilio_events.parse(body, received_at, self._account_sid, self.prefix)

    async def check(self) -> ChannelCheck:
        """Read the account's name; sends nothing."""
        reply = await self._http.get_json(f"{self._account}.json", self._headers)
        if isinstance(reply, HttpFailure):
            return ChannelCheck(False, f"{LABEL} {reply.text}. Check the connection and base_url of this channel.")
        answer = payload.mapping(reply.body)
        name, status = payload.text(answer.get("friendly_name")), payload.text(answer.get("status"))
        if reply.status == 401:
            return ChannelCheck(False, f"{LABEL} refused the auth token. Copy it again from the console and set it.")
        if reply.status != 200 or not status:
            return ChannelCheck(False, f"{LABEL} refused the question (status {reply.status}). Check account_sid.")
        if status != "active":
            return ChannelCheck(False, f"{LABEL}: the account {name} is {status}. Reopen it in Twilio's console.")
        if not self._webhook_url:
            told = "Nothing can be received until public_url is set under [serve] in the settings file."
            return ChannelCheck(True, f"{LABEL}: {name}. {told}")
        return ChannelCheck(True, f"{LABEL}: {name}.")

    async def close(self) -> None:
        """Nothing is kept open."""


def media_of(message: Outgoing) -> dict[str, str]:
    """The field with the file of a message."""
    return {"MediaUrl": message.files[0].link} if message.files else {}


def _sender(config: Mapping[str, str], prefix: str) -> dict[str, str]:
    """A messaging service where one is set, else the number."""
    service = config.get("messaging_service_sid", "")
    return {"MessagingServiceSid": service} if service else {"From": f"{prefix}{config['number']}"}


def outcome(reply: HttpReply, wait: float | None) -> SendOutcome:
    """Outcome of a send: by Twilio's code where the answer has one, else by the HTTP status."""
    answer = payload.mapping(reply.body)
    taken = 200 <= reply.status < 300
    code = payload.integer(answer.get("error_code" if taken else "code"))
    if taken and payload.text(answer.get("status")) not in DEAD:
        return outcomes.accepted(LABEL, payload.text(answer.get("sid")), reply.status)
    rule = None if code is None else ERRORS.get(code)
    if rule is None:
        # A message that was dead at once was not sent, whatever its status says.
        status = 400 if taken else reply.status
        return outcomes.from_status(LABEL, status, wait, "" if code is None else str(code))
    return rule.outcome(str(code), reply.status, wait if rule.kind is OutcomeKind.RETRY else None)
