"""Stand-in of Facebook Messenger (reference: channels, section 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tui_inbox.standins import meta_templates
from tui_inbox.standins.meta_messaging import MessagingStandin, bad
from tui_inbox.standins.platform import Answer, Call, RefusedError

TEXT_MAXIMUM = 2000


class MessengerStandin(MessagingStandin):
    """One Page."""

    node = "page_id"
    webhook_object = "page"
    window_subcode = 2018278
    delivers = True
    kinds: Sequence[str] = ("RESPONSE", "UPDATE", "UTILITY")

    def read_edge(self, call: Call, edge: str) -> Answer:
        """The list of utility templates."""
        if edge != "message_templates":
            return super().read_edge(call, edge)
        return meta_templates.page(call, self.state.config.templates, bad)

    def content(self, body: Mapping[str, Any], message: Mapping[str, Any]) -> tuple[str, str]:
        """A text, or a template with the type that belongs to it."""
        utility = body.get("messaging_type") == "UTILITY"
        if utility is not ("template" in message):
            raise bad("A template needs messaging_type UTILITY, and nothing else has it.")
        if not utility:
            return super().content(body, message)
        if set(message) - {"template", "metadata"}:
            raise bad("Param message must be an object with template and metadata.")
        try:
            return meta_templates.filled(message["template"], self.state.config.templates)
        except RefusedError as refusal:
            # Messenger has one code for whatever is wrong with a template.
            raise bad(refusal.answer.body["error"]["error_data"]["details"]) from refusal

    def check_length(self, text: str) -> None:
        """Characters count."""
        if len(text) > TEXT_MAXIMUM:
            raise bad(f"Length of param message[text] must be less than or equal to {TEXT_MAXIMUM}")
