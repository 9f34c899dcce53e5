"""One line of text for what is no text: ``[photo] caption``, ``[document] offer.pdf``, ``[location] Turku``.

Each function answers the text for the thread and the kinds of attachments in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tui_inbox.channels.payload import mapping, mappings, number, text

Placeholder = tuple[str, tuple[str, ...]]
"""Text for the thread, and kinds of attachments."""

WHATSAPP_MEDIA = {"image": "photo", "audio": "audio", "video": "video", "document": "document", "sticker": "sticker"}
TELEGRAM_MEDIA = {
    "animation": "animation",
    "audio": "audio",
    "document": "document",
    "photo": "photo",
    "sticker": "sticker",
    "story": "story",
    "video": "video",
    "video_note": "video message",
    "voice": "voice message",
    "paid_media": "paid media",
}
"""In this order, since an animation also comes as a document."""
META_MEDIA = {
    "image": "photo",
    "file": "document",
    "fallback": "link",
    "share": "shared post",
    "ig_reel": "reel",
    "reel": "reel",
    "ig_post": "shared post",
    "story_mention": "story mention",
    "ig_story": "story",
}

VIBER_MEDIA = {"picture": "photo", "video": "video", "file": "document", "sticker": "sticker"}
LINE_MEDIA = {"image": "photo", "video": "video", "audio": "audio", "file": "document", "sticker": "sticker"}
WECHAT_MEDIA = {"image": "photo", "voice": "voice message", "video": "video", "shortvideo": "video"}
TIKTOK_MEDIA = {"image": "photo", "video": "video", "sticker": "sticker", "share_post": "shared post"}
CUSTOM_MEDIA = {"image": "photo", "video": "video", "audio": "audio", "file": "document"}
X_MEDIA = {"photo": "photo", "video": "video", "animated_gif": "animation"}


def of_media_type(media_type: str) -> str:
    """What to call a file of this media type."""
    kind, _, _ = media_type.lower().partition("/")
    return {"image": "photo", "video": "video", "audio": "audio", "application": "document"}.get(kind, "attachment")


def marked(kind: str, *details: str) -> str:
    """``[kind]`` and what else is known of it."""
    return " ".join([f"[{kind}]", *(detail for detail in details if detail)])


def place(value: Mapping[str, Any]) -> str:
    """A location or venue in words: name and address, else coordinates."""
    known = [text(value.get("name")) or text(value.get("title")), text(value.get("address"))]
    named = ", ".join(part for part in known if part)
    latitude, longitude = number(value.get("latitude")), number(value.get("longitude"))
    if named or latitude is None or longitude is None:
        return named
    return f"{latitude:.5f}, {longitude:.5f}"


def whatsapp(kind: str, item: Mapping[str, Any]) -> Placeholder:
    """For one entry of ``messages`` whose ``type`` is ``kind``."""
    content = mapping(item.get(kind))
    if kind == "text":
        return text(content.get("body")), ()
    if kind in WHATSAPP_MEDIA:
        label = "voice message" if kind == "audio" and content.get("voice") is True else WHATSAPP_MEDIA[kind]
        return marked(label, text(content.get("filename")), text(content.get("caption"))), (label,)
    special = _WHATSAPP.get(kind)
    if special is not None:
        return special(item, content)
    inner = text(mapping(item.get("unsupported")).get("type"))
    return f"[unsupported message: {inner or kind}]", ("unsupported",)


def _location(_item: Mapping[str, Any], content: Mapping[str, Any]) -> Placeholder:
    return marked("location", place(content)), ("location",)


def _contacts(item: Mapping[str, Any], _content: Mapping[str, Any]) -> Placeholder:
    people = []
    for person in mappings(item.get("contacts")):
        phones = [text(phone.get("phone")) for phone in mappings(person.get("phones"))]
        people.append(
            " ".join(part for part in (text(mapping(person.get("name")).get("formatted_name")), *phones) if part)
        )
    return marked("contact", ", ".join(people)), ("contact",)


def _button(_item: Mapping[str, Any], content: Mapping[str, Any]) -> Placeholder:
    return text(content.get("text")) or marked("button", text(content.get("payload"))), ()


def _interactive(_item: Mapping[str, Any], content: Mapping[str, Any]) -> Placeholder:
    for reply in ("list_reply", "button_reply"):
        chosen = mapping(content.get(reply))
        if chosen:
            return text(chosen.get("title")) or marked("choice", text(chosen.get("id"))), ()
    form = mapping(content.get("nfm_reply"))
    return (marked("form", text(form.get("body"))), ()) if form else ("[choice]", ())


def _reaction(_item: Mapping[str, Any], content: Mapping[str, Any]) -> Placeholder:
    emoji = text(content.get("emoji"))
    return marked("reaction", emoji) if emoji else "[reaction removed]", ()


def _order(_item: Mapping[str, Any], content: Mapping[str, Any]) -> Placeholder:
    products = len(list(mappings(content.get("product_items"))))
    count = f"{products} product{'' if products == 1 else 's'}"
    return marked("order", count, text(content.get("text"))), ("order",)


def _system(_item: Mapping[str, Any], content: Mapping[str, Any]) -> Placeholder:
    return marked("WhatsApp", text(content.get("body"))), ()


_WHATSAPP: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Placeholder]] = {
    "location": _location,
    "contacts": _contacts,
    "button": _button,
    "interactive": _interactive,
    "reaction": _reaction,
    "order": _order,
    "system": _system,
}


def telegram(message: Mapping[str, Any]) -> Placeholder:
    """For one ``Message`` object."""
    if isinstance(message.get("text"), str):
        return text(message["text"]), ()
    for field, label in TELEGRAM_MEDIA.items():
        if field in message:
            content = mapping(message[field])
            detail = text(content.get("file_name")) or text(content.get("emoji"))
            return marked(label, detail, text(message.get("caption"))), (label,)
    for field, read in _TELEGRAM.items():
        content = mapping(message.get(field))
        if content:
            return read(content)
    return "[unsupported message]", ("unsupported",)


def _venue(content: Mapping[str, Any]) -> Placeholder:
    return marked("location", place(content)), ("location",)


def _shared_contact(content: Mapping[str, Any]) -> Placeholder:
    details = (text(content.get(field)) for field in ("first_name", "last_name", "phone_number"))
    return marked("contact", *details), ("contact",)


def _poll(content: Mapping[str, Any]) -> Placeholder:
    return marked("poll", text(content.get("question"))), ("poll",)


def _dice(content: Mapping[str, Any]) -> Placeholder:
    return marked("dice", text(content.get("emoji")), text(content.get("value"))), ()


_TELEGRAM: dict[str, Callable[[Mapping[str, Any]], Placeholder]] = {
    "venue": _venue,
    "location": _venue,
    "contact": _shared_contact,
    "poll": _poll,
    "dice": _dice,
}
"""A venue comes with its location, so it is looked for first."""


def meta(message: Mapping[str, Any]) -> Placeholder:
    """For the ``message`` of one messaging event of Messenger or Instagram."""
    kinds = [text(item.get("type")) for item in mappings(message.get("attachments"))]
    labels = tuple(META_MEDIA.get(kind, kind or "attachment") for kind in kinds)
    if message.get("is_unsupported") is True and not labels:
        labels = ("unsupported message",)
    story = "[reply to your story]" if mapping(mapping(message.get("reply_to")).get("story")) else ""
    parts = [story, *(f"[{label}]" for label in labels), text(message.get("text"))]
    return " ".join(part for part in parts if part) or "[unsupported message]", labels


def line(message: Mapping[str, Any]) -> Placeholder:
    """For the ``message`` of one event. Stickers tell in words what they show, LINE's own emoji are in the text."""
    kind = text(message.get("type"))
    if kind == "text":
        return text(message.get("text")), ()
    if kind == "location":
        return marked("location", place(message)), ("location",)
    if kind not in LINE_MEDIA:
        return "[unsupported message]", ("unsupported",)
    keywords = message.get("keywords")
    first = text(keywords[0]) if isinstance(keywords, list) and keywords else ""
    detail = text(message.get("fileName")) or text(message.get("text")) or first
    return marked(LINE_MEDIA[kind], detail), (LINE_MEDIA[kind],)


