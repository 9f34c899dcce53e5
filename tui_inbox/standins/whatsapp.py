"""Stand-in of the WhatsApp Cloud API (reference: channels, section 2)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tui_inbox.standins import meta, meta_templates
from tui_inbox.standins.config import Member
from tui_inbox.standins.files import SERVED, SentFile, StoredFile, form_of
from tui_inbox.standins.platform import Answer, Call, RefusedError, Taken
from tui_inbox.standins.specs import Specs
from tui_inbox.standins.state import Accepted, ChannelState, Fault

PRODUCT = "whatsapp"
FIELDS = {
    "messaging_product",
    "recipient_type",
    "to",
    "recipient",
    "type",
    "text",
    "template",
    "image",
    "video",
    "audio",
    "document",
    "context",
    "biz_opaque_callback_data",
}
TEXT_MAXIMUM = 4096
ECHO_MAXIMUM = 512
CAPTION_MAXIMUM = 1024
MEDIA = ("image", "video", "audio", "document")
DISPLAY_NUMBER = "15550783881"


class WhatsAppStandin:
    """One number."""

    def __init__(self, state: ChannelState, specs: Specs | None) -> None:
        self.state = state
        self._specs = specs
        self._ids = {"number": state.config.setting("phone_number_id"), "account": state.config.setting("waba_id")}

    def is_send(self, call: Call) -> bool:
        """Whether the request sends a message."""
        return call.method == "POST" and not call.path.endswith("/media")

    def authorise(self, call: Call) -> None:
        """Raise for a wrong token."""
        meta.authorise(call, self.state)

    def read(self, call: Call) -> Answer:
        """The number itself, the list of templates, and media."""
        if call.method == "POST":
            return self.upload(call)
        held = self.state.files.get(call.path.rpartition("/")[2])
        if held is not None:
            host = f"http://{call.headers.get('host', '')}{self.state.config.prefix}"
            return self.looked_up(held, host)
        ident, edge = meta.node(call, self._ids)
        config = self.state.config
        if ident == config.setting("phone_number_id") and not edge:
            name = config.account or "Demo business"
            return Answer(200, {"verified_name": name, "display_phone_number": f"+{DISPLAY_NUMBER}", "id": ident})
        if ident == config.setting("waba_id") and edge == "message_templates":
            return meta_templates.page(call, config.templates, _bad)
        raise RefusedError(meta.error(100, f"Tried accessing nonexisting field ({edge})"))

    def upload(self, call: Call) -> Answer:
        """Keep a file until a message shows it."""
        form = form_of(call)
        file = form.files.get("file") if form is not None else None
        if form is None or file is None or form.fields.get("messaging_product") != PRODUCT:
            raise _bad("The parameters messaging_product and file are required.")
        if form.fields.get("type") != file.media_type or file.media_type == "application/octet-stream":
            raise RefusedError(meta.error(131053, "Media upload error", product=PRODUCT))
        return Answer(200, {"id": self.state.put(file).id})

    def looked_up(self, file: StoredFile, place: str) -> Answer:
        """Where a file lies."""
        told = {"messaging_product": PRODUCT, "url": f"{place}{SERVED}{file.id}", "mime_type": file.media_type}
        sha = file.sent().sha256
        return Answer(200, {**told, "sha256": sha, "file_size": len(file.content), "id": file.id})

    def said_file(self, member: Member, text: str, at: datetime, file: StoredFile, url: str) -> Mapping[str, Any]:
        """A medium by its id, with its caption."""
        kind = {"photo": "image"}.get(file.kind, file.kind)
        content = {"id": file.id, "mime_type": file.media_type, "sha256": file.sent().sha256}
        content |= {"caption": text} if text else {}
        content |= {"filename": file.name} if kind == "document" else {}
        return self._said(member, at, {"type": kind, kind: content})

    def authorise_file(self, call: Call) -> None:
        """With the token."""
        self.authorise(call)

    def check(self, call: Call) -> Taken:
        """Everything that the real one checks before it answers."""
        ident, edge = meta.node(call, self._ids)
        if ident != self.state.config.setting("phone_number_id") or edge != "messages":
            raise RefusedError(meta.error(100, "Unsupported post request."))
        return self.check_body(call)

    def check_body(self, call: Call) -> Taken:
        """Check a message, wherever it was posted to."""
        body = meta.json_body(call, _bad)
        if self._specs is not None:
            problem = self._specs.whatsapp_problem(body)
            if problem:
                raise _bad(f"Not as in the published description: {problem}")
        _check_envelope(body)
        address = _address(body)
        files: tuple[SentFile, ...] = ()
        if body["type"] in MEDIA:
            (text, files), name = self._medium(body), ""
        elif body["type"] == "template":
            text, name = meta_templates.filled(body.get("template"), self.state.config.templates)
        else:
            text, name = _text(body), ""
        self._check_member(self.state.members.get(address), is_text=not name)
        echo = body.get("biz_opaque_callback_data", "")
        return Taken(address, text, body, template=name, echo=echo, files=files)

    def _medium(self, body: Mapping[str, Any]) -> tuple[str, tuple[SentFile, ...]]:
        """Caption and file."""
        kind = body["type"]
        content = body.get(kind)
        allowed = {"id", *({"caption"} if kind != "audio" else ()), *({"filename"} if kind == "document" else ())}
        if not isinstance(content, dict) or set(content) - allowed:
            raise _bad(f"Param {kind} has fields that do not belong there.")
        held, caption = self.state.files.get(str(content.get("id"))), content.get("caption", "")
        if held is None or {"photo": "image"}.get(held.kind, held.kind) not in (kind, "document"):
            raise RefusedError(meta.error(131053, "Media upload error", product=PRODUCT))
        if not isinstance(caption, str) or len(caption) > CAPTION_MAXIMUM:
            raise _bad(f"Param {kind}['caption'] must be at most {CAPTION_MAXIMUM} characters long.")
        return caption, (held.sent(),)

    def _check_member(self, member: Member | None, *, is_text: bool) -> None:
        if member is not None and (member.blocked or not member.started):
            raise RefusedError(meta.error(131026, product=PRODUCT))
        age = self.state.age(member)
        if is_text and (age is None or age >= timedelta(seconds=self.state.config.window_seconds)):
            told = "Message failed to send because more than 24 hours have passed since the customer last replied."
            raise RefusedError(meta.error(131047, told, product=PRODUCT))

    def provider_id(self, taken: Taken) -> str:
        """A ``wamid``."""
        return self.state.ident("wamid.")

    def taken(self, message: Accepted) -> Answer:
        """Accepted, which is not delivered."""
        sent: dict[str, Any] = {"id": message.provider_id}
        if message.template:
            sent["message_status"] = "accepted"
        contact = {"input": message.address, "wa_id": message.address.lstrip("+")}
        return Answer(200, {"messaging_product": PRODUCT, "contacts": [contact], "messages": [sent]})

    def failure(self, fault: Fault) -> Answer:
        """Meta's error shape."""
        return meta.failure(fault, PRODUCT)

    def receipts(self, message: Accepted, late: Fault | None) -> Sequence[Mapping[str, Any]]:
        """Sent, delivered, read; or failed."""
        steps = ["failed"] if late is not None else ["sent", "delivered", "read"]
        found = []
        for step in steps:
            status: dict[str, Any] = {
                "id": message.provider_id,
                "status": step,
                "timestamp": str(int(self.state.clock().timestamp())),
                "recipient_id": message.address.lstrip("+"),
                "pricing": {"billable": True, "pricing_model": "PMP", "category": "service"},
            }
            if message.echo:
                status["biz_opaque_callback_data"] = message.echo
            if late is not None:
                title = meta.TITLES.get(late.code, "Message failed")
                told = {"details": late.description or title}
                status["errors"] = [{"code": late.code, "title": title, "message": title, "error_data": told}]
            found.append(self._event({"statuses": [status]}))
        return found

    def said(self, member: Member, text: str, at: datetime) -> Mapping[str, Any]:
        """A text message; from a business-scoped user id when the customer has no number."""
        return self._said(member, at, {"type": "text", "text": {"body": text}})

    def _said(self, member: Member, at: datetime, content: Mapping[str, Any]) -> Mapping[str, Any]:
        phone = member.address.startswith("+")
        ident = member.address.lstrip("+")
        profile = {"name": member.name or "Customer"} | ({"username": member.username} if member.username else {})
        message: dict[str, Any] = {
            ("from" if phone else "from_user_id"): ident,
            "id": self.state.ident("wamid."),
            "timestamp": str(int(at.timestamp())),
            **content,
        }
        person = {"profile": profile, ("wa_id" if phone else "user_id"): ident}
        return self._event({"contacts": [person], "messages": [message]})

    def membership(self, member: Member, at: datetime) -> Mapping[str, Any] | None:
        """WhatsApp does not tell who blocks a business."""
        return None

    def _event(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        number_id = self.state.config.setting("phone_number_id")
        metadata = {"display_phone_number": DISPLAY_NUMBER, "phone_number_id": number_id}
        change = {"field": "messages", "value": {"messaging_product": PRODUCT, "metadata": metadata, **value}}
        entry = {"id": self.state.config.setting("waba_id") or "0", "changes": [change]}
        return {"object": "whatsapp_business_account", "entry": [entry]}

    def sign(self, body: bytes, url: str) -> Mapping[str, str]:
        """Meta's signature."""
        return meta.sign(self.state, body)

    def encode(self, body: Mapping[str, Any]) -> bytes:
        """As Meta writes it."""
        return meta.encode(body)


def _bad(told: str) -> RefusedError:
    return RefusedError(meta.error(100, told, product=PRODUCT))


def _check_envelope(body: Mapping[str, Any]) -> None:
    unknown = set(body) - FIELDS
    if unknown:
        raise _bad(f"Unexpected key {min(unknown)!r}.")
    if body.get("messaging_product") != PRODUCT:
        raise _bad("The parameter messaging_product is required.")
    if body.get("recipient_type", "individual") != "individual":
        raise _bad("Param recipient_type must be individual.")
    if body.get("type") not in ("text", "template", *MEDIA):
        raise RefusedError(meta.error(131051, "Unsupported message type.", product=PRODUCT))
    echo = body.get("biz_opaque_callback_data", "")
    if not isinstance(echo, str) or len(echo) > ECHO_MAXIMUM:
        raise _bad(f"Param biz_opaque_callback_data must be a string of at most {ECHO_MAXIMUM} characters.")


def _address(body: Mapping[str, Any]) -> str:
    to, recipient = body.get("to"), body.get("recipient")
    if to is None and recipient is None:
        raise RefusedError(meta.error(131008, "Param to is missing.", product=PRODUCT))
    if recipient is not None:
        if not isinstance(recipient, str) or not re.fullmatch(r"[A-Z]{2}\.[A-Za-z0-9.]+", recipient):
            raise RefusedError(meta.error(131009, "Param recipient is not a user id.", product=PRODUCT))
        return recipient
    # Stricter than the real one, which may put the business number's country before a number without the sign.
    if not isinstance(to, str) or not re.fullmatch(r"\+[0-9]{5,20}", to):
        raise RefusedError(meta.error(131009, "Param to must be + and digits.", product=PRODUCT))
    return to


def _text(body: Mapping[str, Any]) -> str:
    content = body.get("text")
    if not isinstance(content, dict) or set(content) - {"body", "preview_url"}:
        raise _bad("Param text must be an object with body and preview_url.")
    text = content.get("body")
    if not isinstance(text, str) or not text.strip():
        raise RefusedError(meta.error(131008, "Param text['body'] is missing.", product=PRODUCT))
    if len(text) > TEXT_MAXIMUM:
        raise _bad(f"Param text['body'] must be at most {TEXT_MAXIMUM} characters long.")
    if not isinstance(content.get("preview_url", False), bool):
        raise _bad("Param text['preview_url'] must be a boolean.")
    return text
