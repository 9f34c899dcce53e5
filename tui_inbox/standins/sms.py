"""Stand-in of SMS by Twilio (reference: channels, section 9.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.standins.config import Member
from tui_inbox.standins.state import Fault
from tui_inbox.standins.twilio import TwilioStandin, refuse

UNKNOWN_HANDSET = 30005


class SmsStandin(TwilioStandin):
    """One number. Anybody with a phone can be written to who has not opted out."""

    prefix = ""
    address = re.compile(r"\+[0-9]{5,15}")
    steps: Sequence[str] = ("delivered",)

    def failure_of(self, member: Member | None, *, is_template: bool) -> Fault | None:
        """Who has opted out is refused at once; a phone that is off is noticed later."""
        if member is not None and member.blocked:
            raise refuse(21610)
        if member is not None and not member.started:
            return Fault(kind="late", code=UNKNOWN_HANDSET)
        return None

    def membership(self, member: Member, at: datetime) -> Mapping[str, Any] | None:
        """STOP and START are messages like any other, with a mark of what Twilio took them for."""
        word = "STOP" if member.blocked else "START"
        return {**self.said(member, word, at), "OptOutType": word}
