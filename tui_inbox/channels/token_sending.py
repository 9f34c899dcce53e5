"""One send with an access token that may run out: when the channel refuses the token, it is replaced once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from tui_inbox.channels import outcomes
from tui_inbox.channels.http import HttpFailure, HttpReply
from tui_inbox.channels.outcomes import Rule, unauthorised
from tui_inbox.channels.port import FirstByteGuard
from tui_inbox.channels.tokens import TokenError, TokenKeeper
from tui_inbox.domain.clock import boottime
from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import ErrorClass

RENEW_SECONDS = 10.0
"""For the answer that refuses the token, and again for fetching another."""
AGAIN_SECONDS = 10.0
"""For the second try. Together they stay within the time that a send may take once its guard has let it go."""

T = TypeVar("T")
Post = Callable[[str, FirstByteGuard | None], Awaitable[HttpReply | HttpFailure]]
"""Posts the message with a token."""
Judge = Callable[[HttpReply], SendOutcome]
"""What an answer means."""


@dataclass(frozen=True)
class TokenSender:
    """Sends for one account."""

    label: str
    tokens: TokenKeeper
    stale: Collection[int]
    """Error codes that say that the token is not good any more; such a message was definitely not taken."""

    async def send(self, post: Post, judge: Judge, guard: FirstByteGuard) -> SendOutcome:
        """Send once. Raises only what ``guard`` raises, which is asked before the first try alone."""
        try:
            token = await self.tokens.get()
        except TokenError as error:
            return outcomes.without_token(self.label, error)
        began = boottime()
        found = self._judged(await post(token, guard), judge)
        if not self._is_stale(found):
            return found
        if boottime() - began >= RENEW_SECONDS:
            return self._later(found)
        try:
            async with asyncio.timeout(RENEW_SECONDS):
                token = await self.tokens.get(refused=token)
        except TokenError as error:
            return outcomes.without_token(self.label, error)
        except TimeoutError:
            return self._later(found)
        return await self._again(token, post, judge)

    async def ask(self, question: Callable[[str], Awaitable[T]], code_of: Callable[[T], int | None]) -> T:
        """Ask something that may be asked twice: again with a new token where the answer's code says that the first
        was stale. Raises :class:`TokenError`."""
        token = await self.tokens.get()
        found = await question(token)
        if code_of(found) in self.stale:
            found = await question(await self.tokens.get(refused=token))
        return found

    async def _again(self, token: str, post: Post, judge: Judge) -> SendOutcome:
        try:
            async with asyncio.timeout(AGAIN_SECONDS):
                found = self._judged(await post(token, None), judge)
        except TimeoutError:
            return outcomes.unknowable(self.label).outcome("")
        if self._is_stale(found):
            return unauthorised(self.label).outcome(found.error_code, found.http_status)
        return found

    def _judged(self, reply: HttpReply | HttpFailure, judge: Judge) -> SendOutcome:
        if isinstance(reply, HttpFailure):
            return outcomes.from_failure(self.label, reply)
        return outcomes.with_skew(judge(reply), reply)

    def _is_stale(self, found: SendOutcome) -> bool:
        return found.kind is not OutcomeKind.ACCEPTED and found.error_code in map(str, self.stale)

    def _later(self, found: SendOutcome) -> SendOutcome:
        told = f"{self.label}'s access token had run out. The message is tried again with a new one by itself."
        return Rule(OutcomeKind.RETRY, ErrorClass.TEMPORARY, told).outcome(found.error_code, found.http_status)
