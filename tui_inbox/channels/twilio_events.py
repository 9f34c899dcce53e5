"""What Twilio's webhooks say: messages and statuses, both forms to one address (reference: channels, 3.1 and 9.1).

A form has no time of its own: what it tells is taken at its arrival. A number's carrier gives no name, WhatsApp does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from tui_inbox.channels import media, payload
from tui_inbox.channels.outcomes import LateFailure, late_failure
from tui_inbox.channels.placeholders import of_media_type
from tui_inbox.channels.port import PayloadError
from tui_inbox.channels.twilio_errors import ERRORS, LABEL
from tui_inbox.domain.events import ChannelEvent, InboundMessage, ReceiptEvent, SubscriptionEvent
from tui_inbox.domain.kinds import Receipt

WHATSAPP = "whatsapp:"
"""Before an address on WhatsApp."""
RECEIPTS = {
    "sent": Receipt.SENT,
    "delivered": Receipt.DELIVERED,
    "read": Receipt.READ,
    "failed": Receipt.NONE,
    "undelivered": Receipt.NONE,
    "canceled": Receipt.NONE,
}
"""Those before "sent" say nothing that we don't know."""
STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START = frozenset({"START", "YES", "UNSTOP"})
"""Whole texts by which a number opts out of SMS and in again, by Twilio's default."""
MOST_MEDIA = 10
ECHO_FIELD = "TuiInboxMessage"
"""Field that is added to a status before it is stored: the id of our message that stood in the address."""


def parse(body: bytes, received_at: datetime, account_sid: str, prefix: str) -> Sequence[ChannelEvent]:
    """The events of one form; ``prefix`` stands before every address of the channel.

    Raises :class:`PayloadError` for a form of another account or of another channel.
    """
    form = {name: payload.text(value) for name, value in payload.parse_form(body)}
    ident = form.get("MessageSid") or form.get("SmsSid", "")
    if not ident:
        raise PayloadError("the form has no MessageSid")
    if form.get("AccountSid") != account_sid:
        raise PayloadError("the form is about another account: correct account_sid, or add a channel for that one")
    status = form.get("MessageStatus")
    if status is not None:
        return list(_receipt(form, ident, status, prefix, received_at))
    if form.get("From", "").startswith(WHATSAPP) is not bool(prefix):
        raise PayloadError("the message is from another channel of this account")
    return list(_message(form, ident, prefix, received_at))


def _receipt(
    form: Mapping[str, str], ident: str, status: str, prefix: str, received_at: datetime
) -> Iterator[ReceiptEvent]:
    receipt = RECEIPTS.get(status)
    if receipt is None:
        return
    code = payload.integer(form.get("ErrorCode"))
    failure = _failure(code) if receipt is Receipt.NONE else None
    yield ReceiptEvent(
        key=f"status:{ident}:{status}",
        at=received_at,
        receipt=receipt,
        provider_id=ident,
        echo=form.get(ECHO_FIELD, ""),
        address=form.get("To", "").removeprefix(prefix),
        error_class=failure.error_class if failure else None,
        error_code=failure.code if failure else "",
        error_text=failure.text if failure else "",
    )


def _failure(code: int | None) -> LateFailure:
    return late_failure(None if code is None else ERRORS.get(code), code, LABEL)


def _message(form: Mapping[str, str], ident: str, prefix: str, received_at: datetime) -> Iterator[ChannelEvent]:
    address = (form.get("ExternalUserId") or form.get("From", "")).removeprefix(prefix)
    if not address:
        return
    body, attachments = _content(form)
    yield InboundMessage(
        address=address,
        key=f"message:{ident}",
        provider_id=ident,
        at=received_at,
        text=body,
        name=form.get("ProfileName", ""),
        phone=address if address.startswith("+") else "",
        attachments=attachments,
        files=media.twilio(form, MOST_MEDIA),
    )
    word = form.get("OptOutType") or ("" if prefix else form.get("Body", ""))
    word = word.strip().upper()
    if word in STOP | START:
        yield SubscriptionEvent(address, f"optout:{ident}", received_at, started=word in START)


def _content(form: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The text, with a mark for every file and for a place."""
    count = min(payload.integer(form.get("NumMedia")) or 0, MOST_MEDIA)
    kinds = tuple(of_media_type(form.get(f"MediaContentType{number}", "")) for number in range(count))
    if form.get("Latitude"):
        kinds = (*kinds, "location")
    marks = [f"[{kind}]" for kind in kinds]
    return " ".join([*marks, *filter(None, [form.get("Body", "") or form.get("ButtonText", "")])]), kinds
