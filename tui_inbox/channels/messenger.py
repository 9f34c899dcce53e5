"""Facebook Messenger, with its tag and its utility templates (reference: channels, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tui_inbox.channels import meta_templates
from tui_inbox.channels.meta_errors import messaging_errors
from tui_inbox.channels.meta_messaging import MessagingChannel
from tui_inbox.channels.port import FirstByteGuard, RemoteTemplate
from tui_inbox.domain.events import Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind, ContentKind, ErrorClass

LABEL = "Messenger"
UNFIT = "Messenger does not take this template or a value in it. Choose it again, or another one."


class MessengerAdapter(MessagingChannel):
    """One Facebook Page."""

    kind: ChannelKind = ChannelKind.MESSENGER
    label = LABEL
    node = "page_id"
    webhook_object = "page"
    errors = messaging_errors(LABEL, "Send a utility template, or wait until the customer writes.")
    required_config: Sequence[str] = ("page_id",)

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send a text or a utility template. Raises only what the guard raises."""
        outcome = await super().send(message, before_first_byte)
        # One code stands for every wrong value: in a template it is the template that doesn't fit.
        if message.content_kind is ContentKind.TEMPLATE and outcome.error_class is ErrorClass.INVALID:
            return replace(outcome, error_class=ErrorClass.TEMPLATE, error_text=UNFIT)
        return outcome

    def request(self, message: Outgoing) -> dict[str, Any]:
        """Body of ``POST /{page_id}/messages``."""
        if message.content_kind is not ContentKind.TEMPLATE or message.template is None:
            return super().request(message)
        content = {"template": meta_templates.filled(message.template), "metadata": message.message_id}
        return {"recipient": {"id": message.address}, "messaging_type": "UTILITY", "message": content}

    async def templates(self) -> Sequence[RemoteTemplate]:
        """The Page's utility templates. Raises :class:`InboxError`."""
        return await meta_templates.listed(self._graph, self._account_id)
