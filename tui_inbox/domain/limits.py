"""Text limits in the unit that each channel counts in, and how to count."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

GSM7_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 03.38 default alphabet: one septet each."""
GSM7_EXTENDED = frozenset("^{}\\[~]|€\f")
"""GSM 03.38 extension table: two septets each."""
SEGMENT_GSM, SEGMENT_GSM_JOINED = 160, 153
SEGMENT_UCS2, SEGMENT_UCS2_JOINED = 70, 67


class TextUnit(StrEnum):
    """What a channel counts."""

    CHARACTERS = "characters"
    """Unicode code points."""
    UTF16 = "UTF-16 units"
    BYTES = "bytes"
    """Bytes of UTF-8."""
    SMS = "SMS characters"
    """Code points, with the number of SMS segments beside it."""


@dataclass(frozen=True)
class TextLimit:
    """Longest text a channel takes; ``maximum`` ``None`` = no limit that we know."""

    maximum: int | None
    unit: TextUnit


@dataclass(frozen=True)
class TextMeasure:
    """A text measured against a limit."""

    used: int
    maximum: int | None
    unit: TextUnit
    segments: int | None = None
    """Number of SMS segments; ``None`` where the channel has none."""

    @property
    def over(self) -> int:
        """Units above the limit; 0 when it fits."""
        return max(0, self.used - self.maximum) if self.maximum is not None else 0

    def describe(self) -> str:
        """Counter for the composer, for example ``812/1,000 bytes`` or ``170 characters, 2 segments``."""
        unit = "characters" if self.unit is TextUnit.SMS else self.unit.value
        text = f"{self.used:,}" if self.maximum is None else f"{self.used:,}/{self.maximum:,}"
        text = f"{text} {unit}"
        if self.segments is not None:
            text += f", {self.segments} segment{'' if self.segments == 1 else 's'}"
        return text


def measure(text: str, limit: TextLimit) -> TextMeasure:
    """Count ``text`` in the unit of ``limit``."""
    if limit.unit is TextUnit.UTF16:
        used = len(text.encode("utf-16-le", "surrogatepass")) // 2
    elif limit.unit is TextUnit.BYTES:
        used = len(text.encode("utf-8", "surrogatepass"))
    else:
        used = len(text)
    segments = sms_segments(text) if limit.unit is TextUnit.SMS else None
    return TextMeasure(used, limit.maximum, limit.unit, segments)


def sms_segments(text: str) -> int:
    """Number of SMS segments (3GPP 23.038): 160 or 153 septets, or 70 or 67 UCS-2 units; 0 for no text.

    A two-septet character and a surrogate pair are never split over two segments.
    """
    if not text:
        return 0
    if all(char in GSM7_BASIC or char in GSM7_EXTENDED for char in text):
        return _packed([2 if char in GSM7_EXTENDED else 1 for char in text], SEGMENT_GSM, SEGMENT_GSM_JOINED)
    return _packed([2 if ord(char) > 0xFFFF else 1 for char in text], SEGMENT_UCS2, SEGMENT_UCS2_JOINED)


def _packed(sizes: list[int], single: int, joined: int) -> int:
    if sum(sizes) <= single:
        return 1
    segments, room = 1, joined
    for size in sizes:
        if size > room:
            segments, room = segments + 1, joined
        room -= size
    return segments
