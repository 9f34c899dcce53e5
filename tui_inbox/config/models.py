"""Every setting, declared once, with its meaning and its default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tui_inbox import paths
from tui_inbox.domain.kinds import FORMER_SECRET
from tui_inbox.domain.lifecycle import WorkspaceRules

PREFIX = "TUI_INBOX_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
SECRETS = (
    *("token", "token_secret", "password", "app_secret", "verify_token", "webhook_secret"),
    *(f"{FORMER_SECRET}{name}" for name in ("token", "app_secret", "verify_token", "webhook_secret")),
)
"""Names of the secrets that a channel may have."""
FORMS = ("", "_command", "_file")
"""Endings of the three ways in which a secret can be given."""
MOST_UNDO = 60.0
"""Longest time in seconds that a sent message may be held back for taking it back."""


def _keys(value: object) -> tuple[str, ...]:
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not all(isinstance(key, str) for key in listed):
        raise ValueError('give a key or a list of keys, for example "ctrl+k" or ["ctrl+k", "f2"]')
    return tuple(key.strip() for key in listed if key.strip())


def _rules(rules: WorkspaceRules) -> WorkspaceRules:
    if not 0 <= rules.undo_seconds <= MOST_UNDO:
        raise ValueError(f"undo_seconds must be from 0 to {MOST_UNDO:.0f}")
    if not all(category.strip() for category in rules.categories):
        raise ValueError("a category has no name")
    return rules


class ServeSettings(BaseModel):
    """``[serve]``: the webhook receiver."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, frozen=True)

    host: str = "127.0.0.1"
    """Address on which the receiver listens."""
    port: int = Field(default=8080, ge=0, le=65535)
    """Port on which the receiver listens; 0 = any free one."""
    public_url: str = ""
    """Address under which the channels reach the receiver, for example https://inbox.example.com."""

    def webhook_url(self, webhook_path: str, place: str = "hooks") -> str:
        """Public address of one channel's webhook; empty when no ``public_url`` is set, since it can't be guessed.

        ``place``: ``chat`` for the page of a website chat.
        """
        base = self.public_url.rstrip("/")
        return f"{base}/{place}/{webhook_path}" if base and webhook_path else ""

    @property
    def files_url(self) -> str:
        """Address under which files are public; empty when there is none."""
        return f"{self.public_url.rstrip('/')}/files" if self.public_url else ""


