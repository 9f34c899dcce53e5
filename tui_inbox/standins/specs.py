"""Requests against the channels' published descriptions, when the folder with them is named in the environment.

For tests only: the descriptions are not part of the program, nor is the validator, a development dependency.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tui_inbox.domain.errors import UsageError

FOLDER_VARIABLE = "TUI_INBOX_SPECS"
WHATSAPP_FILE = "whatsapp-business-messaging-v23.yaml"
TELEGRAM_FILE = "telegram-bot-api.json"
TWILIO_FILE, CONTENT_FILE = "twilio-api-v2010.json", "twilio-content-v1.json"
LINE_FILE, LINE_WEBHOOK_FILE = "line-messaging-api.yml", "line-webhook.yml"
TELEGRAM_BASE = {
    "String": {"type": "string"},
    "Integer": {"type": "integer"},
    "Boolean": {"type": "boolean"},
    "Float": {"type": "number"},
}


class Specs:
    """Validators made from the files of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in (WHATSAPP_FILE, TELEGRAM_FILE, LINE_FILE, LINE_WEBHOOK_FILE, TWILIO_FILE, CONTENT_FILE):
            if not (folder / name).is_file():
                raise UsageError(f"{FOLDER_VARIABLE} names a folder without {name}: correct it, or unset it.")

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> Specs | None:
        """The validators; ``None`` when the variable is not set. Raises :class:`UsageError` when it is of no use."""
        folder = environment.get(FOLDER_VARIABLE, "")
        if not folder:
            return None
        try:
            import openapi_schema_validator  # noqa: F401  (asked for here, so that the answer comes at the start)
            import yaml  # noqa: F401
        except ImportError as error:
            raise UsageError(
                f"{FOLDER_VARIABLE} is set, but {error.name} is not installed: install the 'dev' extra, or unset it."
            ) from error
        return _loaded(Path(folder))

    def warm(self) -> None:
        """Load everything now rather than at the first request."""
        self.whatsapp_problem({})
        self.telegram_problem("getMe", {})
        self.line_push_problem({})
        self.twilio_message_problem({})

    @functools.cached_property
    def whatsapp(self) -> dict[str, Any]:
        """The description as data, with what is wrong in it put right."""
        document = self._yaml(WHATSAPP_FILE)
        _mend(document)
        return document

    def _yaml(self, name: str) -> dict[str, Any]:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        document: dict[str, Any] = yaml.load((self._folder / name).read_text("utf-8"), Loader=loader)
        return document

    @functools.cached_property
    def telegram(self) -> dict[str, Any]:
        """The description as data, in its own format."""
        document: dict[str, Any] = json.loads((self._folder / TELEGRAM_FILE).read_text("utf-8"))
        return document

    @functools.cached_property
    def _whatsapp_validator(self) -> Any:
        from openapi_schema_validator import OAS31Validator

        schema = {"$ref": "#/components/schemas/Message", "components": self.whatsapp["components"]}
        return OAS31Validator(schema)

    def whatsapp_problem(self, body: object) -> str:
        """What is wrong with the body of ``POST /{phone_number_id}/messages``; empty when nothing."""
        return _worst(self._whatsapp_validator, body)

    def telegram_problem(self, method: str, body: object) -> str:
        """What is wrong with the parameters of a method; empty when nothing."""
        return _worst(self._telegram_validator(self.telegram["methods"][method].get("fields", [])), body)

    def telegram_update_problem(self, update: object) -> str:
        """What is wrong with an ``Update``; empty when nothing."""
        return _worst(self._telegram_validator(self.telegram["types"]["Update"]["fields"]), update)

    def line_push_problem(self, body: object) -> str:
        """What is wrong with the body of ``POST /v2/bot/message/push``; empty when nothing."""
        return _worst(self._line_push, body)

    def line_answer_problem(self, body: object) -> str:
        """What is wrong with the answer to a push that was taken; empty when nothing."""
        return _worst(self._line_answer, body)

    def line_error_problem(self, body: object) -> str:
        """What is wrong with an error's answer; empty when nothing."""
        return _worst(self._line_error, body)

    def line_webhook_problem(self, body: object) -> str:
        """What is wrong with a webhook's body; empty when nothing."""
        return _worst(self._line_webhook, body)

    def twilio_message_problem(self, form: Mapping[str, str]) -> str:
        """What is wrong with the form of ``POST …/Messages.json``; empty when nothing. Names are compared as well."""
        known = self._twilio_message["properties"]
        unknown = sorted(set(form) - set(known))
        if unknown:
            return f"{unknown[0]} is no field of it"
        missing = sorted(set(self._twilio_message["required"]) - set(form))
        if missing:
            return f"{missing[0]} is missing"
        for name, value in form.items():
            pattern = known[name].get("pattern")
            if pattern and not re.search(pattern, value):
                return f"{name}: {value[:60]!r} does not match {pattern}"
        return ""

    def twilio_contents_problem(self, body: object) -> str:
        """What is wrong with the answer of ``GET /v1/ContentAndApprovals``; empty when nothing."""
        return _worst(self._twilio_contents, body)

    @functools.cached_property
    def _twilio_message(self) -> dict[str, Any]:
        paths = json.loads((self._folder / TWILIO_FILE).read_text("utf-8"))["paths"]
        post = paths["/2010-04-01/Accounts/{AccountSid}/Messages.json"]["post"]
        found: dict[str, Any] = post["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
        return found

    @functools.cached_property
    def _twilio_contents(self) -> Any:
        from openapi_schema_validator import OAS30Validator

        document = json.loads((self._folder / CONTENT_FILE).read_text("utf-8"))
        answers = document["paths"]["/v1/ContentAndApprovals"]["get"]["responses"]
        schema = answers["200"]["content"]["application/json"]["schema"]
        return OAS30Validator(schema | {"components": document["components"]})

    @functools.cached_property
    def _line_schemas(self) -> dict[str, Any]:
        return _told_apart(self._yaml(LINE_FILE)["components"]["schemas"])

    @functools.cached_property
    def _line_push(self) -> Any:
        return _openapi_30(self._line_schemas, "PushMessageRequest")

    @functools.cached_property
    def _line_answer(self) -> Any:
        return _openapi_30(self._line_schemas, "PushMessageResponse")

    @functools.cached_property
    def _line_error(self) -> Any:
        return _openapi_30(self._line_schemas, "ErrorResponse")

    @functools.cached_property
    def _line_webhook(self) -> Any:
        return _openapi_30(_told_apart(self._yaml(LINE_WEBHOOK_FILE)["components"]["schemas"]), "CallbackRequest")

    def _telegram_validator(self, fields: list[dict[str, Any]]) -> Any:
        from openapi_schema_validator import OAS31Validator

        return OAS31Validator(_object(fields) | {"$defs": self._telegram_types})

    @functools.cached_property
    def _telegram_types(self) -> dict[str, Any]:
        types: dict[str, Any] = {}
        for name, described in self.telegram["types"].items():
            if described.get("subtypes"):
                types[name] = {"anyOf": [_reference(sub) for sub in described["subtypes"]]}
            else:
                types[name] = _object(described.get("fields", []))
        return types


@functools.cache
def _loaded(folder: Path) -> Specs:
    """Once per process: making the validators takes a second."""
    return Specs(folder)


def _object(fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {field["name"]: {"anyOf": [_reference(kind) for kind in field["types"]]} for field in fields},
        "required": [field["name"] for field in fields if field["required"]],
        "additionalProperties": False,
    }


def _reference(kind: str) -> dict[str, Any]:
    if kind.startswith("Array of "):
        return {"type": "array", "items": _reference(kind.removeprefix("Array of "))}
    return TELEGRAM_BASE.get(kind) or {"$ref": f"#/$defs/{kind}"}


def _openapi_30(schemas: dict[str, Any], name: str) -> Any:
    from openapi_schema_validator import OAS30Validator

    return OAS30Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}})


