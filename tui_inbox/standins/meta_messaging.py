"""What the stand-ins of Messenger and Instagram share: one message, one window, one shape of webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tui_inbox.standins import meta
from tui_inbox.standins.config import Member
from tui_inbox.standins.files import SentFile, StoredFile, is_link
from tui_inbox.standins.platform import Answer, Call, RefusedError, Taken
from tui_inbox.standins.specs import Specs
from tui_inbox.standins.state import Accepted, ChannelState, Fault

METADATA_MAXIMUM = 1000
APP_ID = 936619743392459
FIELDS = {"recipient", "messaging_type", "tag", "message"}


class MessagingStandin:
    """One account; what differs is in the class attributes and :meth:`message`."""

    node: str
    """Setting with the id of the account."""
    webhook_object: str
    window_subcode: int
    delivers: bool
    """Whether it tells that a message was delivered."""
    kinds: Sequence[str] = ("RESPONSE", "UPDATE")
    """Messaging types besides that of a tag."""

    def __init__(self, state: ChannelState, specs: Specs | None) -> None:
        self.state = state
        self.account = state.config.setting(self.node)
        self._ids = {"account": self.account}

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
            return self.read_edge(call, edge)
        return Answer(200, {"name": self.state.config.account or "Demo business", "id": ident})

    def read_edge(self, call: Call, edge: str) -> Answer:
        """An edge of the account."""
        raise RefusedError(meta.error(100, f"Tried accessing nonexisting field ({edge})"))

    def check(self, call: Call) -> Taken:
        """Everything that the real one checks."""
        _, edge = meta.node(call, self._ids)
        if edge != "messages":
            raise RefusedError(meta.error(100, "Unsupported post request."))
        body = meta.json_body(call, bad)
        unknown = set(body) - FIELDS
        if unknown:
            raise bad(f"Param {min(unknown)} is not known.")
        recipient = body.get("recipient")
        address = recipient.get("id") if isinstance(recipient, dict) else None
        if not isinstance(address, str) or not address:
            raise bad("Param recipient[id] must be a string.")
        tag = _tag(body, self.kinds)
        message = body.get("message")
        if not isinstance(message, dict):
            raise bad("Param message must be an object.")
        files: tuple[SentFile, ...] = ()
        if "attachment" in message:
            text, template, files = "", "", (_attachment(message),)
        else:
            text, template = self.content(body, message)
        self._check_member(self.state.members.get(address), tag, bool(template))
        return Taken(address, text, body, tag=tag, echo=_metadata(message), template=template, files=files)

    def content(self, body: Mapping[str, Any], message: Mapping[str, Any]) -> tuple[str, str]:
        """What the customer reads, and the name of the template, if any."""
        if set(message) - {"text", "metadata"}:
            raise bad("Param message must be an object with text and metadata.")
        text = message.get("text")
        if not isinstance(text, str) or not text.strip():
            raise bad("Message cannot be empty, must provide valid attachment or text.")
        self.check_length(text)
        return text, ""

    def check_length(self, text: str) -> None:
        """Raise when the text is too long."""
        raise NotImplementedError

    def _check_member(self, member: Member | None, tag: str, is_template: bool) -> None:
        age = self.state.age(member)
        if member is None or age is None or not member.started:
            raise RefusedError(meta.error(100, "No matching user found", subcode=2018001))
        if member.blocked:
            raise RefusedError(meta.error(551, "This person isn't available right now.", subcode=1545041))
        if is_template:
            return
        config = self.state.config
        allowed = timedelta(seconds=config.human_agent_seconds if tag else config.window_seconds)
        if age >= allowed:
            told = "This message is sent outside of allowed window."
            raise RefusedError(meta.error(10, told, subcode=self.window_subcode, status=400))

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
        """The echo of our own message, then that the customer has got and read it."""
        content: dict[str, Any] = {"mid": message.provider_id, "text": message.text, "is_echo": True, "app_id": APP_ID}
        if message.files:
            content["attachments"] = [
                {"type": file.media_type, "payload": {"url": file.link}} for file in message.files
            ]
            del content["text"]
        if message.echo:
            content["metadata"] = message.echo
        now = self.state.clock()
        watermark = int(now.timestamp() * 1000)
        echo = self._event(self.account, message.address, now, {"message": content})
        delivered: dict[str, Any] = {"delivery": {"mids": [message.provider_id], "watermark": watermark}}
        read: dict[str, Any] = {"read": {"watermark": watermark} if self.delivers else {"mid": message.provider_id}}
        steps = [delivered, read] if self.delivers else [read]
        told = [echo, *(self._event(message.address, self.account, now, step) for step in steps)]
        return told[:1] if late is not None else told

    def said(self, member: Member, text: str, at: datetime) -> Mapping[str, Any]:
        """A text message; no name comes with it."""
        content = {"mid": self.state.ident("aWdf"), "text": text}
        return self._event(member.address, self.account, at, {"message": content})

    def said_file(self, member: Member, text: str, at: datetime, file: StoredFile, url: str) -> Mapping[str, Any]:
        """A file by its address."""
        kind = {"photo": "image", "document": "file"}.get(file.kind, file.kind)
        content: dict[str, Any] = {"mid": self.state.ident("aWdf")} | ({"text": text} if text else {})
        content["attachments"] = [{"type": kind, "payload": {"url": url}}]
        return self._event(member.address, self.account, at, {"message": content})

    def authorise_file(self, call: Call) -> None:
        """Whoever knows the address; a token has no business there."""
        if "authorization" in call.headers:
            raise bad("The token was shown to a server of files.")

    def membership(self, member: Member, at: datetime) -> Mapping[str, Any] | None:
        """Nobody is told who blocks an account."""
        return None

    def _event(self, sender: str, recipient: str, at: datetime, content: Mapping[str, Any]) -> Mapping[str, Any]:
        milliseconds = int(at.timestamp() * 1000)
        item = {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": milliseconds, **content}
        entry = {"id": self.account, "time": milliseconds, "messaging": [item]}
        return {"object": self.webhook_object, "entry": [entry]}

    def sign(self, body: bytes, url: str) -> Mapping[str, str]:
        """Meta's signature."""
        return meta.sign(self.state, body)

    def encode(self, body: Mapping[str, Any]) -> bytes:
        """As Meta writes it."""
        return meta.encode(body)


