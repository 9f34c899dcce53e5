"""Reading the settings: flags over environment over file over defaults; every mistake is one sentence."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from tui_inbox import paths
from tui_inbox.config.models import (
    CONFIG_VARIABLE,
    FORMS,
    PREFIX,
    SECRETS,
    ChannelSettings,
    ServeSettings,
    Settings,
    file_values,
)
from tui_inbox.config.names import fold_name
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.lifecycle import WorkspaceRules

OTHER_VARIABLES = frozenset({CONFIG_VARIABLE, f"{PREFIX}SPECS", f"{PREFIX}TESTDATA"})
"""Variables with our prefix that are not settings; the last two name folders for the stand-ins and the tests."""


def load_settings(config: Path | str | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings.

    ``config`` is the file to read; without it ``TUI_INBOX_CONFIG`` names it, else the default place is looked at.
    ``overrides`` are flags; ``None`` values are not given. Raises :class:`UsageError` with one sentence.
    """
    path = _chosen_file(config)
    values = _read(path) if path is not None else {}
    _check_environment()
    token = file_values.set(values)
    try:
        settings = Settings(**{key: value for key, value in (overrides or {}).items() if value is not None})
    except ValidationError as error:
        raise UsageError(_sentence(error, path, values)) from None  # the cause holds the input, secrets included
    except SettingsError as error:
        raise UsageError(f"An environment variable holds no valid value: {error}.") from None
    finally:
        file_values.reset(token)
    settings._file = path
    return settings


def shown(settings: Settings) -> dict[str, Any]:
    """All settings for showing to a person: secrets and passwords masked."""
    values = settings.model_dump(mode="json")
    values["database"] = shown_database(settings.database)
    for entry in values["channels"].values():
        for key in [key for key, value in entry.items() if value in (None, [], ())]:
            del entry[key]
    return values


def shown_database(url: str) -> str:
    """A database URL without its password."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.startswith("sqlite"):
        return url
    rest = re.sub(r"([?&](?:ssl)?password=)[^&]*", r"\1***", rest)
    credentials, at, place = rest.rpartition("@")
    return f"{scheme}://{credentials.partition(':')[0]}:***@{place}" if at else f"{scheme}://{rest}"


def _chosen_file(config: Path | str | None) -> Path | None:
    named = config or os.environ.get(CONFIG_VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise UsageError(f"The settings file {path} does not exist. Check --config and {CONFIG_VARIABLE}.")
        return path.absolute()
    path = paths.config_file()
    return path if path.is_file() else None


def _read(path: Path) -> dict[str, Any]:
    text = ""
    try:
        text = path.read_text("utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"The settings file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"The settings file {path} is not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        told = str(error).replace("at end of document", f"at line {len(text.splitlines())}, the end of the file")
        raise UsageError(f"The settings file {path} is not valid TOML: {told}. Correct that line.") from error
    channels = values.get("channels")
    if isinstance(channels, dict):
        values["channels"] = _folded(path, channels)
        _refuse_open_secrets(path, channels)
    return values


def _folded(path: Path, channels: dict[str, Any]) -> dict[str, Any]:
    folded: dict[str, Any] = {}
    for name, entry in channels.items():
        if fold_name(name) in folded:
            raise UsageError(f"{path}: two channels are called '{name}' when case and dashes are left out; rename one.")
        for secret in SECRETS if isinstance(entry, dict) else ():
            given = [secret + form for form in FORMS if secret + form in entry]
            if len(given) > 1:
                raise UsageError(f"{path}: channel '{name}' has {' and '.join(given)}; keep one of them.")
        folded[fold_name(name)] = entry
    return folded


def _refuse_open_secrets(path: Path, channels: dict[str, Any]) -> None:
    literal = any(isinstance(entry, dict) and any(name in entry for name in SECRETS) for entry in channels.values())
    if literal and paths.open_to_others(path):
        raise UsageError(f"{path} holds secrets and others on this machine may read it. Run: chmod 600 {path}")


def _check_environment() -> None:
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    for name in sorted(os.environ):
        upper = name.upper()
        section = upper.removeprefix(PREFIX).split("__")[0]
        if not upper.startswith(PREFIX) or upper in OTHER_VARIABLES or f"{PREFIX}{section}" in known:
            continue
        raise UsageError(f"Unknown environment variable {name}.{_nearest(upper, [*known, CONFIG_VARIABLE])}")


def _sentence(error: ValidationError, path: Path | None, values: Mapping[str, Any]) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    location = [str(part) for part in first["loc"]]
    key = ".".join(location)
    place = f"{path}: " if path is not None and _present(values, location) else ""
    where = "" if place else f" (environment variable {PREFIX}{'__'.join(location).upper()} or a flag)"
    if first["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        return f"{place}Unknown setting '{key}'{where}.{_nearest(location[-1], _names_at(location[:-1]))}"
    told = first["msg"].removeprefix("Value error, ")
    return f"{place}Setting '{key}' is wrong{where}: {told[:1].lower()}{told[1:]}."


def _present(values: Any, location: list[str]) -> bool:
    for part in location:
        if not isinstance(values, Mapping) or part not in values:
            return isinstance(values, list | tuple)
        values = values[part]
    return True


def _names_at(location: list[str]) -> list[str]:
    match location:
        case []:
            return list(Settings.model_fields)
        case ["serve"]:
            return list(ServeSettings.model_fields)
        case ["rules"]:
            return list(WorkspaceRules.__dataclass_fields__)
        case ["channels", _]:
            return list(ChannelSettings.model_fields)
        case _:
            return []


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f" Did you mean '{close[0]}'?"
    return f" Known ones: {', '.join(known)}." if known else ""
