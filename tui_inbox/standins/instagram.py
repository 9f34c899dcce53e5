"""Stand-in of Instagram messaging (reference: channels, sections 4.4 to 5)."""

from __future__ import annotations

from tui_inbox.standins.meta_messaging import MessagingStandin, bad

TEXT_MAXIMUM_BYTES = 1000


class InstagramStandin(MessagingStandin):
    """One professional account."""

    node = "account_id"
    webhook_object = "instagram"
    window_subcode = 2534022
    delivers = False

    def check_length(self, text: str) -> None:
        """Bytes count, not characters."""
        if len(text.encode("utf-8", "surrogatepass")) > TEXT_MAXIMUM_BYTES:
            raise bad(f"Length of param message[text] must be less than or equal to {TEXT_MAXIMUM_BYTES}")
