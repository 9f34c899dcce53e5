"""Stand-in of WhatsApp by 360dialog (reference: channels, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping

from tui_inbox.standins import meta_templates
from tui_inbox.standins.platform import Answer, Call, RefusedError, Taken
from tui_inbox.standins.whatsapp import WhatsAppStandin


class WhatsApp360dialogStandin(WhatsAppStandin):
    """One number; messages are checked as WhatsApp itself does."""

    def authorise(self, call: Call) -> None:
        """The key must come in its own header and be ours."""
        if call.headers.get("d360-api-key", "") != self.state.config.token:
            raise RefusedError(_error(401, "Invalid api key"))

    def read(self, call: Call) -> Answer:
        """Where webhooks go, the list of templates, and media; files lie at Meta's address, which stands for ours."""
        if call.method == "POST" and call.path == "/media":
            return self.upload(call)
        held = self.state.files.get(call.path.removeprefix("/"))
        if held is not None:
            return self.looked_up(held, "https://lookaside.fbsbx.com")
        if call.path == "/v1/configs/webhook":
            return Answer(200, {"url": self.state.config.webhook_url})
        if call.path != "/v1/configs/templates":
            raise RefusedError(_error(404, "Not found"))
        try:
            limit, offset = int(call.query.get("limit", "100")), int(call.query.get("offset", "0"))
        except ValueError as problem:
            raise RefusedError(_error(400, "limit and offset must be numbers")) from problem
        templates = self.state.config.templates
        found = [_listed(meta_templates.listed(item)) for item in templates[offset : offset + limit]]
        told = {"count": len(found), "total": len(templates), "limit": limit, "offset": offset}
        return Answer(200, {**told, "waba_templates": found})

    def check(self, call: Call) -> Taken:
        """As WhatsApp, under another path."""
        if call.path != "/messages":
            raise RefusedError(_error(404, "Not found"))
        return self.check_body(call)

    def sign(self, body: bytes, url: str) -> Mapping[str, str]:
        """Nothing is signed; the configured header is shown."""
        return {"Content-Type": "application/json", "Authorization": f"Bearer {self.state.config.webhook_secret}"}


def _listed(template: dict[str, object]) -> dict[str, object]:
    """360dialog writes the status in small letters."""
    return template | {"status": str(template["status"]).lower()}


def _error(status: int, told: str) -> Answer:
    """An error of 360dialog's own layer."""
    return Answer(status, {"meta": {"success": False, "http_code": status, "developer_message": told}})
