"""Making out one message: which channel, whether it may go, what it says, and what it does to the conversation.

Reads only. Sending runs it inside its transaction, the preview inside a reading one, so both refuse alike.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from tui_inbox.domain import lifecycle
from tui_inbox.domain.attachments import Attachment, refusal_of
from tui_inbox.domain.errors import NotFoundError, PolicyRefusedError, UsageError
from tui_inbox.domain.kinds import ContentKind, ConversationStatus, Permission, WindowState
from tui_inbox.domain.lifecycle import Change, WorkspaceRules
from tui_inbox.domain.limits import TextLimit, TextMeasure, measure
from tui_inbox.domain.models import Agent, Contact, ContactChannel, Conversation
from tui_inbox.domain.templates import Template, TemplateContent, problems, render
from tui_inbox.domain.window import WindowAnswer
from tui_inbox.services.contacts import handle_of, view_of
from tui_inbox.services.reach import Reach, clock_time, preferred_of

if TYPE_CHECKING:  # screens use this module before the database layer is loaded
    from tui_inbox.repository.unit import Unit

TAGS = {"HUMAN_AGENT": Permission.HUMAN_AGENT}
"""Tags that may be asked for, with the permission that each needs."""
LONGEST_DELAY = 3600.0
"""Most seconds that a message can be held back for undo."""
_KINDS = {Permission.TEXT: "text", Permission.TEMPLATE: "a template", Permission.HUMAN_AGENT: "a HUMAN_AGENT message"}


@dataclass(frozen=True)
class TemplateChoice:
    """A template by name and language, with the values of its placeholders (see ``TemplateContent.values``)."""

    name: str
    language: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SendRequest:
    """What an agent wants to send; either a text or a template."""

    contact_id: int
    text: str = ""
    template: TemplateChoice | None = None
    channel_id: int | None = None
    """Contact channel; ``None`` = the one last used with this contact, or before any message the one that allows
    most."""
    tag: str = ""
    """``HUMAN_AGENT`` or empty."""
    client_key: str | None = None
    """Chosen by the caller, unique for the agent: the same key twice is one message."""
    draft_id: str | None = None
    """The draft that this text was; discarded with the send."""
    seen_seq: int | None = None
    """``Conversation.last_seq`` when the agent decided to send; ``None`` = do not check."""
    due_in: float = 0.0
    """Seconds in which it can still be taken back."""
    files: tuple[int, ...] = ()
    """Files of the agent's composer (their ids) that go along with the text, or alone."""


@dataclass(frozen=True)
class SendPreview:
    """What sending would do."""

    channel: ContactChannel
    answer: WindowAnswer
    body: str
    """The text, or the filled template."""
    reopens: bool
    assigns_to: str
    """Handle of who gets the conversation; empty when the assignee stays."""
    previous_assignee: str
    """Handle of who loses it; empty when nobody does."""
    keeps_owner: str
    """Handle of somebody else who has it and keeps it; empty otherwise."""
    measure: TextMeasure
    sentence: str
    """The consequences in one line, e.g. ``reopens, assigns to you (was bo), free text until 14:05``."""
    files: tuple[str, ...] = ()
    """Names of the files that go along."""


@dataclass(frozen=True)
class SendPlan:
    """A message that may go, and everything that goes with it."""

    contact: Contact
    conversation: Conversation
    reach: Reach
    permission: Permission
    body: str
    template: TemplateContent | None
    tag: str
    measure: TextMeasure
    change: Change
    owner: str
    """Handle of the present assignee; empty for nobody."""
    files: tuple[Attachment, ...] = ()

    @property
    def shown(self) -> str:
        """What the thread and the list say: the text, else the names of the files."""
        return self.body or " ".join(f"[{file.kind}] {file.name}".rstrip() for file in self.files)

    @property
    def content_kind(self) -> ContentKind:
        """What the message is made of."""
        return ContentKind.TEXT if self.template is None else ContentKind.TEMPLATE

    @property
    def takes(self) -> bool:
        """Whether the conversation becomes the sender's by this."""
        return self.change.after.assignee_id != self.conversation.assignee_id


async def make_plan(unit: Unit, agent: Agent, request: SendRequest, rules: WorkspaceRules, now: datetime) -> SendPlan:
    """Decide everything about ``request`` at ``now``.

    Raises :class:`UsageError`, :class:`NotFoundError` or :class:`PolicyRefusedError`.
    """
    _check_request(request)
    view = await view_of(unit, request.contact_id, now)
    target = choose(view.reach, request.channel_id, view.conversation.last_channel_id)
    permission = _permission(request)
    require(target, permission, view.reach)
    template = await _filled(unit, target, request.template) if request.template is not None else None
    body = request.text if template is None else template.rendered
    files = await _files(unit, agent, request, target)
    counted = _measured(target, body, is_template=template is not None)
    return SendPlan(
        contact=view.contact,
        conversation=view.conversation,
        reach=target,
        permission=permission,
        body=body,
        template=template,
        tag=request.tag,
        measure=counted,
        change=lifecycle.send(view.conversation, agent.id, rules, now),
        owner="" if view.assignee is None else view.assignee.handle,
        files=files,
    )


