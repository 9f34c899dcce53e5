"""Reading a request's body up to a limit."""

from __future__ import annotations

from starlette.requests import Request


class TooLargeError(Exception):
    """The body is larger than what is taken."""


async def read_body(request: Request, maximum: int) -> bytes:
    """The body. Raises :class:`TooLargeError` as soon as it is longer than ``maximum`` bytes."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > maximum:
            raise TooLargeError
        parts.append(part)
    return b"".join(parts)