def bad(told: str) -> RefusedError:
    """A wrong value, to raise."""
    return RefusedError(meta.error(100, told))


def _attachment(message: Mapping[str, Any]) -> SentFile:
    attached = message["attachment"]
    if set(message) - {"attachment", "metadata"} or not isinstance(attached, dict):
        raise bad("Param message must be an object with attachment and metadata.")
    kind, payload = attached.get("type"), attached.get("payload")
    if kind not in ("image", "audio", "video", "file") or not isinstance(payload, dict):
        raise bad("Param message[attachment][type] must be one of {image, audio, video, file}.")
    if set(payload) - {"url", "is_reusable"} or not is_link(payload.get("url")):
        raise RefusedError(meta.error(100, "Failed to fetch the file from the url", subcode=2018047))
    return SentFile(media_type=kind, link=str(payload["url"]))


def _tag(body: Mapping[str, Any], kinds: Sequence[str]) -> str:
    kind, tag = body.get("messaging_type", "RESPONSE"), body.get("tag")
    if kind == "MESSAGE_TAG":
        if tag != "HUMAN_AGENT":
            raise bad("Param tag must be one of {HUMAN_AGENT}.")
        return "HUMAN_AGENT"
    if kind not in kinds:
        raise bad(f"Param messaging_type must be one of {{{', '.join(kinds)}, MESSAGE_TAG}}.")
    if tag is not None:
        raise bad("A tag needs messaging_type MESSAGE_TAG.")
    return ""


def _metadata(message: Mapping[str, Any]) -> str:
    metadata = message.get("metadata", "")
    if not isinstance(metadata, str) or len(metadata) > METADATA_MAXIMUM:
        raise bad(f"Param message[metadata] must be a string of at most {METADATA_MAXIMUM} characters.")
    return metadata
