"""Files that customers send: where each channel's events tell of them, and how a file is got by its address.

Every function answers the files that can be fetched, in the order of the labels in :mod:`placeholders`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from tui_inbox.channels import placeholders
from tui_inbox.channels.http import Http, HttpFailure, HttpFile, HttpReply
from tui_inbox.channels.payload import integer, mapping, mappings, text
from tui_inbox.channels.port import Fetched, FetchError
from tui_inbox.domain.attachments import RemoteFile

Files = tuple[RemoteFile, ...]
MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
GONE = frozenset({400, 403, 404, 410})
"""Statuses after which the file will not be there later either."""


def whatsapp(kind: str, item: Mapping[str, Any]) -> Files:
    """The medium of one entry of ``messages``, fetched by its id."""
    content = mapping(item.get(kind))
    ident = text(content.get("id"))
    if kind not in placeholders.WHATSAPP_MEDIA or not ident:
        return ()
    voice = kind == "audio" and content.get("voice") is True
    label = "voice message" if voice else placeholders.WHATSAPP_MEDIA[kind]
    return (_file(label, ident, text(content.get("filename")), text(content.get("mime_type"))),)


def telegram(message: Mapping[str, Any]) -> Files:
    """The file of a ``Message``, fetched by its id; of a photo the largest size."""
    for field, label in placeholders.TELEGRAM_MEDIA.items():
        if field not in message:
            continue
        content = mapping(message[field])
        if field == "photo":
            sizes = list(mappings(message[field]))
            content = max(sizes, key=lambda size: integer(size.get("file_size")) or 0, default={})
        ident = text(content.get("file_id"))
        if not ident:
            return ()
        told = text(content.get("mime_type")) or ("image/jpeg" if field == "photo" else "")
        return (_file(label, ident, text(content.get("file_name")), told, integer(content.get("file_size"))),)
    return ()


def line(message: Mapping[str, Any]) -> Files:
    """The content of a message, fetched by the message's id; what lies elsewhere by its address."""
    kind = text(message.get("type"))
    if kind not in placeholders.LINE_MEDIA or kind == "sticker":
        return ()
    provider = mapping(message.get("contentProvider"))
    locator = text(message.get("id"))
    if provider.get("type") == "external":
        locator = text(provider.get("originalContentUrl"))
    label, name = placeholders.LINE_MEDIA[kind], text(message.get("fileName"))
    return (_file(label, locator, name, size=integer(message.get("fileSize"))),) if locator else ()


def meta(message: Mapping[str, Any]) -> Files:
    """The attachments of Messenger and Instagram that are files, by their addresses."""
    found = []
    for item in mappings(message.get("attachments")):
        kind, address = text(item.get("type")), text(mapping(item.get("payload")).get("url"))
        if kind in ("image", "video", "audio", "file") and address:
            found.append(_file(placeholders.META_MEDIA.get(kind, kind), address, _name_in(address)))
    return tuple(found)


def viber(message: Mapping[str, Any]) -> Files:
    """The file of a message, by its address."""
    kind, address = text(message.get("type")), text(message.get("media"))
    if kind not in ("picture", "video", "file") or not address:
        return ()
    name, size = text(message.get("file_name")), integer(message.get("size"))
    return (_file(placeholders.VIBER_MEDIA[kind], address, name or _name_in(address), size=size),)


def twilio(form: Mapping[str, str], most: int) -> Files:
    """The media of a form, by their addresses at Twilio."""
    found = []
    for number in range(min(integer(form.get("NumMedia")) or 0, most)):
        media_type, address = form.get(f"MediaContentType{number}", ""), form.get(f"MediaUrl{number}", "")
        if address:
            found.append(_file(placeholders.of_media_type(media_type), address, "", media_type))
    return tuple(found)


def wechat(kind: str, fields: Mapping[str, str]) -> Files:
    """The medium of a message, by its id."""
    ident = fields.get("MediaId", "")
    if kind not in placeholders.WECHAT_MEDIA or not ident:
        return ()
    return (_file(placeholders.WECHAT_MEDIA[kind], ident),)


