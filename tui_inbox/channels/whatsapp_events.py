"""What WhatsApp's webhooks say (reference: channels, sections 2.6 and 2.7).

A customer's address is the phone number with ``+``, or the business-scoped user id where WhatsApp withholds the number.
Messages in groups are left out: a group is no contact, and they do not open the window of the one who wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels import media, meta_templates, payload, placeholders
from tui_inbox.channels.meta import entries
from tui_inbox.channels.outcomes import LateFailure, late_failure
from tui_inbox.channels.payload import instant, mapping, mappings, text
from tui_inbox.channels.port import PayloadError
from tui_inbox.channels.whatsapp_errors import ERRORS, LABEL
from tui_inbox.domain.events import ChannelEvent, InboundMessage, ReceiptEvent
from tui_inbox.domain.kinds import InboundKind, Receipt

OBJECT = "whatsapp_business_account"
RECEIPTS = {
    "sent": Receipt.SENT,
    "delivered": Receipt.DELIVERED,
    "read": Receipt.READ,
    "played": Receipt.READ,
    "failed": Receipt.NONE,
}


def parse(body: bytes, received_at: datetime, number_id: str) -> Sequence[ChannelEvent]:
    """Every event in ``body`` that concerns our number, in order.

    Raises :class:`PayloadError` for a body of another kind, and for one that is only about other numbers.
    """
    found: list[ChannelEvent] = []
    strangers: set[str] = set()
    for entry in entries(body, (OBJECT,)):
        for change in mappings(entry.get("changes")):
            value = mapping(change.get("value"))
            number = text(mapping(value.get("metadata")).get("phone_number_id"))
            if number and number != number_id:
                strangers.add(number)
                continue
            read = _FIELDS.get(text(change.get("field")))
            if read is not None:
                found += read(value, instant(entry.get("time"), received_at), received_at)
    if strangers and not found:
        raise PayloadError(
            f"the events are for phone_number_id {', '.join(sorted(strangers))[:60]}, but this channel is {number_id}: "
            "correct the setting, or add a channel for that number"
        )
    return found


def _conversation(value: Mapping[str, Any], _at: datetime, received_at: datetime) -> Iterator[ChannelEvent]:
    people = list(mappings(value.get("contacts")))
    for item in mappings(value.get("messages")):
        message = _message(item, people, received_at)
        if message is not None:
            yield message
    for item in mappings(value.get("statuses")):
        receipt = _receipt(item, received_at)
        if receipt is not None:
            yield receipt


def _message(item: Mapping[str, Any], people: list[Mapping[str, Any]], received_at: datetime) -> InboundMessage | None:
    person = _person(item, people)
    address = phone_address(text(item.get("from")) or text(item.get("from_user_id")) or _identity(person))
    ident = text(item.get("id"))
    if not ident or not address or item.get("group_id"):
        return None
    kind = text(item.get("type")) or "unknown"
    body, attachments = placeholders.whatsapp(kind, item)
    profile = mapping(person.get("profile"))
    return InboundMessage(
        address=address,
        key=f"message:{ident}",
        provider_id=ident,
        at=instant(item.get("timestamp"), received_at),
        text=body,
        kind=_KINDS.get(kind, InboundKind.MESSAGE),
        name=text(profile.get("name")),
        username=text(profile.get("username")),
        phone=address if address.startswith("+") else phone_only(text(person.get("wa_id"))),
        attachments=attachments,
        files=media.whatsapp(kind, item),
    )


_KINDS = {
    "reaction": InboundKind.REACTION,
    # A change of number is told by WhatsApp, not by the customer: it renews no window.
    "system": InboundKind.FOLLOW,
}


def _person(item: Mapping[str, Any], people: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The contact that wrote ``item``; with a single one in the batch there is no doubt."""
    wanted = {text(item.get("from")), text(item.get("from_user_id"))} - {""}
    for person in people:
        if wanted & {text(person.get("wa_id")), text(person.get("user_id"))}:
            return person
    return people[0] if len(people) == 1 else {}


def _identity(person: Mapping[str, Any]) -> str:
    return text(person.get("wa_id")) or text(person.get("user_id"))


def phone_address(value: str) -> str:
    """A phone number with ``+``; anything else (a user id such as ``US.1234``) as it is."""
    return phone_only(value) or value


def phone_only(value: str) -> str:
    """``value`` with ``+`` when it is a phone number, else empty."""
    digits = value.removeprefix("+")
    return f"+{digits}" if digits.isascii() and digits.isdigit() else ""


def _receipt(item: Mapping[str, Any], received_at: datetime) -> ReceiptEvent | None:
    ident, status = text(item.get("id")), text(item.get("status"))
    receipt = RECEIPTS.get(status)
    if receipt is None or not ident:
        return None
    failure = _failure(item) if status == "failed" else None
    return ReceiptEvent(
        key=f"status:{ident}:{status}",
        at=instant(item.get("timestamp"), received_at),
        receipt=receipt,
        provider_id=ident,
        echo=text(item.get("biz_opaque_callback_data")),
        address=phone_address(text(item.get("recipient_id"))),
        error_class=failure.error_class if failure else None,
        error_code=failure.code if failure else "",
        error_text=failure.text if failure else "",
    )


def _failure(item: Mapping[str, Any]) -> LateFailure:
    code = payload.integer(next(mappings(item.get("errors")), {}).get("code"))
    return late_failure(None if code is None else ERRORS.rule(code, None), code, LABEL)


def _calls(value: Mapping[str, Any], _at: datetime, received_at: datetime) -> Iterator[ChannelEvent]:
    people = list(mappings(value.get("contacts")))
    for item in mappings(value.get("calls")):
        person = _person(item, people)
        address = phone_address(text(item.get("from")) or text(item.get("from_user_id")) or _identity(person))
        ident = text(item.get("id"))
        if not ident or not address or text(item.get("direction")) == "BUSINESS_INITIATED":
            continue
        # Connect and terminate of one call share a key, so that a call is one entry of the thread.
        yield InboundMessage(
            address=address,
            key=f"call:{ident}",
            provider_id=ident,
            at=instant(item.get("timestamp"), received_at),
            text="[call]",
            kind=InboundKind.CALL,
            name=text(mapping(person.get("profile")).get("name")),
            phone=phone_only(address),
            attachments=("call",),
        )


def _template_status(value: Mapping[str, Any], at: datetime, _received_at: datetime) -> Iterator[ChannelEvent]:
    yield from meta_templates.changed(value, at)


_Reader = Callable[[Mapping[str, Any], datetime, datetime], Iterator[ChannelEvent]]
_FIELDS: dict[str, _Reader] = {
    "messages": _conversation,
    "calls": _calls,
    meta_templates.CHANGED: _template_status,
}
"""Fields of a subscription that are read. Others (quality, marketing preferences, groups) change nothing here."""