async def _files(unit: Unit, agent: Agent, request: SendRequest, target: Reach) -> tuple[Attachment, ...]:
    if not request.files:
        return ()
    there = {file.id: file for file in await unit.attachments.of_composer(agent.id, request.contact_id)}
    missing = [ident for ident in request.files if ident not in there]
    if missing:
        raise NotFoundError("A file is not in the composer any more: it was sent or removed. Look, and send again.")
    found = tuple(there[ident] for ident in request.files)
    told = refusal_of(target.contact_channel.channel.kind, target.policy.label, found, request.text)
    if told:
        raise UsageError(told)
    return found


def choose(reaches: tuple[Reach, ...], channel_id: int | None, last_used: int | None) -> Reach:
    """The channel named; else the one last used, whatever it allows; else, before any message, the best one."""
    if not reaches:
        raise PolicyRefusedError("This contact has no channel to write on.", "Wait until the customer writes.")
    known = {item.contact_channel.id: item for item in reaches}
    if channel_id is not None:
        if channel_id not in known:
            raise NotFoundError(f"This contact is not on that channel. It is on: {_names(reaches)}.")
        return known[channel_id]
    if last_used in known:
        return known[last_used]
    if reaches[0].contact_channel.last_message_at is not None:
        return reaches[0]
    return preferred_of(reaches, None) or reaches[0]


def require(target: Reach, permission: Permission, reaches: tuple[Reach, ...] = ()) -> None:
    """Raise :class:`PolicyRefusedError`, with the nearest way out, unless ``permission`` is given on ``target``."""
    answer, name = target.answer, target.contact_channel.channel.name
    if answer.allows(permission):
        return
    if not answer.may_send:
        raise PolicyRefusedError(f"Nothing can be sent on {name}: {answer.reason}.", _elsewhere(target, reaches))
    if permission is Permission.HUMAN_AGENT and answer.allows(Permission.TEXT):
        raise PolicyRefusedError(f"The tag HUMAN_AGENT is not allowed on {name} now.", "Send the text without a tag.")
    if permission is Permission.TEXT and answer.allows(Permission.HUMAN_AGENT):
        raise PolicyRefusedError(
            f"Text without a tag can't be sent on {name}: {answer.reason}.",
            "Send it with the tag HUMAN_AGENT if a person wrote it to answer this customer.",
        )
    if permission is Permission.TEMPLATE and answer.allows(Permission.TEXT):
        raise PolicyRefusedError(f"{target.policy.label} has no templates.", "Send a text.")
    way_out = f"{_capital(answer.way_out)}." if answer.way_out else _elsewhere(target, reaches)
    raise PolicyRefusedError(f"{_capital(_KINDS[permission])} can't be sent on {name}: {answer.reason}.", way_out)


def check_text(text: str, verb: str = "send") -> None:
    """Raise :class:`UsageError` for a text that nobody could see or that can't be stored."""
    if all(unicodedata.category(char) in {"Cc", "Cf", "Zs", "Zl", "Zp"} for char in text):
        raise UsageError(f"There is nothing to {verb}: the text is empty.")
    if unstorable(text):
        raise UsageError("The text has bytes that are not characters. Type them again, or save the file as UTF-8.")


def unstorable(text: str) -> bool:
    """Whether ``text`` holds what no database and no channel takes: NUL, or half a character."""
    return "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text)


async def preview_of(plan: SendPlan, unit: Unit, agent: Agent, now: datetime, zone: tzinfo | None) -> SendPreview:
    """The consequences of a plan, in fields and in one line."""
    owner_stays = plan.owner if not plan.takes and plan.owner != agent.handle else ""
    return SendPreview(
        channel=plan.reach.contact_channel,
        answer=plan.reach.answer,
        body=plan.body,
        reopens=plan.change.reopened,
        assigns_to=await handle_of(unit, plan.change.after.assignee_id) if plan.takes else "",
        previous_assignee=plan.owner if plan.takes else "",
        keeps_owner=owner_stays,
        measure=plan.measure,
        sentence=", ".join(_consequences(plan, owner_stays, now, zone)),
        files=tuple(file.name for file in plan.files),
    )


