"""Files: names that cannot do harm, sizes in words, what each channel carries, and how many messages it takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_inbox.channels.registry import ADAPTERS
from tui_inbox.domain.attachments import (
    FILE_MAXIMUM,
    NAME_MAXIMUM,
    RULES,
    Attachment,
    FileState,
    kind_of,
    may_be_opened,
    media_type_of,
    name_for,
    plain_name,
    refusal_of,
    size_words,
)
from tui_inbox.domain.kinds import ChannelKind
from tui_inbox.screens.conversation_files import portions

PHOTO = Attachment(7, 1, "photo", "beach.jpg", "image/jpeg", 1000, FileState.KEPT)
PDF = replace(PHOTO, id=8, kind="document", name="offer.pdf", media_type="application/pdf")


@pytest.mark.parametrize(
    ("given_name", "plain"),
    [
        ("../../etc/passwd", "passwd"),
        ("..", ""),
        (".", ""),
        ("", ""),
        ("C:\\Users\\ana\\offer.pdf", "offer.pdf"),
        (".bashrc", "bashrc"),
        ("a\x1b[31mred\x07\u202e.png", "a[31mred.png"),
        ("line\nbreak\r.txt", "linebreak.txt"),
        ("  käsi & kukka.png ", "käsi & kukka.png"),
        ('<b>"x"|?*</b>:.html', "b.html"),
        ("x" * 500 + ".jpeg", "x" * 180 + ".jpeg"),
    ],
)
def test_a_name_from_outside_is_never_a_path_or_a_sequence(given_name: str, plain: str) -> None:
    assert plain_name(given_name) == plain


@given(st.text(max_size=600))
def test_no_name_leads_out_of_a_directory(name: str) -> None:
    plain = plain_name(name)
    assert not set(plain) & set('/\\\0\n\r\x1b<>:"|?*')
    assert plain not in (".", "..")
    assert not plain.startswith(".")
    assert len(plain) <= NAME_MAXIMUM
    assert name_for(replace(PHOTO, name=name))


def test_a_file_without_a_name_gets_one_by_its_type() -> None:
    assert name_for(replace(PHOTO, name="")) == "photo-7.jpg"
    assert name_for(replace(PHOTO, name="..", kind="voice message", media_type="")) == "voice-message-7"


def test_types_and_sizes_in_words() -> None:
    assert [media_type_of(name) for name in ("a.PNG", "a.pdf", "a.unknown", "a")] == [
        "image/png",
        "application/pdf",
        "application/octet-stream",
        "application/octet-stream",
    ]
    assert [kind_of(name) for name in ("image/png", "VIDEO/mp4", "audio/ogg", "text/html", "")] == [
        "photo",
        "video",
        "audio",
        "document",
        "document",
    ]
    sizes = (None, 0, 999, 1000, 34_816, FILE_MAXIMUM)
    assert [size_words(size) for size in sizes] == ["", "0 B", "999 B", "1 KB", "34 KB", "25.0 MB"]


@pytest.mark.parametrize("media_type", ["text/html", "image", "application/x-msdownload", "application/x-sh", ""])
def test_what_could_run_is_not_opened(media_type: str) -> None:
    assert not may_be_opened(media_type)
    assert may_be_opened("image/png")


def test_every_channel_that_can_be_connected_carries_photos_within_what_is_kept() -> None:
    assert set(RULES) == set(ADAPTERS)
    for kind, rules in RULES.items():
        assert 0 < rules.largest["photo"] <= FILE_MAXIMUM, kind
        assert max(rules.largest.values()) <= FILE_MAXIMUM, kind
        assert set(rules.text) <= set(rules.largest), kind
        assert refusal_of(kind, "It", [PHOTO], "") == "", kind


@pytest.mark.parametrize(
    ("kind", "files", "text", "told"),
    [
        (ChannelKind.GOOGLE_BUSINESS, [PHOTO], "", "carries no files"),
        (ChannelKind.LINE, [PDF], "", "photos only"),
        (ChannelKind.LINE, [replace(PHOTO, media_type="image/gif")], "", "JPEG, PNG"),
        (ChannelKind.VIBER, [replace(PHOTO, size=(1 << 20) + 1)], "", "1.0 MB at most"),
        (ChannelKind.TELEGRAM, [PHOTO], "x" * 1025, "1,024 characters"),
        (ChannelKind.TELEGRAM, [PHOTO, PDF], "", "one file"),
        (ChannelKind.EMAIL, [PHOTO] * 6, "", "5 files"),
        (ChannelKind.MESSENGER, [PHOTO], "words", "one after the other"),
        (ChannelKind.WHATSAPP, [replace(PDF, name="a.svg", kind="photo", media_type="image/svg+xml")], "", "JPEG, PNG"),
    ],
)
def test_a_refusal_says_what_would_go(kind: ChannelKind, files: list[Attachment], text: str, told: str) -> None:
    sentence = refusal_of(kind, "The channel", files, text)
    assert told in sentence
    assert sentence.endswith(".")


def test_files_and_text_are_as_few_messages_as_the_channel_allows() -> None:
    assert portions(ChannelKind.TELEGRAM, [], "hi") == [((), "hi")]
    assert portions(ChannelKind.TELEGRAM, [PHOTO], "hi") == [((PHOTO,), "hi")]
    assert portions(ChannelKind.TELEGRAM, [PHOTO, PDF], "hi") == [((PHOTO,), ""), ((PDF,), "hi")]
    assert portions(ChannelKind.TELEGRAM, [PHOTO], "x" * 1025) == [((PHOTO,), ""), ((), "x" * 1025)]
    assert portions(ChannelKind.EMAIL, [PHOTO, PDF], "hi") == [((PHOTO, PDF), "hi")]
    assert portions(ChannelKind.MESSENGER, [PHOTO, PDF], "hi") == [((PHOTO,), ""), ((PDF,), ""), ((), "hi")]
    assert portions(ChannelKind.MESSENGER, [PHOTO], " \n") == [((PHOTO,), "")]
    assert portions(ChannelKind.VIBER, [PDF], "hi") == [((PDF,), ""), ((), "hi")]


@given(st.sampled_from(list(RULES)), st.lists(st.sampled_from([PHOTO, PDF]), max_size=8), st.text(max_size=30))
def test_nothing_is_left_out_or_sent_twice(kind: ChannelKind, files: list[Attachment], text: str) -> None:
    found = portions(kind, files, text)
    assert [file for group, _ in found for file in group] == files
    assert [words for _, words in found if words.strip()] == ([text] if text.strip() else [])
    assert all(len(group) <= RULES[kind].most for group, _ in found)