def tiktok(content: Mapping[str, Any]) -> Files:
    """The picture of a message, by its id; TikTok wants conversation and message with it."""
    kind = text(content.get("type")).lower()
    ident = text(mapping(content.get(kind)).get("media_id")) if kind in ("image", "video") else ""
    if not ident:
        return ()
    parts = (text(content.get("conversation_id")), text(content.get("message_id")), kind.upper(), ident)
    return (_file(placeholders.TIKTOK_MEDIA[kind], "\n".join(parts)),)


def x(message: Mapping[str, Any]) -> Files:
    """The picture or film of a direct message, by its address."""
    media = mapping(mapping(message.get("attachment")).get("media"))
    kind, address = text(media.get("type")), text(media.get("media_url_https"))
    if kind != "photo":  # of a film the best of its variants, all of them films
        variants = [item for item in mappings(mapping(media.get("video_info")).get("variants")) if "bitrate" in item]
        address = text(max(variants, key=lambda item: integer(item.get("bitrate")) or 0, default={}).get("url"))
    label = placeholders.X_MEDIA.get(kind, "attachment")
    return (_file(label, address, _name_in(address)),) if address else ()


def custom(message: Mapping[str, Any]) -> Files:
    """The attachment of a message in our own protocol, by its address."""
    attached = mapping(message.get("attachment"))
    address = text(attached.get("url"))
    if text(message.get("type")) != "attachment" or not address:
        return ()
    label = placeholders.CUSTOM_MEDIA.get(text(attached.get("type")), "document")
    name = text(attached.get("fileName")) or _name_in(address)
    return (_file(label, address, name, text(attached.get("mimeType")), integer(attached.get("size"))),)


async def download(
    http: Http, label: str, address: str, maximum: int, *, base: str, headers: Mapping[str, str] | None = None
) -> Fetched:
    """The file at an address that the channel ``label`` has told us.

    ``base`` is the channel's own address: ``headers`` go there alone, and only there may a file come by plain HTTP.
    Raises :class:`FetchError`.
    """
    for _ in range(MOST_REDIRECTS + 1):
        scheme, _ = _origin(address)
        own = _origin(address) == _origin(base)
        if not (own or scheme == "https"):
            raise FetchError(f"{label} gave an address that no file is fetched from.", gone=True)
        found = await http.get_file(address, headers or {} if own else {}, maximum)
        if isinstance(found, HttpReply) and found.status in REDIRECTS:
            address = _joined(address, found.headers.get("location", ""))
            continue
        return fetched(label, found)
    raise FetchError(f"{label} sends us round in circles for this file.", gone=True)


def fetched(label: str, found: HttpFile | HttpReply | HttpFailure) -> Fetched:
    """What was fetched. Raises :class:`FetchError` for what is no file."""
    if isinstance(found, HttpFile):
        return Fetched(found.content, found.media_type)
    if isinstance(found, HttpFailure):
        raise FetchError(f"{label} {found.text}.")
    if found.status in GONE:
        raise FetchError(f"{label} does not have this file any more.", gone=True)
    if found.status == 401:
        raise FetchError(f"{label} refused the access token. Ask an admin to set a new one.")
    raise FetchError(f"{label} did not give the file (status {found.status}).")


def _file(kind: str, locator: str, name: str = "", media_type: str = "", size: int | None = None) -> RemoteFile:
    plain = media_type.partition(";")[0].strip().lower()
    return RemoteFile(kind, locator, name, plain, size if size is None or size >= 0 else None)


def _name_in(address: str) -> str:
    """The last part of an address where it looks like a file's name."""
    try:
        last = urlsplit(address).path.rpartition("/")[2]
    except ValueError:
        return ""
    return last if "." in last else ""


def _joined(address: str, location: str) -> str:
    try:
        return urljoin(address, location)
    except ValueError:
        return ""


def _origin(address: str) -> tuple[str, str]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return "", ""
    return parts.scheme.lower(), parts.netloc.lower()
