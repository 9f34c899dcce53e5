"""Files, end to end: the real program in a pseudo-terminal, receiver and sender as real processes, strict stand-ins.

A customer sends a picture; it is fetched by itself, seen, and saved. The agent attaches one, sends it with a text, and
the customer gets it byte by byte: on Telegram handed over, on WhatsApp uploaded before.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.ptyproc import PtyProcess
from tests.support.story import CHAPTERS, prepare
from tests.support.workspace import Workspace, until

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3000
"""Three quarters of a megabyte: several pieces, several reads."""


@pytest.fixture(params=["telegram", "whatsapp"])
def chapter(request: pytest.FixtureRequest) -> Any:
    return CHAPTERS[request.param]


def test_a_picture_each_way(chapter: Any, tmp_path: Path) -> None:
    with Workspace(tmp_path, "[rules]\nundo_seconds = 0") as workspace:
        contact = f"id:{prepare(workspace, chapter)}"
        customer_sends(workspace, chapter.channel, chapter.address)
        (photo,) = until(lambda: kept_or_none(workspace, contact))
        assert photo["size"] == len(PICTURE)
        with workspace.open_inbox() as inbox:
            to_conversation(inbox)
            inbox.wait_for("750 KB")
            save(inbox, tmp_path / "saved.png")
            assert (tmp_path / "saved.png").read_bytes() == PICTURE
            attach_and_send(inbox, tmp_path / "saved.png", "as you asked")
            inbox.wait_for("✓")
            (taken,) = workspace.accepted(chapter.channel)
            assert workspace.control(chapter.channel, "refused") == []
            assert taken["text"] == "as you asked"
            assert taken["files"][0]["sha256"] == hashlib.sha256(PICTURE).hexdigest()
            inbox.press("escape")
            inbox.wait_for("r write")
            inbox.press("q")
            assert inbox.wait() == 0


def customer_sends(workspace: Workspace, channel: str, address: str) -> None:
    content = base64.b64encode(PICTURE).decode()
    told = {"address": address, "text": "see here", "name": "parcel.png", "media_type": "image/png"}
    workspace.control(channel, "say_file", **told, content=content)


def kept_or_none(workspace: Workspace, contact: str) -> list[dict[str, Any]] | None:
    rows = [json.loads(line) for line in workspace.run("attachment", "list", contact, "--json").splitlines()]
    return rows if rows and all(row["state"] == "kept" for row in rows) else None


def to_conversation(inbox: PtyProcess) -> None:
    inbox.wait_for("bo")
    inbox.press("3")
    inbox.wait_for("Nadia")
    inbox.press("enter")
    inbox.wait_for("what may be sent now")


def save(inbox: PtyProcess, place: Path) -> None:
    inbox.press("F")
    inbox.wait_for("Save as")
    inbox.press("ctrl+u")
    inbox.type(str(place))
    inbox.wait_for(place.name)
    inbox.press("enter")
    inbox.wait_for("Saved:")


def attach_and_send(inbox: PtyProcess, place: Path, text: str) -> None:
    inbox.press("r")
    inbox.wait_for("enter send")
    inbox.type(text)
    inbox.wait_for(text)
    inbox.press("ctrl+f")
    inbox.wait_for("Attach a file")
    inbox.press("ctrl+u")
    inbox.type(str(place))
    inbox.wait_for(place.name)
    inbox.press("enter")
    inbox.wait_for("goes with your next message")
    inbox.press("enter")
