"""Settings: flags over environment over a TOML file over defaults.

:mod:`models` declares every setting, :mod:`loading` reads them, :mod:`secrets` fetches what must not be stored.
"""

from tui_inbox.config.loading import load_settings, shown, shown_database
from tui_inbox.config.models import ChannelSettings, ServeSettings, Settings
from tui_inbox.config.names import fold_name, variable_for
from tui_inbox.config.secrets import secret_sources, secrets_for

__all__ = [
    "ChannelSettings",
    "ServeSettings",
    "Settings",
    "fold_name",
    "load_settings",
    "secret_sources",
    "secrets_for",
    "shown",
    "shown_database",
    "variable_for",
]
