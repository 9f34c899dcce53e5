"""What one process of stand-ins is told: which channels, with which secrets, and how its customers behave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.kinds import ChannelKind

DAY_SECONDS = 86_400.0


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MemberConfig(_Strict):
    """A customer whom the channel knows from the start."""

    address: str
    """As the channel writes it: Telegram chat id, WhatsApp number with ``+``, Instagram-scoped id, LINE user id."""
    name: str = ""
    username: str = ""
    last_inbound_at: AwareDatetime | None = None
    """When they last wrote; the messaging window counts from here. ``None`` = never."""
    started: bool = True
    """Telegram: has started the bot. Elsewhere: can be reached on this channel."""
    blocked: bool = False
    """Has blocked the business."""


class TemplateConfig(_Strict):
    """A template that the stand-in of WhatsApp holds; ``components`` as Meta lists them."""

    name: str
    language: str
    components: Sequence[Mapping[str, Any]]
    status: str = "APPROVED"
    category: str = "UTILITY"
    parameter_format: Literal["POSITIONAL", "NAMED"] = "POSITIONAL"
    quality: str = "GREEN"
    rejected_reason: str = "NONE"


class ChannelConfig(_Strict):
    """One channel account."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    """Its name in the control API."""
    kind: ChannelKind
    prefix: str = Field(default="", pattern=r"^(/[A-Za-z0-9_.-]+)*$")
    """Path before the channel's own paths; part of the ``base_url`` of whoever sends."""
    token: str = ""
    token_secret: str = ""
    account: str = ""
    """Name of the business as the channel tells it; for Telegram the bot's user name."""
    app_secret: str = ""
    verify_token: str = ""
    webhook_secret: str = ""
    webhook_url: str = ""
    """Where events are posted; without one they wait until the control API sets it."""
    public_url: str = ""
    """The same address as the channel knows it, where it is another: Twilio signs it."""
    settings: Mapping[str, str] = Field(default_factory=dict)
    """The account's ids and the like, named as in the channel's own settings (``phone_number_id``…)."""
    window_seconds: float = DAY_SECONDS
    human_agent_seconds: float = 7 * DAY_SECONDS
    templates: Sequence[TemplateConfig] = ()
    members: Sequence[MemberConfig] = ()

    def setting(self, name: str) -> str:
        """A setting; empty when it is not given."""
        return self.settings.get(name, "")

    @field_validator("kind")
    @classmethod
    def _has_a_standin(cls, kind: ChannelKind) -> ChannelKind:
        from tui_inbox.standins.platforms import PLATFORMS  # the stand-ins themselves need what stands here

        if kind not in PLATFORMS:
            raise ValueError(f"there is a stand-in for {', '.join(PLATFORMS)} only")
        return kind


class CustomersConfig(_Strict):
    """Customers who answer what they get. Times in seconds, each drawn between the two figures."""

    answers: float = Field(default=1.0, ge=0, le=1)
    """Share of messages that get an answer."""
    delay: tuple[float, float] = (1.5, 4.0)
    seed: int = 1


class StandinConfig(_Strict):
    """One process."""

    channels: Sequence[ChannelConfig]
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)
    """0 = a free one."""
    accepted_file: Path | None = None
    """Every accepted message is also appended here, one JSON object a line."""
    customers: CustomersConfig | None = None
    """``None`` = nobody answers by themselves."""
    receipts: bool = True
    """Whether the channels report what became of a message."""
    receipt_delay: float = Field(default=0.3, ge=0)
    """Seconds before each receipt."""


class Member(BaseModel):
    """A customer as the stand-in knows them now."""

    model_config = ConfigDict(validate_assignment=True)

    address: str
    name: str = ""
    username: str = ""
    last_inbound_at: datetime | None = None
    started: bool = True
    blocked: bool = False


def read_config(path: Path) -> StandinConfig:
    """The configuration in a JSON file. Raises :class:`UsageError` with one sentence."""
    try:
        return StandinConfig.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"The stand-ins' configuration cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UsageError(f"The stand-ins' configuration is wrong at {place}: {first['msg']}.") from error
