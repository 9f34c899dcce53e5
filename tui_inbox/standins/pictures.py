"""Small pictures for customers of stand-ins and of the demo to send."""

from __future__ import annotations

import random
import struct
import zlib

WIDTH, HEIGHT = 160, 120


def picture(seed: str) -> bytes:
    """A PNG of a coloured thing before a coloured ground; the same seed gives the same picture."""
    chance = random.Random(seed)
    ground, thing = (tuple(chance.randrange(40, 220) for _ in range(3)) for _ in range(2))
    left, top = chance.randrange(10, 60), chance.randrange(10, 40)
    right, bottom = left + chance.randrange(40, 90), top + chance.randrange(30, 70)
    rows = bytearray()
    for y in range(HEIGHT):
        shade = y * 60 // HEIGHT
        light = bytes(min(255, part + shade) for part in ground)
        inside = bytes(max(0, part - shade) for part in thing) if top <= y < bottom else light
        rows += b"\0" + light * left + inside * (right - left) + light * (WIDTH - right)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
