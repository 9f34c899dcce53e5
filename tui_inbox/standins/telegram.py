"""Stand-in of the Telegram Bot API (reference: channels, section 10)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.standins.config import Member
from tui_inbox.standins.files import StoredFile, form_of
from tui_inbox.standins.platform import Answer, Call, RefusedError, Taken
from tui_inbox.standins.specs import Specs
from tui_inbox.standins.state import Accepted, ChannelState, Fault

TEXT_MAXIMUM = 4096
CAPTION_MAXIMUM = 1024
DOWNLOAD_MAXIMUM = 20 << 20
"""Bytes of a file that a bot is given."""
PATH = re.compile(r"/bot([^/]+)/([A-Za-z]+)")
FILE_PATH = re.compile(r"/file/bot([^/]+)/documents/([0-9]+)")
METHODS = {"sendPhoto": "photo", "sendDocument": "document", "sendVideo": "video", "sendAudio": "audio"}
"""Field of the file by method."""
FIELDS = {"chat_id", "text", "reply_parameters", "disable_notification", "protect_content", "link_preview_options"}
DEFAULT_WORDS = {401: "Unauthorized", 403: "Forbidden: bot was blocked by the user", 404: "Not Found"}


class TelegramStandin:
    """One bot."""

    def __init__(self, state: ChannelState, specs: Specs | None) -> None:
        self.state = state
        self._specs = specs
        self._updates: list[Mapping[str, Any]] = []
        """What a bot without a webhook can ask for."""

    def is_send(self, call: Call) -> bool:
        """Whether the request sends a message."""
        return call.path.rpartition("/")[2] in ("sendMessage", *METHODS)

    def authorise(self, call: Call) -> None:
        """401 for an unknown token, 404 for one that is none."""
        found = PATH.fullmatch(call.path) or FILE_PATH.fullmatch(call.path)
        if found is None or not re.fullmatch(r"[0-9]+:[A-Za-z0-9_-]+", found[1]):
            raise refuse(404, "Not Found")
        if found[1] != self.state.config.token:
            raise refuse(401, "Unauthorized")

    def read(self, call: Call) -> Answer:
        """``getMe``, ``getUpdates``, ``getFile`` and the files themselves."""
        if call.path.endswith("/getFile"):
            return self._file(_body(call).get("file_id"))
        if FILE_PATH.fullmatch(call.path):
            held = self.state.files.get(call.path.rpartition("/")[2])
            if held is None:
                raise refuse(404, "Not Found")
            return Answer(200, None, file=held)
        if call.path.endswith("/getUpdates"):
            return self._news(_body(call))
        if not call.path.endswith("/getMe"):
            raise refuse(404, "Not Found")
        name = self.state.config.account or "demo_bot"
        ident = int(self.state.config.token.split(":")[0])
        return Answer(200, {"ok": True, "result": {"id": ident, "is_bot": True, "first_name": name, "username": name}})

    def _file(self, ident: object) -> Answer:
        held = self.state.files.get(str(ident))
        if held is None:
            raise refuse(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        if len(held.content) > DOWNLOAD_MAXIMUM:
            raise refuse(400, "Bad Request: file is too big")
        told = {"file_id": held.id, "file_unique_id": f"u{held.id}", "file_size": len(held.content)}
        return Answer(200, {"ok": True, "result": {**told, "file_path": f"documents/{held.id}"}})

    def _news(self, body: Mapping[str, Any]) -> Answer:
        """Updates from ``offset`` on; those before it are forgotten, as the real one does. Never waits."""
        if self.state.config.webhook_url:
            raise refuse(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook")
        problem = self._specs.telegram_problem("getUpdates", body) if self._specs is not None else ""
        offset, limit = body.get("offset", 0), body.get("limit", 100)
        if problem or not isinstance(offset, int) or not isinstance(limit, int) or not 1 <= limit <= 100:
            raise refuse(400, f"Bad Request: {problem or 'wrong offset or limit'}")
        self._updates = [item for item in self._updates if item["update_id"] >= offset]
        return Answer(200, {"ok": True, "result": self._updates[:limit]})

    def check(self, call: Call) -> Taken:
        """Everything that the real one checks."""
        method = call.path.rpartition("/")[2]
        if method in METHODS:
            return self._check_upload(call, method)
        body = _body(call)
        if self._specs is not None:
            problem = self._specs.telegram_problem("sendMessage", body)
            if problem:
                raise refuse(400, f"Bad Request: not as in the published description: {problem}")
        unknown = set(body) - FIELDS
        if unknown:
            raise refuse(400, f"Bad Request: unknown field {min(unknown)!r}")
        chat = body.get("chat_id")
        if chat is None or isinstance(chat, bool) or not isinstance(chat, int | str) or chat == "":
            raise refuse(400, "Bad Request: chat_id is empty")
        text = body.get("text")
        if not isinstance(text, str) or not text.strip():
            raise refuse(400, "Bad Request: message text is empty")
        if len(text) > TEXT_MAXIMUM:
            raise refuse(400, "Bad Request: message is too long")
        self._check_member(chat)
        return Taken(str(chat), text, body)

    def _check_upload(self, call: Call, method: str) -> Taken:
        """A file with its caption."""
        form, name = form_of(call), METHODS[method]
        file = None if form is None else form.files.get(name)
        if form is None or file is None or not file.content:
            raise refuse(400, f"Bad Request: there is no {name} in the request")
        if set(form.fields) - {"chat_id", "caption"}:
            raise refuse(400, f"Bad Request: unknown field {min(form.fields)!r}")
        if self._specs is not None:
            problem = self._specs.telegram_problem(method, {**form.fields, name: "attach://file"})
            if problem:
                raise refuse(400, f"Bad Request: not as in the published description: {problem}")
        chat, caption = form.fields.get("chat_id", ""), form.fields.get("caption", "")
        if len(caption) > CAPTION_MAXIMUM:
            raise refuse(400, "Bad Request: message caption is too long")
        if method == "sendPhoto" and file.kind != "photo":
            raise refuse(400, "Bad Request: IMAGE_PROCESS_FAILED")
        self._check_member(chat)
        return Taken(chat, caption, {**form.fields, "method": method}, files=(file.sent(),))

    def _check_member(self, chat: object) -> None:
        member = self.state.members.get(str(chat))
        if member is None or not member.started:
            raise refuse(400, "Bad Request: chat not found")
        if member.blocked:
            raise refuse(403, "Forbidden: bot was blocked by the user")

    def provider_id(self, taken: Taken) -> str:
        """Numbers of messages count per chat; ours keep the chat in front."""
        return f"{taken.address}:{self.state.number()}"

    def taken(self, message: Accepted) -> Answer:
        """The message as Telegram hands it back."""
        member = self.state.member(message.address)
        result = {
            "message_id": int(message.provider_id.rpartition(":")[2]),
            "date": int(message.at.timestamp()),
            "chat": _chat(member),
            **({"caption": message.text} if message.files else {"text": message.text}),
        }
        return Answer(200, {"ok": True, "result": result})

    def failure(self, fault: Fault) -> Answer:
        """Telegram's error shape."""
        wait = fault.retry_after
        if fault.code == 429:
            return error(429, f"Too Many Requests: retry after {wait or 1:g}", {"retry_after": wait or 1})
        return error(fault.code, fault.description or DEFAULT_WORDS.get(fault.code, "Bad Request"))

    def receipts(self, message: Accepted, late: Fault | None) -> Sequence[Mapping[str, Any]]:
        """Telegram tells a bot nothing of what became of its messages."""
        return ()

    def said(self, member: Member, text: str, at: datetime) -> Mapping[str, Any]:
        """An update with a text message."""
        return self._said(member, at, {"text": text})

    def said_file(self, member: Member, text: str, at: datetime, file: StoredFile, url: str) -> Mapping[str, Any]:
        """An update with a file; a photo comes in several sizes."""
        told = {"file_id": file.id, "file_unique_id": f"u{file.id}", "file_size": len(file.content)}
        if file.kind == "photo":
            large = {**told, "width": 900, "height": 600}
            small = {**large, "file_id": f"s{file.id}", "file_unique_id": f"v{file.id}", "file_size": 9}
            content: dict[str, Any] = {"photo": [small, large]}
        else:
            content = {"document": {**told, "file_name": file.name, "mime_type": file.media_type}}
        return self._said(member, at, content | ({"caption": text} if text else {}))

    def authorise_file(self, call: Call) -> None:
        """Files lie behind the token only."""
        raise refuse(404, "Not Found")

    def _said(self, member: Member, at: datetime, content: Mapping[str, Any]) -> Mapping[str, Any]:
        message = {
            "message_id": self.state.number(),
            "from": _user(member),
            "chat": _chat(member),
            "date": int(at.timestamp()),
            **content,
        }
        return {"update_id": self.state.number(), "message": message}

    def membership(self, member: Member, at: datetime) -> Mapping[str, Any] | None:
        """An update with ``my_chat_member``: the customer blocked the bot, or took it back."""
        bot = {"id": int(self.state.config.token.split(":")[0]), "is_bot": True, "first_name": "bot"}
        states = [{"status": "member", "user": bot}, {"status": "kicked", "user": bot, "until_date": 0}]
        old, new = states if member.blocked else reversed(states)
        change = {
            "chat": _chat(member),
            "from": _user(member),
            "date": int(at.timestamp()),
            "old_chat_member": old,
            "new_chat_member": new,
        }
        return {"update_id": self.state.number(), "my_chat_member": change}

    def sign(self, body: bytes, url: str) -> Mapping[str, str]:
        """The secret token."""
        return {
            "Content-Type": "application/json",
            "X-Telegram-Bot-Api-Secret-Token": self.state.config.webhook_secret,
        }

    def encode(self, body: Mapping[str, Any]) -> bytes:
        """UTF-8, not escaped."""
        self._updates.append(body)
        return json.dumps(body, ensure_ascii=False, default=str).encode("utf-8", "replace")


def error(code: int, description: str, parameters: Mapping[str, Any] | None = None) -> Answer:
    """Telegram's error answer."""
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    return Answer(code, body | ({"parameters": parameters} if parameters else {}))


def refuse(code: int, description: str) -> RefusedError:
    """An error to raise."""
    return RefusedError(error(code, description))


def _body(call: Call) -> dict[str, Any]:
    if call.method != "POST" or not call.headers.get("content-type", "").startswith("application/json"):
        raise refuse(400, "Bad Request: message text is empty")
    try:
        body = json.loads(call.body)
    except ValueError as problem:
        raise refuse(400, "Bad Request: can't parse JSON") from problem
    if not isinstance(body, dict):
        raise refuse(400, "Bad Request: object expected")
    return body


def _user(member: Member) -> dict[str, Any]:
    first, _, last = (member.name or "Customer").partition(" ")
    user: dict[str, Any] = {"id": int(member.address), "is_bot": False, "first_name": first}
    return user | ({"last_name": last} if last else {}) | ({"username": member.username} if member.username else {})


def _chat(member: Member) -> dict[str, Any]:
    person = _user(member)
    del person["is_bot"]
    return person | {"type": "private"}
