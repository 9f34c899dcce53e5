"""Mail: spoken to by SMTP and IMAP, and asked for what came in."""

from __future__ import annotations

from tests.conformance.sample import Sample
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

NO_WINDOW = "Mail has no messaging window."
NO_TEMPLATES = "Mail has no templates."
NO_RECEIPTS = "Mail has no receipts that could be relied on: only an answer or a report tells what became of it."
NOT_POSTED = "Nothing is posted to us: the mailbox is asked, with its password."

SAMPLE = Sample(
    kind=ChannelKind.EMAIL,
    address="ana@customer.example",
    stranger="zoe@elsewhere.example",
    secrets={"password": "correct-horse"},
    config={
        "address": "support@shop.example",
        "from_name": "Northwind",
        "smtp_host": "127.0.0.1",
        "imap_host": "127.0.0.1",
        "smtp_security": "none",
        "imap_security": "none",
    },
    errors={
        ErrorClass.UNREACHABLE: (
            {"code": 550, "description": "5.1.1 no such user"},
            {"code": 550, "description": "5.1.2 no such domain"},
            {"code": 550, "description": "5.2.1 switched off"},
            {"code": 552, "description": "5.2.2 full"},
            {"code": 556, "description": "5.1.10 null MX"},
            {"kind": "late", "description": "5.1.1"},
            {"kind": "late", "description": "5.2.2"},
        ),
        ErrorClass.RATE_LIMITED: ({"code": 450, "description": "4.7.28 too fast"},),
        ErrorClass.AUTH: ({"code": 535, "description": "5.7.8 wrong password"}, {"code": 530, "description": "log in"}),
        ErrorClass.INVALID: (
            {"code": 552, "description": "5.3.4 too large"},
            {"code": 550, "description": "5.7.1 refused by policy"},
            {"code": 554, "description": "no"},
        ),
        ErrorClass.TEMPORARY: (
            {"code": 421, "description": "4.3.2 closing"},
            {"code": 450, "description": "4.2.0 greylisted"},
            {"code": 451, "description": "4.7.1 later"},
        ),
    },
    longest="",
    lacks={
        "tag after closing": NO_WINDOW,
        "template after closing": NO_TEMPLATES,
        "template list": NO_TEMPLATES,
        "limits": "Mail has no limit of length that a server would tell.",
        "error window_closed": NO_WINDOW,
        "error window_count_used": "Mail servers count no messages per customer.",
        "error quota_exhausted": "Mail servers tell of no quota but by asking to wait.",
        "error template": NO_TEMPLATES,
        "rate limit with and without a wait": "SMTP has no way to say how long to wait.",
        "server trouble": "Every reply of a mail server is definite; one that does not come is a lost answer.",
        "lost answer settles itself": "Nothing but the customer's answer or a report of the server settles it.",
        "receipt sent": NO_RECEIPTS,
        "receipt delivered": NO_RECEIPTS,
        "receipt read": NO_RECEIPTS,
        "receipts out of order": NO_RECEIPTS,
        "bad signature": NOT_POSTED,
        "no secret": NOT_POSTED,
        "handshake": NOT_POSTED,
        "opt-out and back": "Nobody tells that a mail address wants no more mail.",
        "inbound photo that is gone": "Files come along with their mail, so none can be gone.",
    },
    success=lambda ident: None,
    text_in=lambda body: body.decode(),
    ok_is_enough=False,
    brings_files=True,
    late_failure={"description": "5.1.1"},
)
