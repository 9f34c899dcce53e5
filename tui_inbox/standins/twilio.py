"""What the stand-ins of SMS and WhatsApp by Twilio share (reference: channels, sections 3.1 and 9.1)."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tui_inbox.channels.signatures import twilio_signature
from tui_inbox.standins.config import Member
from tui_inbox.standins.files import SentFile, StoredFile, is_link
from tui_inbox.standins.platform import Answer, Call, RefusedError, Taken
from tui_inbox.standins.specs import Specs
from tui_inbox.standins.state import Accepted, ChannelState, Fault

TEXT_MAXIMUM = 1600
FORM = "application/x-www-form-urlencoded"
FIELDS = {"To", "From", "MessagingServiceSid", "Body", "MediaUrl", "StatusCallback", "ContentSid", "ContentVariables"}
STATUS = {20429: 429, 20003: 401}
"""HTTP statuses other than 400."""
WORDS = {
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21606: "The 'From' phone number provided is not a valid message-capable Twilio phone number.",
    21609: "The 'StatusCallback' URL is not a valid URL",
    21610: "Attempt to send to unsubscribed recipient",
    21617: "The concatenated message body exceeds the 1600 character limit",
}


class TwilioStandin:
    """One number."""

    prefix: str
    """Before every address."""
    address: re.Pattern[str]
    """Of a customer, without the prefix."""

    def __init__(self, state: ChannelState, specs: Specs | None) -> None:
        self.state = state
        self._specs = specs
        self.account = state.config.setting("account_sid")
        self._path = f"/2010-04-01/Accounts/{self.account}"

    def is_send(self, call: Call) -> bool:
        """Whether the request sends a message."""
        return call.method == "POST"

    def authorise(self, call: Call) -> None:
        """The account and its token, by HTTP Basic."""
        wanted = base64.b64encode(f"{self.account}:{self.state.config.token}".encode()).decode()
        if call.headers.get("authorization", "") != f"Basic {wanted}":
            raise refuse(20003)

    def read(self, call: Call) -> Answer:
        """The account itself."""
        if call.path != f"{self._path}.json":
            raise refuse(20404, status=404)
        name = self.state.config.account or "Demo business"
        return Answer(200, {"sid": self.account, "friendly_name": name, "status": "active", "type": "Full"})

    def check(self, call: Call) -> Taken:
        """Everything that the real one checks before it answers."""
        if call.path != f"{self._path}/Messages.json":
            raise refuse(20404, status=404)
        form = self._form(call)
        address = self._address(form)
        text, template = self.content(form)
        if len(text) > TEXT_MAXIMUM:
            raise refuse(21617)
        member = self.state.members.get(address)
        failure = self.failure_of(member, is_template=bool(template))
        link = form.get("MediaUrl")
        if link is not None and not is_link(link):
            raise refuse(21620, "Invalid media URL(s)")
        files = () if link is None else (SentFile(link=link),)
        return Taken(address, text, form, template=template, late=failure, files=files)

    def _form(self, call: Call) -> dict[str, str]:
        if call.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
            raise refuse(21604)
        form = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
        if self._specs is not None:
            problem = self._specs.twilio_message_problem(form)
            if problem:
                raise refuse(20001, f"Not as in the published description: {problem}")
        unknown = set(form) - FIELDS
        if unknown:
            # Stricter than the real one, which takes no notice of fields that it does not know.
            raise refuse(20001, f"Unknown field {min(unknown)!r}")
        return form

    def _address(self, form: Mapping[str, str]) -> str:
        to = form.get("To", "")
        if not to.startswith(self.prefix) or not self.address.fullmatch(to.removeprefix(self.prefix)):
            raise refuse(21211, f"Invalid 'To' Phone Number: {to}") if to else refuse(21604)
        sender, service = form.get("From", ""), form.get("MessagingServiceSid", "")
        if service:
            if service != self.state.config.setting("messaging_service_sid"):
                raise refuse(21705, "The Messaging Service Sid is invalid")
        elif not sender:
            raise refuse(21603)
        elif sender != f"{self.prefix}{self.state.config.setting('number')}":
            raise refuse(21606)
        callback = form.get("StatusCallback")
        if callback is not None and not re.fullmatch(r"https?://[^\s]+", callback):
            raise refuse(21609)
        return to.removeprefix(self.prefix)

    def content(self, form: Mapping[str, str]) -> tuple[str, str]:
        """What the customer reads, and the name of the template, if any."""
        if "ContentSid" in form:
            raise refuse(21655, "The ContentSid is invalid")
        if not form.get("Body", "").strip() and "MediaUrl" not in form:
            raise refuse(21602)
        return form.get("Body", ""), ""

    def failure_of(self, member: Member | None, *, is_template: bool) -> Fault | None:
        """What will go wrong with a message that is taken; raises for what is refused at once."""
        raise NotImplementedError

    def provider_id(self, taken: Taken) -> str:
        """A message's sid."""
        return f"SM{self.state.number():012x}{secrets.token_hex(10)}"

    def taken(self, message: Accepted) -> Answer:
        """Queued, which is not delivered."""
        body = {
            "sid": message.provider_id,
            "account_sid": self.account,
            "to": f"{self.prefix}{message.address}",
            "status": "queued",
            "body": message.text,
            "num_segments": "1",
            "error_code": None,
            "error_message": None,
        }
        return Answer(201, body)

    def failure(self, fault: Fault) -> Answer:
        """Twilio's error shape."""
        answer = error(fault.code, fault.description)
        wait = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return Answer(answer.status, answer.body, wait)

    def receipts(self, message: Accepted, late: Fault | None) -> Sequence[Mapping[str, Any]]:
        """Statuses, if a callback was asked for."""
        if "StatusCallback" not in message.request:
            return ()
        steps = ["sent", "undelivered"] if late is not None else ["sent", *self.steps]
        return [self._status(message, step, late) for step in steps]

    def receipt_query(self, message: Accepted) -> str:
        """That of the callback's address."""
        return urlsplit(str(message.request.get("StatusCallback", ""))).query

    steps: Sequence[str]
    """Statuses after ``sent``."""

    def _status(self, message: Accepted, step: str, late: Fault | None) -> Mapping[str, Any]:
        form = {
            "MessageSid": message.provider_id,
            "SmsSid": message.provider_id,
            "MessageStatus": step,
            "SmsStatus": step,
            "AccountSid": self.account,
            "To": f"{self.prefix}{message.address}",
            "From": f"{self.prefix}{self.state.config.setting('number')}",
            "ApiVersion": "2010-04-01",
        }
        return form | ({"ErrorCode": str(late.code)} if step == "undelivered" and late is not None else {})

    def said(self, member: Member, text: str, at: datetime) -> Mapping[str, Any]:
        """A message; the form has no time."""
        ident = f"SM{self.state.number():012x}{secrets.token_hex(10)}"
        return {
            "MessageSid": ident,
            "SmsMessageSid": ident,
            "AccountSid": self.account,
            "From": f"{self.prefix}{member.address}",
            "To": f"{self.prefix}{self.state.config.setting('number')}",
            "Body": text,
            "NumMedia": "0",
            "NumSegments": "1",
            "ApiVersion": "2010-04-01",
        }

    def said_file(self, member: Member, text: str, at: datetime, file: StoredFile, url: str) -> Mapping[str, Any]:
        """A message with a file by its address at Twilio."""
        told = {"NumMedia": "1", "MediaUrl0": url, "MediaContentType0": file.media_type}
        return {**self.said(member, text, at), **told}

    def authorise_file(self, call: Call) -> None:
        """Account and token."""
        self.authorise(call)

    def sign(self, body: bytes, url: str) -> Mapping[str, str]:
        """Twilio's signature of address and form."""
        form = parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True)
        signature = twilio_signature(self.state.config.token, url, form)
        return {"Content-Type": f"{FORM}; charset=UTF-8", "X-Twilio-Signature": signature}

    def encode(self, body: Mapping[str, Any]) -> bytes:
        """A form."""
        return urlencode(body, errors="replace").encode("ascii")


def error(code: int, words: str = "", *, status: int | None = None) -> Answer:
    """Twilio's error answer."""
    found = status or STATUS.get(code, 400)
    told = words or WORDS.get(code, "The request was refused")
    more = f"https://www.twilio.com/docs/errors/{code}"
    return Answer(found, {"code": code, "message": told, "more_info": more, "status": found})


def refuse(code: int, words: str = "", *, status: int | None = None) -> RefusedError:
    """An error to raise."""
    return RefusedError(error(code, words, status=status))
