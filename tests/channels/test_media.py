"""Fetching a file by an address that a channel told us: to whom the token goes, how far we follow, what we refuse."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.channels.support import answer, loopback
from tui_inbox.channels import media
from tui_inbox.channels.http import Http, HttpFile
from tui_inbox.channels.port import Fetched, FetchError
from tui_inbox.channels.whatsapp_media import CDN
from tui_inbox.domain.attachments import RemoteFile

TOKEN = {"Authorization": "Bearer canary"}
SECRET = b"Bearer canary"


def file(content: bytes, kind: str = "image/png") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}; x=y\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


def redirect(to: str) -> bytes:
    return f"HTTP/1.1 307 Temporary\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


async def get(address: str, base: str, maximum: int = 1000) -> Fetched:
    return await media.download(Http(), "It", address, maximum, base=base, headers=TOKEN)


async def test_the_token_goes_to_the_channel_itself_alone() -> None:
    async with loopback(file(b"there")) as other, loopback(redirect(f"{other.url}/there")) as own:
        with pytest.raises(FetchError, match="no file is fetched from") as refused:
            await get(f"{own.url}/here", own.url)  # by plain HTTP, and not the channel's own
        assert refused.value.gone
        assert other.got == []
        assert SECRET in own.got[0]


async def test_a_redirect_within_the_channel_is_followed() -> None:
    async with loopback(redirect("/elsewhere"), file(b"there")) as own:
        assert await get(f"{own.url}/here", own.url) == Fetched(b"there", "image/png")
        assert own.got[1].startswith(b"GET /elsewhere ")


async def test_redirects_have_an_end() -> None:
    async with loopback(redirect("/again")) as own:
        with pytest.raises(FetchError, match="round in circles"):
            await get(f"{own.url}/here", own.url)
        assert len(own.got) == media.MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    "address",
    ["http://169.254.169.254/meta-data", "file:///etc/passwd", "ftp://x/y", "//host/x", "", "http://[::1", "nonsense"],
)
async def test_only_the_channel_and_https_are_asked(address: str) -> None:
    with pytest.raises(FetchError) as refused:
        await get(address, "https://api.example")
    assert refused.value.gone
    assert address[8:] == "" or address[8:] not in str(refused.value)


async def test_what_is_larger_than_asked_for_is_not_taken() -> None:
    async with loopback(file(b"x" * 1001)) as own:
        assert await get(own.url, own.url) == Fetched(None, "image/png")
    async with loopback(file(b"x" * 1000)) as own:
        assert (await get(own.url, own.url)).content == b"x" * 1000


@pytest.mark.parametrize(
    ("status", "gone", "told"), [(404, True, "any more"), (401, False, "token"), (503, False, "status 503")]
)
async def test_what_is_no_file_is_told_in_words(status: int, gone: bool, told: str) -> None:
    async with loopback(answer(status, {"error": "no"})) as own:
        with pytest.raises(FetchError, match=told) as refused:
            await get(f"{own.url}/secret-path", own.url)
        assert refused.value.gone is gone
        assert "secret-path" not in str(refused.value)


async def test_a_server_that_is_not_there_is_asked_again() -> None:
    with pytest.raises(FetchError, match="cannot be reached") as refused:
        await get("http://127.0.0.1:9/x", "http://127.0.0.1:9")
    assert not refused.value.gone


async def test_a_file_that_breaks_off_is_none() -> None:
    async with loopback(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") as own:
        with pytest.raises(FetchError, match="cannot be reached"):
            await get(own.url, own.url)


def test_meta_is_the_only_stranger_who_sees_the_token() -> None:
    assert CDN == "lookaside.fbsbx.com"


async def test_a_file_is_taken_as_it_is_and_its_type_without_parameters() -> None:
    async with loopback(file(bytes(range(256)), "Image/PNG")) as own:
        found = await Http().get_file(own.url, {}, 256)
    assert isinstance(found, HttpFile)
    assert (found.content, found.media_type) == (bytes(range(256)), "image/png")


FILMS = [{"url": "list"}, {"bitrate": 1, "url": "low"}, {"bitrate": 9, "url": "high"}]
FILM = {"type": "video", "video_info": {"variants": FILMS}}
SIZES = [{"file_id": "s", "file_size": 1}, {"file_id": "l", "file_size": 9}]
PAGE = "https://x/y/a.pdf?z"


def attached(**told: Any) -> dict[str, Any]:
    return {"type": "attachment", "attachment": told}


@pytest.mark.parametrize(
    ("read", "told", "files"),
    [
        (partial(media.whatsapp, "image"), {"image": {"id": 5}}, [("photo", "5", "")]),
        (partial(media.whatsapp, "text"), {"text": {"id": "5"}}, []),
        (partial(media.whatsapp, "audio"), {"audio": {"id": "5", "voice": True}}, [("voice message", "5", "")]),
        (media.telegram, {"photo": SIZES}, [("photo", "l", "")]),
        (media.telegram, {"document": {"file_id": "d", "file_name": "a.pdf"}}, [("document", "d", "a.pdf")]),
        (media.telegram, {"photo": "nonsense"}, []),
        (media.telegram, {"text": "hi"}, []),
        (media.line, {"type": "image", "id": "7"}, [("photo", "7", "")]),
        (media.line, {"type": "sticker", "id": "7"}, []),
        (media.meta, {"attachments": [{"type": "fallback", "payload": {"url": PAGE}}]}, []),
        (media.meta, {"attachments": [{"type": "file", "payload": {"url": PAGE}}]}, [("document", PAGE, "a.pdf")]),
        (media.viber, {"type": "url", "media": PAGE}, []),
        (media.viber, {"type": "picture", "media": "https://x/p.jpg"}, [("photo", "https://x/p.jpg", "p.jpg")]),
        (
            media.x,
            {"attachment": {"media": {"type": "video", "video_info": {"variants": FILMS}}}},
            [("video", "high", "")],
        ),
        (media.custom, attached(type="image", url="https://x/a"), [("photo", "https://x/a", "")]),
        (media.custom, {**attached(url=PAGE), "type": "text"}, []),
    ],
)
def test_what_events_tell_of_files(
    read: Callable[[Any], tuple[RemoteFile, ...]], told: dict[str, Any], files: list[tuple[str, str, str]]
) -> None:
    assert [(found.kind, found.locator, found.name) for found in read(told)] == files


def test_an_address_is_never_shown() -> None:
    assert "canary" not in repr(RemoteFile("photo", "https://x/canary"))