def _told_apart(schemas: dict[str, Any]) -> dict[str, Any]:
    """LINE's schemas with every base type replaced by a choice of its kinds, which validators do not make of it.

    The kinds include their base, which therefore stays, under another name.
    """
    bases = {name: schema for name, schema in schemas.items() if "mapping" in schema.get("discriminator", {})}
    found = {name: schema for name, schema in schemas.items() if name not in bases}
    for name, base in bases.items():
        field, kinds = base["discriminator"]["propertyName"], base["discriminator"]["mapping"]
        found[f"{name}Base"] = {key: value for key, value in base.items() if key != "discriminator"}
        found[name] = {
            "oneOf": [
                {"allOf": [{"$ref": reference}, {"properties": {field: {"enum": [kind]}}, "required": [field]}]}
                for kind, reference in kinds.items()
            ]
        }
        for reference in kinds.values():
            parts = found.get(reference.rpartition("/")[2], {}).get("allOf", [])
            for part in parts:
                if part.get("$ref") == f"#/components/schemas/{name}":
                    part["$ref"] += "Base"
    return found


def _mend(value: Any, *, in_all_of: bool = False) -> None:
    """Put right what makes WhatsApp's description refuse its own examples.

    ``additionalProperties: false`` inside ``allOf`` forbids the properties of the other parts, and the pattern of a
    button's index is a list of numbers written as a character class.
    """
    if isinstance(value, list):
        for item in value:
            _mend(item, in_all_of=in_all_of)
    elif isinstance(value, dict):
        if in_all_of and value.get("additionalProperties") is False:
            del value["additionalProperties"]
        if value.get("pattern") == "^[2-6, 11-14]$":
            del value["pattern"]
        for key, item in value.items():
            _mend(item, in_all_of=in_all_of or key == "allOf")


def _worst(validator: Any, body: object) -> str:
    from jsonschema.exceptions import best_match  # type: ignore[import-untyped]  # it brings no types

    error = best_match(validator.iter_errors(body))
    if error is None:
        return ""
    place = "/".join(str(part) for part in error.absolute_path) or "the body"
    return f"{place}: {error.message[:300]}"
