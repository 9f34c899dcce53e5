"""Files beside a message: what they are, what became of them, and which ones a channel carries.

Limits are those of the project's channel reference; what a provider takes beyond :data:`FILE_MAXIMUM` is not offered,
since every file passes through the database once.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tui_inbox.domain.kinds import ChannelKind

MEGABYTE = 1 << 20
FILE_MAXIMUM = 25 * MEGABYTE
"""Bytes of the largest file that is fetched or sent."""
NAME_MAXIMUM = 200
"""Characters of a file's name that are kept."""
UNKNOWN_TYPE = "application/octet-stream"
OPENED = ("image/", "audio/", "video/", "text/plain", "application/pdf")
"""Beginnings of media types that another program may show; whatever else could be run is saved only."""


class FileState(StrEnum):
    """What became of a file."""

    WAITING = "waiting"
    """Still at the channel."""
    KEPT = "kept"
    """In the database."""
    FAILED = "failed"
    """It could not be fetched; a person may try again."""
    REFUSED = "refused"
    """It is larger than what is kept."""


@dataclass(frozen=True)
class RemoteFile:
    """A file as a channel tells of it."""

    kind: str
    """A word of the thread: ``photo``, ``document``, ``voice message``…"""
    locator: str = field(default="", repr=False)
    """What the adapter fetches it by; may hold a secret of the channel, so it is never shown or logged."""
    name: str = ""
    media_type: str = ""
    size: int | None = None
    content: bytes | None = field(default=None, repr=False)
    """The file itself, where it came along; then there is nothing to fetch."""


@dataclass(frozen=True)
class Attachment:
    """A file of a message, or one that waits in an agent's composer."""

    id: int
    contact_id: int
    kind: str
    name: str
    """As it came: clean before painting, and never a path."""
    media_type: str
    size: int | None
    """Bytes; ``None`` = the channel did not say, and it is not here yet."""
    state: FileState
    error: str = ""
    """Why it is not here, in the agent's words."""
    seq: int | None = None
    """The entry of the thread that it belongs to; ``None`` = it is not sent yet."""


@dataclass(frozen=True)
class OutgoingFile:
    """A file of a message as an adapter gets it."""

    id: int
    kind: str
    name: str
    media_type: str
    content: bytes = field(repr=False)
    link: str = field(default="", repr=False)
    """Public address under which the channel can fetch it; empty = there is none."""


@dataclass(frozen=True)
class FileRules:
    """What one kind of channel carries."""

    largest: Mapping[str, int]
    """Bytes by kind of file (``photo``, ``audio``, ``video``, ``document``); what is missing cannot be sent."""
    types: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Media types by kind, where not every one is taken."""
    most: int = 1
    """Files of one message."""
    text: frozenset[str] = frozenset()
    """Kinds beside which a text may stand."""
    text_maximum: int | None = None
    """Characters of that text; ``None`` = as many as in any message."""
    by_link: bool = False
    """The channel fetches the file from us, so a public address must be configured."""


def media_type_of(name: str) -> str:
    """Media type by the ending of a name."""
    return mimetypes.guess_type(name, strict=False)[0] or UNKNOWN_TYPE


def kind_of(media_type: str) -> str:
    """What a file of this media type is called in the thread."""
    first, _, _ = media_type.lower().partition("/")
    return {"image": "photo", "video": "video", "audio": "audio"}.get(first, "document")


def plain_name(name: str) -> str:
    """The last part of a name that came from outside, without what a file system or a terminal could take amiss."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(char for char in last if char.isprintable() and char not in '<>:"|?*').strip(" .")
    stem, dot, ending = kept.rpartition(".")
    return f"{stem[: NAME_MAXIMUM - 20]}.{ending[:19]}" if dot and stem else kept[:NAME_MAXIMUM]


def name_for(file: Attachment) -> str:
    """A name to save it under; one of our own where it came without."""
    return plain_name(file.name) or f"{file.kind.replace(' ', '-')}-{file.id}{ending_of(file.media_type)}"


def ending_of(media_type: str) -> str:
    """The ending of files of this media type, with its dot; empty where it is not known."""
    return mimetypes.guess_extension(media_type.partition(";")[0].strip().lower(), strict=False) or ""


def may_be_opened(media_type: str) -> bool:
    """Whether a viewer may be started on such a file."""
    return media_type.lower().startswith(OPENED)


def size_words(size: int | None) -> str:
    """``812 B``, ``34 KB``, ``1.2 MB``; empty where it is not known."""
    if size is None:
        return ""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1024:.0f} KB" if size < MEGABYTE else f"{size / MEGABYTE:.1f} MB"


_IMAGES = frozenset({"image/jpeg", "image/png"})
_MOVING = _IMAGES | {"image/gif"}
_ALL = ("photo", "audio", "video", "document")


def _every(size: int, **other: int) -> Mapping[str, int]:
    return dict.fromkeys(_ALL, size) | other


