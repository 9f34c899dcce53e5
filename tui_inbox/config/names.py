"""How the environment spells the names of channels and settings."""

from __future__ import annotations

from tui_inbox.config.models import PREFIX


def fold_name(channel: str) -> str:
    """A channel's name as the environment can spell it."""
    return channel.strip().lower().replace("-", "_").replace(" ", "_")


def variable_for(channel: str, secret: str) -> str:
    """Environment variable for a secret, for example ``TUI_INBOX_CHANNELS__SUPPORT_WA__TOKEN``."""
    return f"{PREFIX}CHANNELS__{fold_name(channel)}__{secret}".upper()