class ChannelSettings(BaseModel):
    """``[channels.NAME]``: the secrets of one channel, each as a value, a command that prints it, or a file."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, frozen=True)

    token: SecretStr | None = None
    """Access token with which messages are sent."""
    token_command: tuple[str, ...] = ()
    """Command that prints the access token, for example ["pass", "show", "whatsapp"]."""
    token_file: Path | None = None
    """File (mode 0600) that holds the access token."""
    token_secret: SecretStr | None = None
    """Second half of the access token, where it has two (X)."""
    token_secret_command: tuple[str, ...] = ()
    """Command that prints the token secret."""
    token_secret_file: Path | None = None
    """File (mode 0600) that holds the token secret."""
    password: SecretStr | None = None
    """Password of a mailbox; where the provider offers app passwords, one of those."""
    password_command: tuple[str, ...] = ()
    """Command that prints the password."""
    password_file: Path | None = None
    """File (mode 0600) that holds the password."""
    app_secret: SecretStr | None = None
    """Secret with which the channel signs its webhooks."""
    app_secret_command: tuple[str, ...] = ()
    """Command that prints the app secret."""
    app_secret_file: Path | None = None
    """File (mode 0600) that holds the app secret."""
    verify_token: SecretStr | None = None
    """Token that the channel shows when it subscribes to our webhook."""
    verify_token_command: tuple[str, ...] = ()
    """Command that prints the verify token."""
    verify_token_file: Path | None = None
    """File (mode 0600) that holds the verify token."""
    webhook_secret: SecretStr | None = None
    """Secret that the channel sends along with every webhook."""
    webhook_secret_command: tuple[str, ...] = ()
    """Command that prints the webhook secret."""
    webhook_secret_file: Path | None = None
    """File (mode 0600) that holds the webhook secret."""
    former_token: SecretStr | None = None
    """Access token before the present one: webhooks that are signed with it are still taken (Twilio, Viber)."""
    former_token_command: tuple[str, ...] = ()
    """Command that prints the former access token."""
    former_token_file: Path | None = None
    """File (mode 0600) that holds the former access token."""
    former_app_secret: SecretStr | None = None
    """App secret before the present one: webhooks that are signed with it are still taken."""
    former_app_secret_command: tuple[str, ...] = ()
    """Command that prints the former app secret."""
    former_app_secret_file: Path | None = None
    """File (mode 0600) that holds the former app secret."""
    former_verify_token: SecretStr | None = None
    """Verify token before the present one: a subscription that shows it is still taken."""
    former_verify_token_command: tuple[str, ...] = ()
    """Command that prints the former verify token."""
    former_verify_token_file: Path | None = None
    """File (mode 0600) that holds the former verify token."""
    former_webhook_secret: SecretStr | None = None
    """Webhook secret before the present one: webhooks that bring it are still taken."""
    former_webhook_secret_command: tuple[str, ...] = ()
    """Command that prints the former webhook secret."""
    former_webhook_secret_file: Path | None = None
    """File (mode 0600) that holds the former webhook secret."""


class Settings(BaseSettings):
    """All settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        use_attribute_docstrings=True,
        validate_default=False,
        frozen=True,
    )

    database: str = Field(default_factory=lambda: f"sqlite:///{paths.database_file()}")
    """Database URL: sqlite:////home/ana/inbox.db, or for a team postgresql://ana@host/inbox."""
    sqlite_journal: Literal["wal", "truncate"] = "wal"
    """How SQLite makes changes safe: wal, or truncate (slower, but without the race of SQLite before 3.51.3)."""
    network_database: bool = False
    """Write to a database on a network file system; only safe while one machine alone ever opens it."""
    agent: str = ""
    """Handle of the agent who works here."""
    theme: str = "textual-dark"
    """Colour theme; textual-ansi and ansi-dark use the terminal's own colours."""
    safe_emoji: bool = True
    """Split joined emoji into parts that every terminal draws equally wide; false shows them whole."""
    enter_sends: bool = True
    """Enter sends and ctrl+j starts a new line; false swaps them."""
    opener: str = ""
    """Command that shows a file on this terminal, for example "less" or "chafa"; empty = the desktop's own viewer."""
    rules: Annotated[WorkspaceRules, AfterValidator(_rules)] = WorkspaceRules()
    """The workspace's choices: closing notes, closing logic, whose a conversation becomes on sending."""
    keys: dict[str, Annotated[tuple[str, ...], BeforeValidator(_keys)]] = Field(default_factory=dict)
    """Other keys for actions: id of the action = "key" or ["key", "key"]."""
    serve: ServeSettings = ServeSettings()
    """The webhook receiver."""
    channels: dict[str, ChannelSettings] = Field(default_factory=dict)
    """Secrets of the channels by channel name (upper-case and dashes do not matter)."""

    _file: Path | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """The settings file that was read; ``None`` when there is none."""
        return self._file

    def child_environment(self) -> dict[str, str]:
        """Environment that makes a child process see the same settings file, database and agent."""
        environment = dict(os.environ)
        if self._file is not None:
            environment[CONFIG_VARIABLE] = str(self._file)
        environment[f"{PREFIX}DATABASE"] = self.database
        environment[f"{PREFIX}AGENT"] = self.agent
        return environment

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags over environment over file."""
        return init_settings, env_settings, _FileSource(settings_cls)


file_values: ContextVar[Mapping[str, Any] | None] = ContextVar("file_values", default=None)
"""What the settings file holds, while :class:`Settings` is being built."""


class _FileSource(PydanticBaseSettingsSource):
    """The values of the TOML file, with channel names as the environment spells them."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Not used: :meth:`__call__` gives all values at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Values of the file; a secret that the environment gives in any form is left out."""
        values = dict(file_values.get() or {})
        given = self.current_state.get("channels")
        if isinstance(values.get("channels"), dict):
            values["channels"] = {
                name: _without(entry, (given or {}).get(name)) for name, entry in values["channels"].items()
            }
        return values


def _without(entry: Any, given: Any) -> Any:
    if not isinstance(entry, dict) or not isinstance(given, dict):
        return entry
    taken = {secret + form for secret in SECRETS for form in FORMS if any(secret + other in given for other in FORMS)}
    return {key: value for key, value in entry.items() if key not in taken}
