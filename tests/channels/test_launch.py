"""The stand-ins as a process of their own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.channels.support import KINDS, NOW, adapter, allow, outgoing, standin_config
from tui_inbox.channels.http import Http, HttpReply
from tui_inbox.domain.errors import InboxError, UsageError
from tui_inbox.domain.events import OutcomeKind
from tui_inbox.domain.kinds import ChannelKind
from tui_inbox.standins.config import read_config
from tui_inbox.standins.launch import launch, running

NO_SPECS = {"TUI_INBOX_SPECS": ""}


async def test_a_process_takes_messages_and_ends() -> None:
    standins = await asyncio.to_thread(launch, standin_config(), environment=NO_SPECS)
    try:
        url = standins.control_url("telegram", "window")
        set_window = await Http().post_json(url, {}, {"address": "4242", "last_inbound_at": NOW.isoformat()})
        assert isinstance(set_window, HttpReply)
        result = await adapter(ChannelKind.TELEGRAM, standins.base_url("telegram")).send(
            outgoing(ChannelKind.TELEGRAM), allow
        )
        assert result.kind is OutcomeKind.ACCEPTED
        for kind in KINDS:
            assert (await adapter(kind, standins.base_url(kind.value)).check()).ok
    finally:
        await asyncio.to_thread(standins.stop)
    assert standins.process.returncode == 0
    standins.stop()


def test_a_port_that_is_taken() -> None:
    with running(standin_config(), environment=NO_SPECS) as first, pytest.raises(InboxError, match="cannot listen"):
        launch(standin_config(port=first.port), environment=NO_SPECS)


def test_a_folder_of_descriptions_without_them(tmp_path: Path) -> None:
    with pytest.raises(InboxError, match="folder without whatsapp"):
        launch(standin_config(), environment={"TUI_INBOX_SPECS": str(tmp_path)})


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(standin_config().model_dump_json(), "utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "tui_inbox.standins", str(config), "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **NO_SPECS},
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"ready ")
    process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "the file"),
        ("{}", "channels"),
        ('{"channels": [{"name": "a", "kind": "google_business", "token": "x"}]}', "channels.0.kind"),
        ('{"channels": [{"name": "a b", "kind": "telegram", "token": "x"}]}', "channels.0.name"),
        ('{"channels": [], "odd": 1}', "odd"),
    ],
)
def test_configurations_that_are_wrong(content: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(content, "utf-8")
    with pytest.raises(UsageError, match=f"wrong at {told}"):
        read_config(path)


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_config(tmp_path / "nothing.json")


def test_a_configuration_survives_the_way_through_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    config = standin_config(accepted_file=tmp_path / "accepted")
    path.write_text(config.model_dump_json(), "utf-8")
    assert read_config(path) == read_config(path)
    assert read_config(path).model_dump(mode="json") == json.loads(config.model_dump_json())


def test_usage() -> None:
    done = subprocess.run([sys.executable, "-m", "tui_inbox.standins"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"usage" in done.stderr