def viber(message: Mapping[str, Any]) -> Placeholder:
    """For the ``message`` of one callback."""
    kind = text(message.get("type"))
    if kind == "text":
        return text(message.get("text")), ()
    if kind == "location":
        place_told = mapping(message.get("location"))
        coordinates = {"latitude": place_told.get("lat"), "longitude": place_told.get("lon")}
        return marked("location", place(coordinates)), ("location",)
    if kind == "contact":
        person = mapping(message.get("contact"))
        return marked("contact", text(person.get("name")), text(person.get("phone_number"))), ("contact",)
    if kind == "url":
        return marked("link", text(message.get("media"))), ("link",)
    label = VIBER_MEDIA.get(kind)
    if label is None:
        return "[unsupported message]", ("unsupported",)
    return marked(label, text(message.get("file_name")), text(message.get("text"))), (label,)


def wechat(kind: str, fields: Mapping[str, str]) -> Placeholder:
    """For one message whose ``MsgType`` is ``kind``; of a voice message, what WeChat has understood."""
    if kind == "text":
        return fields.get("Content", ""), ()
    if kind in WECHAT_MEDIA:
        return marked(WECHAT_MEDIA[kind], fields.get("Recognition", "")), (WECHAT_MEDIA[kind],)
    if kind == "location":
        spot = fields.get("Label", "") or ", ".join(filter(None, (fields.get(f"Location_{way}") for way in "XY")))
        return marked("location", spot), ("location",)
    if kind == "link":
        return marked("link", fields.get("Title", ""), fields.get("Url", "")), ("link",)
    return "[unsupported message]", ("unsupported",)


def tiktok(content: Mapping[str, Any]) -> Placeholder:
    """For the content of one event."""
    kind = text(content.get("type")).lower()
    if kind == "text":
        return text(mapping(content.get("text")).get("body")), ()
    if kind in TIKTOK_MEDIA:
        return marked(TIKTOK_MEDIA[kind]), (TIKTOK_MEDIA[kind],)
    return "[unsupported message]", ("unsupported",)


def x(message: Mapping[str, Any]) -> Placeholder:
    """For the ``message_data`` of one direct message."""
    kind = text(mapping(mapping(message.get("attachment")).get("media")).get("type"))
    label = X_MEDIA.get(kind, "attachment" if mapping(message.get("attachment")) else "")
    parts = [f"[{label}]" if label else "", text(message.get("text"))]
    return " ".join(part for part in parts if part) or "[unsupported message]", (label,) if label else ()


def custom(message: Mapping[str, Any]) -> Placeholder:
    """For the ``message`` of one event of our own protocol."""
    kind = text(message.get("type"))
    if kind in ("text", "quick_reply"):
        return text(message.get("text")) or text(message.get("title")), ()
    if kind == "location":
        return marked("location", place(message)), ("location",)
    if kind == "attachment":
        attached = mapping(message.get("attachment"))
        label = CUSTOM_MEDIA.get(text(attached.get("type")), "document")
        return marked(label, text(attached.get("fileName")), text(attached.get("description"))), (label,)
    return "[unsupported message]", ("unsupported",)