_WHATSAPP = FileRules(
    largest=_every(16 * MEGABYTE, photo=5 * MEGABYTE, document=FILE_MAXIMUM),
    types={
        "photo": _IMAGES,
        "audio": frozenset({"audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg"}),
        "video": frozenset({"video/mp4", "video/3gpp"}),
    },
    text=frozenset({"photo", "video", "document"}),
    text_maximum=1024,
)
_TWILIO = FileRules(
    largest=_every(5 * MEGABYTE),
    types={"photo": _MOVING},
    text=frozenset(_ALL),
    by_link=True,
)
RULES: Mapping[ChannelKind, FileRules] = {
    ChannelKind.TELEGRAM: FileRules(
        largest=_every(FILE_MAXIMUM, photo=10 * MEGABYTE), text=frozenset(_ALL), text_maximum=1024
    ),
    ChannelKind.LINE: FileRules(largest={"photo": MEGABYTE}, types={"photo": _IMAGES}, by_link=True),
    ChannelKind.WEBCHAT: FileRules(largest=_every(10 * MEGABYTE), text=frozenset(_ALL)),
    ChannelKind.SMS: _TWILIO,
    ChannelKind.EMAIL: FileRules(largest=_every(FILE_MAXIMUM), most=5, text=frozenset(_ALL)),
    ChannelKind.CUSTOM: FileRules(largest=_every(FILE_MAXIMUM), text=frozenset(_ALL), by_link=True),
    ChannelKind.WHATSAPP: _WHATSAPP,
    ChannelKind.WHATSAPP_360DIALOG: _WHATSAPP,
    ChannelKind.WHATSAPP_TWILIO: FileRules(
        largest=_every(16 * MEGABYTE, photo=5 * MEGABYTE),
        types=_WHATSAPP.types,
        text=frozenset({"photo", "video", "document"}),
        by_link=True,
    ),
    ChannelKind.MESSENGER: FileRules(largest=_every(FILE_MAXIMUM, photo=8 * MEGABYTE), by_link=True),
    ChannelKind.INSTAGRAM: FileRules(
        largest=_every(FILE_MAXIMUM, photo=8 * MEGABYTE),
        types={
            "photo": _MOVING,
            "audio": frozenset({"audio/aac", "audio/mp4", "audio/x-m4a", "audio/wav", "audio/x-wav"}),
            "video": frozenset({"video/mp4", "video/ogg", "video/x-msvideo", "video/quicktime", "video/webm"}),
            "document": frozenset({"application/pdf"}),
        },
        by_link=True,
    ),
    ChannelKind.VIBER: FileRules(
        largest={"photo": MEGABYTE, "video": FILE_MAXIMUM, "document": FILE_MAXIMUM},
        types={"photo": _MOVING, "video": frozenset({"video/mp4"})},
        text=frozenset({"photo"}),
        text_maximum=512,
        by_link=True,
    ),
    ChannelKind.WECHAT: FileRules(
        largest={"photo": 10 * MEGABYTE, "audio": 2 * MEGABYTE, "video": 10 * MEGABYTE},
        types={
            "photo": _MOVING,
            "audio": frozenset({"audio/amr", "audio/mpeg"}),
            "video": frozenset({"video/mp4"}),
        },
    ),
    ChannelKind.TIKTOK: FileRules(largest={"photo": 3 * MEGABYTE}, types={"photo": _IMAGES}),
    ChannelKind.X: FileRules(
        largest={"photo": 5 * MEGABYTE}, types={"photo": _MOVING | {"image/webp"}}, text=frozenset({"photo"})
    ),
}
"""Kinds of channel that carry files."""


def refusal_of(kind: ChannelKind, label: str, files: Sequence[Attachment], text: str) -> str:
    """Why these files cannot go with this text on a channel of this kind, in one sentence; empty = they can."""
    rules = RULES.get(kind)
    if rules is None:
        return f"{label} carries no files."
    if len(files) > rules.most:
        one = "one file" if rules.most == 1 else f"{rules.most} files"
        return f"{label} takes {one} with a message. Send the others by themselves."
    for file in files:
        told = _refused(rules, label, file)
        if told:
            return told
    return _beside(rules, label, files, text)


def _refused(rules: FileRules, label: str, file: Attachment) -> str:
    kind = file.kind if file.kind in _ALL else kind_of(file.media_type)
    if kind not in rules.largest:
        taken = ", ".join(f"{name}s" if name != "audio" else name for name in rules.largest)
        return f"{label} carries {taken} only, and {_called(file)} is none."
    types = rules.types.get(kind)
    if types is not None and file.media_type not in types:
        known = ", ".join(sorted(name.partition("/")[2].upper() for name in types))
        return f"{label} takes {kind}s as {known} only; {_called(file)} is {file.media_type}."
    if file.size is not None and file.size > rules.largest[kind]:
        return f"{_called(file)} is {size_words(file.size)}; {label} takes {size_words(rules.largest[kind])} at most."
    return ""


def _beside(rules: FileRules, label: str, files: Sequence[Attachment], text: str) -> str:
    if not text.strip() or not files:
        return ""
    if any((file.kind if file.kind in _ALL else kind_of(file.media_type)) not in rules.text for file in files):
        return f"{label} takes no text with such a file. Send them one after the other."
    if rules.text_maximum is not None and len(text) > rules.text_maximum:
        return f"{label} takes {rules.text_maximum:,} characters beside a file, and the text has {len(text):,}."
    return ""


def _called(file: Attachment) -> str:
    return plain_name(file.name) or f"the {file.kind}"