def _consequences(plan: SendPlan, owner_stays: str, now: datetime, zone: tzinfo | None) -> list[str]:
    told = []
    if plan.change.reopened:
        told.append("opens" if plan.conversation.status is ConversationStatus.NONE else "reopens")
    if plan.takes:
        told.append("assigns to you" + (f" (was {plan.owner})" if plan.owner else ""))
    if owner_stays:
        told.append(f"stays with {owner_stays}")
    told.append(_window_part(plan, now, zone))
    if plan.files:
        told.append("1 file" if len(plan.files) == 1 else f"{len(plan.files)} files")
    limit = plan.reach.policy.count_limit
    if limit is not None:
        told.append(f"message {plan.reach.contact_channel.facts.sent_since_inbound + 1} of {limit}")
    if plan.measure.segments is not None and plan.measure.segments > 1:
        told.append(f"{plan.measure.segments} SMS segments")
    if plan.reach.answer.warning:
        told.append(plan.reach.answer.warning)
    return told


def _window_part(plan: SendPlan, now: datetime, zone: tzinfo | None) -> str:
    answer = plan.reach.answer
    until = "" if answer.changes_at is None else f" until {clock_time(answer.changes_at, now, zone)}"
    if plan.template is not None:
        return f"template {plan.template.name}"
    if plan.permission is Permission.HUMAN_AGENT:
        return f"with tag HUMAN_AGENT{until}"
    return f"free text{until}" if answer.state is WindowState.OPEN else "free text"


def _check_request(request: SendRequest) -> None:
    if request.template is not None and request.text:
        raise UsageError("Send either a text or a template, not both.")
    if request.template is not None and request.files:
        raise UsageError("A template takes no file of yours. Send the file by itself when text may be sent.")
    if request.template is None and (request.text or not request.files):
        check_text(request.text)
    if request.tag and request.tag not in TAGS:
        raise UsageError(f"'{request.tag}' is not a tag that a channel accepts. Known: {', '.join(TAGS)}.")
    if request.tag and request.template is not None:
        raise UsageError("A template takes no tag. Leave the tag out.")
    if not 0 <= request.due_in <= LONGEST_DELAY:
        raise UsageError(f"The delay must be from 0 to {LONGEST_DELAY:.0f} seconds.")


def _permission(request: SendRequest) -> Permission:
    if request.template is not None:
        return Permission.TEMPLATE
    return TAGS[request.tag] if request.tag else Permission.TEXT


def _measured(target: Reach, body: str, *, is_template: bool) -> TextMeasure:
    limit = target.answer.text_limit or target.policy.text_limit
    counted = measure(body, TextLimit(None, limit.unit) if is_template else limit)
    if counted.over:
        raise UsageError(
            f"The text is {counted.over:,} {limit.unit.value} too long for {target.policy.label} "
            f"({counted.describe()}). Shorten it, or send it in parts."
        )
    return counted


async def _filled(unit: Unit, target: Reach, choice: TemplateChoice) -> TemplateContent:
    channel = target.contact_channel.channel
    template = await unit.directory.template(channel.id, choice.name, choice.language)
    if template is None:
        raise NotFoundError(await _no_template(unit, target, choice))
    if template.unavailable:
        raise PolicyRefusedError(
            f"The template {template.name} ({template.language}) can't be sent: {template.unavailable}.",
            "Choose another template.",
        )
    check_values(template, choice.values)
    rendered = render(template, choice.values)
    return TemplateContent(template.name, template.language, dict(choice.values), rendered, template.named)


def check_values(template: Template, values: Mapping[str, str]) -> None:
    """Raise :class:`UsageError` naming everything that the channel would refuse in these values."""
    found = problems(template, values)
    found += tuple(
        f"{{{{{key}}}}} has bytes that are not characters" for key, value in values.items() if unstorable(value)
    )
    if found:
        raise UsageError(f"The template {template.name} can't be filled so: {'; '.join(found)}.")


async def _no_template(unit: Unit, target: Reach, choice: TemplateChoice) -> str:
    name = target.contact_channel.channel.name
    known = await unit.directory.templates(target.contact_channel.channel.id)
    languages = sorted(template.language for template in known if template.name == choice.name)
    if languages:
        return f"The template {choice.name} is not there in '{choice.language}', only in {', '.join(languages)}."
    return f"{name} has no template {choice.name}. Fetch the list with: tui-inbox channel templates {name}"


def _elsewhere(target: Reach, reaches: tuple[Reach, ...]) -> str:
    others = tuple(item for item in reaches if item is not target)
    best = preferred_of(others, None)
    if best is not None:
        allowed = " or ".join(_KINDS[permission] for permission in best.answer.may_send)
        return f"On {best.contact_channel.channel.name} you can send {allowed}."
    return f"{_capital(target.answer.way_out)}." if target.answer.way_out else ""


def _names(reaches: tuple[Reach, ...]) -> str:
    return ", ".join(item.contact_channel.channel.name for item in reaches)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
