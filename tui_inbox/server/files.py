"""Files that channels fetch from us, at ``/files/TOKEN``: only what a message has sent out, as long as it is public.

A token cannot be guessed, and says nothing of what lies behind it. What is served is never shown by a browser as a page
of ours."""

from __future__ import annotations

import logging
import re
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tui_inbox.domain.attachments import Attachment, name_for
from tui_inbox.domain.errors import StoreError
from tui_inbox.services.attachments import AttachmentService

logger = logging.getLogger(__name__)

TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}


def file_response(file: Attachment, content: bytes) -> Response:
    """A file, to be saved and never to be shown as a page of ours."""
    headers = {**SAFE, "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name_for(file))}"}
    return Response(content, media_type=file.media_type, headers=headers)


def file_routes(attachments: AttachmentService) -> list[Route]:
    """The endpoint."""

    async def serve(request: Request) -> Response:
        token = request.path_params["token"]
        try:
            found = await attachments.public(token) if TOKEN.fullmatch(token) else None
        except StoreError as error:
            logger.error("a file could not be read: %s", type(error).__name__)
            return Response(status_code=503)
        if found is None:
            return Response(status_code=404)
        return file_response(*found)

    return [Route("/files/{token}", serve, methods=["GET", "HEAD"])]
