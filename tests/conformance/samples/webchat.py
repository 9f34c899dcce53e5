"""The website chat, which is our own."""

from __future__ import annotations

from tests.conformance.sample import Sample
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

NO_WINDOW = "The website chat has no messaging window."
NO_TEMPLATES = "The website chat has no templates."
NOT_POSTED = "Nothing is posted by others: visitors come to the chat's own addresses, each with a token of its own."
OURS = "No provider stands behind it that could answer so."

SAMPLE = Sample(
    kind=ChannelKind.WEBCHAT,
    address="visitor-0123456789abcdef",
    stranger="visitor-fedcba9876543210",
    secrets={},
    config={"title": "Ask us"},
    errors={
        ErrorClass.UNREACHABLE: ({"description": "gone"},),
        ErrorClass.INVALID: ({"description": "none", "text": " \n"}, {"description": "none", "text": "x" * 10_001}),
        ErrorClass.TEMPORARY: ({"description": "store"},),
    },
    longest="😀" * 10_000,
    lacks={
        "tag after closing": NO_WINDOW,
        "template after closing": NO_TEMPLATES,
        "template list": NO_TEMPLATES,
        "error window_closed": NO_WINDOW,
        "error window_count_used": NO_WINDOW,
        "error rate_limited": OURS,
        "error quota_exhausted": OURS,
        "error auth": "It needs no credential.",
        "error template": NO_TEMPLATES,
        "rate limit with and without a wait": OURS,
        "server trouble": OURS,
        "cut answer": "There is no answer on a wire that could be cut.",
        "credential": "It needs no credential at all.",
        "receipt sent": "A line that is laid out is sent; the next that is known of it is that a browser has it.",
        "late failure": "Nothing can fail afterwards: a line waits until its visitor comes back.",
        "inbound out of order": "Lines are numbered as they arrive, so there is no other order.",
        "bad signature": NOT_POSTED,
        "no secret": NOT_POSTED,
        "handshake": NOT_POSTED,
        "opt-out and back": "Nobody tells that a visitor will not come back.",
        "inbound photo that is gone": "Files come along with their line, so none can be gone.",
    },
    success=lambda ident: None,
    text_in=lambda body: body.decode(),
    tells_time=False,
    brings_files=True,
)
