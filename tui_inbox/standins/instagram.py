"""Stand-in of Instagram messaging (reference: channels, sections 4.4 to 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tui_inbox.standins import meta
from tui_inbox.standins.config import Member
from tui_inbox.standins.platform import Answer, Call, RefusedError, Taken
from tui_inbox.standins.specs import Specs
from tui_inbox.standins.state import Accepted, ChannelState, Fault

TEXT_MAXIMUM_BYTES = 1000
METADATA_MAXIMUM = 1000
APP_ID = 936619743392459
FIELDS = {"recipient", "messaging_type", "tag", "message"}


class InstagramStandin:
    """One professional account."""

    def __init__(self, state: ChannelState, specs: Specs | None) -> None:
        self.state = state
        self._ids = {"account": state.config.setting("account_id")}

    def is_send(self, call: Call) -> bool:
        """Whether the request sends a message."""
        return call.method == "POST"

    def authorise(self, call: Call) -> None:
        """Raise for a wrong token."""
        meta.authorise(call, self.state)

    def read(self, call: Call) -> Answer:
        """The account itself."""
        ident, edge = meta.node(call, self._ids)
        if edge:
            raise RefusedError(meta.error(100, f"Tried accessing nonexisting field ({edge})"))
        return Answer(200, {"name": self.state.config.account or "Demo business", "id": ident})

    def check(self, call: Call) -> Taken:
        """Everything that the real one checks."""
        _, edge = meta.node(call, self._ids)
        if edge != "messages":
            raise RefusedError(meta.error(100, "Unsupported post request."))
        body = meta.json_body(call, _bad)
        unknown = set(body) - FIELDS
        if unknown:
            raise _bad(f"Param {min(unknown)} is not known.")
        recipient = body.get("recipient")
        address = recipient.get("id") if isinstance(recipient, dict) else None
        if not isinstance(address, str) or not address:
            raise _bad("Param recipient[id] must be a string.")
        tag = _tag(body)
        text, metadata = _content(body.get("message"))
        self._check_member(self.state.members.get(address), tag)
        return Taken(address, text, body, tag=tag, echo=metadata)

    def _check_member(self, member: Member | None, tag: str) -> None:
        age = self.state.age(member)
        if member is None or age is None or not member.started:
            raise RefusedError(meta.error(100, "No matching user found", subcode=2018001))
        if member.blocked:
            raise RefusedError(meta.error(551, "This person isn't available right now.", subcode=1545041))
        config = self.state.config
        allowed = timedelta(seconds=config.human_agent_seconds if tag else config.window_seconds)
        if age >= allowed:
            told = "This message is sent outside of allowed window."
            raise RefusedError(meta.error(10, told, subcode=2534022, status=400))

    def provider_id(self, taken: Taken) -> str:
        """An opaque ``mid``."""
        return self.state.ident("aWdf")

    def taken(self, message: Accepted) -> Answer:
        """Recipient and id."""
        return Answer(200, {"recipient_id": message.address, "message_id": message.provider_id})

    def failure(self, fault: Fault) -> Answer:
        """Meta's error shape."""
        return meta.failure(fault, "")

    def receipts(self, message: Accepted, late: Fault | None) -> Sequence[Mapping[str, Any]]:
        """The echo of our own message, then that the customer has read it."""
        content: dict[str, Any] = {"mid": message.provider_id, "text": message.text, "is_echo": True, "app_id": APP_ID}
        if message.echo:
            content["metadata"] = message.echo
        account = self.state.config.setting("account_id")
        now = self.state.clock()
        echo = self._event(account, message.address, now, {"message": content})
        read = self._event(message.address, account, now, {"read": {"mid": message.provider_id}})
        return [echo] if late is not None else [echo, read]

    def said(self, member: Member, text: str, at: datetime) -> Mapping[str, Any]:
        """A text message; Instagram gives no name."""
        content = {"mid": self.state.ident("aWdf"), "text": text}
        return self._event(member.address, self.state.config.setting("account_id"), at, {"message": content})

    def membership(self, member: Member, at: datetime) -> Mapping[str, Any] | None:
        """Instagram does not tell who blocks an account."""
        return None

    def _event(self, sender: str, recipient: str, at: datetime, content: Mapping[str, Any]) -> Mapping[str, Any]:
        milliseconds = int(at.timestamp() * 1000)
        item = {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": milliseconds, **content}
        entry = {"id": self.state.config.setting("account_id"), "time": milliseconds, "messaging": [item]}
        return {"object": "instagram", "entry": [entry]}

    def sign(self, body: bytes, url: str) -> Mapping[str, str]:
        """Meta's signature."""
        return meta.sign(self.state, body)

    def encode(self, body: Mapping[str, Any]) -> bytes:
        """As Meta writes it."""
        return meta.encode(body)


def _bad(told: str) -> RefusedError:
    return RefusedError(meta.error(100, told))


def _tag(body: Mapping[str, Any]) -> str:
    kind, tag = body.get("messaging_type", "RESPONSE"), body.get("tag")
    if kind == "MESSAGE_TAG":
        if tag != "HUMAN_AGENT":
            raise _bad("Param tag must be one of {HUMAN_AGENT}.")
        return "HUMAN_AGENT"
    if kind not in ("RESPONSE", "UPDATE"):
        raise _bad("Param messaging_type must be one of {RESPONSE, UPDATE, MESSAGE_TAG}.")
    if tag is not None:
        raise _bad("A tag needs messaging_type MESSAGE_TAG.")
    return ""


def _content(message: object) -> tuple[str, str]:
    if not isinstance(message, dict) or set(message) - {"text", "metadata"}:
        raise _bad("Param message must be an object with text and metadata.")
    text, metadata = message.get("text"), message.get("metadata", "")
    if not isinstance(text, str) or not text.strip():
        raise _bad("Message cannot be empty, must provide valid attachment or text.")
    if len(text.encode("utf-8", "surrogatepass")) > TEXT_MAXIMUM_BYTES:
        raise _bad(f"Length of param message[text] must be less than or equal to {TEXT_MAXIMUM_BYTES}")
    if not isinstance(metadata, str) or len(metadata) > METADATA_MAXIMUM:
        raise _bad(f"Param message[metadata] must be a string of at most {METADATA_MAXIMUM} characters.")
    return text, metadata
