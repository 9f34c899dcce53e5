"""One channel of a process: takes requests, plays faults, reports receipts, lets customers write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from tui_inbox.domain.clock import Clock
from tui_inbox.standins.config import ChannelConfig, StandinConfig
from tui_inbox.standins.customers import Customers
from tui_inbox.standins.files import SERVED, StoredFile
from tui_inbox.standins.platform import (
    Answer,
    AsksForReceipts,
    Call,
    CarriesFiles,
    Cut,
    KeepsMail,
    Platform,
    Reaction,
    RefusedError,
    Torn,
)
from tui_inbox.standins.platforms import PLATFORMS
from tui_inbox.standins.specs import Specs
from tui_inbox.standins.state import Accepted, ChannelState, Fault
from tui_inbox.standins.webhooks import Poster, Webhook

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
"""Runs a coroutine in the background."""


class Channel:
    """One account."""

    def __init__(
        self, config: ChannelConfig, process: StandinConfig, clock: Clock, specs: Specs | None, spawn: Spawn
    ) -> None:
        self.config = config
        self.state = ChannelState(config, clock, accepted_file=process.accepted_file)
        self.platform: Platform = PLATFORMS[config.kind](self.state, specs)
        mail = self.platform if isinstance(self.platform, KeepsMail) else None
        self.poster = mail.poster() if mail is not None else Poster(self.platform, config.webhook_url)
        self._process = process
        self._customers = Customers(process.customers) if process.customers is not None else None
        self._spawn = spawn
        self._aftermaths: set[asyncio.Task[None]] = set()

    async def handle(self, call: Call) -> Reaction:
        """Answer a request as the channel would, faults included."""
        try:
            served = self._served(call)
            if served is not None:
                return served
            self.platform.authorise(call)
            if self.platform.is_send(call):
                return await self._send(call)
            return self.platform.read(call)
        except RefusedError as refusal:
            self.state.refused.append({"status": refusal.answer.status, "body": refusal.answer.body})
            return refusal.answer

    def _served(self, call: Call) -> Answer | None:
        """A file that a customer has sent, where the request is for one."""
        if not call.path.startswith(SERVED) or not isinstance(self.platform, CarriesFiles):
            return None
        self.platform.authorise_file(call)
        file = self.state.files.get(call.path.removeprefix(SERVED))
        return Answer(404, {"error": "no such file"}) if file is None else Answer(200, None, file=file)

    async def _send(self, call: Call) -> Reaction:
        fault = self.state.take_fault()
        before = await self._before(fault)
        if before is not None:
            return before
        taken = self.platform.check(call)
        message = Accepted(
            number=len(self.state.accepted) + 1,
            channel=self.config.name,
            at=self.state.clock(),
            provider_id=self.platform.provider_id(taken),
            address=taken.address,
            text=taken.text,
            template=taken.template,
            tag=taken.tag,
            echo=taken.echo,
            request=taken.request,
            key=taken.key,
            files=taken.files,
        )
        self.state.keep(message)
        late = fault if fault is not None and fault.kind == "late" else taken.late
        base = f"http://{call.headers.get('host', '')}"
        aftermath = self._spawn(self._afterwards(message, late, base))
        self._aftermaths.add(aftermath)
        aftermath.add_done_callback(self._aftermaths.discard)
        if fault is not None and fault.kind == "drop":
            return Cut()
        answer = self.platform.taken(message)
        return Torn(answer) if fault is not None and fault.kind == "truncated" else answer

    async def _before(self, fault: Fault | None) -> Reaction | None:
        """What a fault answers before the message is looked at; ``None`` = nothing."""
        if fault is None:
            return None
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault.kind == "status":
            wait = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
            return Answer(fault.status, {"fault": "as told"}, wait)
        if fault.kind == "error":
            answer = self.platform.failure(fault)
            self.state.refused.append({"status": answer.status, "body": answer.body})
            return answer
        return Cut() if fault.kind == "drop" and not fault.accept else None

    async def _afterwards(self, message: Accepted, late: Fault | None, base: str) -> None:
        if self._process.receipts:
            query = self.platform.receipt_query(message) if isinstance(self.platform, AsksForReceipts) else ""
            for receipt in self.platform.receipts(message, late):
                await asyncio.sleep(self._process.receipt_delay)
                self.poster.post(receipt, query)
        member = self.state.members.get(message.address)
        silent = late is not None or (member is not None and member.blocked)  # LINE takes what never arrives
        answer = self._customers.answer(message) if self._customers is not None and not silent else None
        if answer is not None:
            await asyncio.sleep(answer.delay)
            if answer.photo is not None and isinstance(self.platform, CarriesFiles):
                photo = StoredFile("", "photo.png", "image/png", answer.photo)
                self.say_file(message.address, answer.text, photo, base)
            else:
                self.say(message.address, answer.text)

    async def settled(self) -> None:
        """Wait until receipts and answers of every message so far have been posted."""
        await asyncio.gather(*self._aftermaths)
        await self.poster.settled()

    def say(
        self, address: str, text: str, *, name: str = "", username: str = "", at: datetime | None = None
    ) -> Webhook:
        """The customer writes; ``at`` is the channel's time of it, by default now."""
        member = self.state.member(address)
        member.name, member.username = name or member.name, username or member.username
        moment = at or self.state.clock()
        self.state.heard(member, moment)
        return self.poster.post(self.platform.said(member, text, moment))

    def say_file(self, address: str, text: str, file: StoredFile, base: str) -> Webhook:
        """The customer sends a file; ``base`` is the address of this process. Raises :class:`ValueError` where the
        channel carries none."""
        if not isinstance(self.platform, CarriesFiles):
            raise ValueError(f"{self.config.kind} carries no files")
        member, at = self.state.member(address), self.state.clock()
        self.state.heard(member, at)
        held = self.state.put(file)
        url = f"{base}{self.config.prefix}{SERVED}{held.id}"
        return self.poster.post(self.platform.said_file(member, text, at, held, url))

    def set_member(
        self, address: str, *, name: str | None = None, started: bool | None = None, blocked: bool | None = None
    ) -> None:
        """Change what the channel knows of a customer; where the channel tells, a webhook follows."""
        member = self.state.member(address)
        member.name = member.name if name is None else name
        member.started = member.started if started is None else started
        if blocked is not None and blocked != member.blocked:
            member.blocked = blocked
            told = self.platform.membership(member, self.state.clock())
            if told is not None:
                self.poster.post(told)

    def set_window(self, address: str, last_inbound_at: datetime | None, seconds_ago: float | None) -> None:
        """Set when the customer last wrote, for the channel's own count of the window."""
        at = last_inbound_at
        if seconds_ago is not None:
            at = self.state.clock() - timedelta(seconds=seconds_ago)
        self.state.member(address).last_inbound_at = at
