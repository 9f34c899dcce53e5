"""Templates of the demo's WhatsApp account: approved, paused and rejected ones, in several languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tui_inbox.demo.model import DemoTemplate
from tui_inbox.domain.kinds import ChannelKind


def _body(text: str, *examples: str) -> Mapping[str, Any]:
    component: dict[str, Any] = {"type": "BODY", "text": text}
    if examples:
        component["example"] = {"body_text": [list(examples)]}
    return component


def _header(text: str) -> Mapping[str, Any]:
    return {"type": "HEADER", "format": "TEXT", "text": text}


def _footer(text: str) -> Mapping[str, Any]:
    return {"type": "FOOTER", "text": text}


def _buttons(*buttons: Mapping[str, str]) -> Mapping[str, Any]:
    return {"type": "BUTTONS", "buttons": list(buttons)}


TEMPLATES = (
    DemoTemplate(
        "follow_up",
        "en",
        "APPROVED",
        "UTILITY",
        (
            _body("Hello {{1}}, we have news about your request {{2}}. Please answer here.", "Ada", "A-1042"),
            _footer("Northwind Outdoor"),
        ),
    ),
    DemoTemplate(
        "follow_up",
        "es",
        "APPROVED",
        "UTILITY",
        (
            _body("Hola {{1}}, tenemos novedades sobre tu consulta {{2}}. Responde aquí y seguimos.", "Ada", "A-1042"),
            _footer("Northwind Outdoor"),
        ),
    ),
    DemoTemplate(
        "follow_up",
        "de",
        "APPROVED",
        "UTILITY",
        (
            _body("Hallo {{1}}, es gibt Neues zu Ihrer Anfrage {{2}}. Antworten Sie hier.", "Ada", "A-1042"),
            _footer("Northwind Outdoor"),
        ),
    ),
    DemoTemplate(
        "follow_up",
        "pt_BR",
        "APPROVED",
        "UTILITY",
        (_body("Oi {{1}}, temos novidades sobre o seu pedido {{2}}. Responda por aqui.", "Ada", "A-1042"),),
    ),
    DemoTemplate(
        "shipping_update",
        "en",
        "APPROVED",
        "UTILITY",
        (
            _header("Order {{1}}"),
            _body(
                "Hello {{1}}, your order {{2}} has left our warehouse and arrives on {{3}}.", "Ada", "A-1042", "Friday"
            ),
            _buttons({"type": "URL", "text": "Track it", "url": "https://shop.example/track/{{1}}"}),
        ),
    ),
    DemoTemplate(
        "refund_issued",
        "en",
        "APPROVED",
        "UTILITY",
        (
            _body("Hello {{first_name}}, your refund of {{amount}} is on its way. It takes 3 to 5 working days."),
            _footer("Northwind Outdoor"),
        ),
        named=True,
    ),
    DemoTemplate(
        "reopen_conversation",
        "en",
        "APPROVED",
        "UTILITY",
        (
            _body("We closed your request and would like to know whether everything is solved."),
            _buttons({"type": "QUICK_REPLY", "text": "Yes, thanks"}, {"type": "QUICK_REPLY", "text": "I need help"}),
        ),
    ),
    DemoTemplate(
        "back_in_stock",
        "en",
        "PAUSED",
        "MARKETING",
        (_body("Good news {{1}}: the {{2}} is back in stock.", "Ada", "rain jacket"),),
        reason="low quality rating",
        quality="RED",
    ),
    DemoTemplate(
        "spring_sale",
        "en",
        "REJECTED",
        "MARKETING",
        (_body("SPRING SALE! Everything at half price only today {{1}}!!!", "Ada"),),
        reason="PROMOTIONAL",
        quality="UNKNOWN",
    ),
    DemoTemplate(
        "delivery_photo",
        "en",
        "APPROVED",
        "UTILITY",
        (
            {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::aW1hZ2U="]}},
            _body("Your parcel was left here, {{1}}.", "Ada"),
        ),
    ),
    DemoTemplate(
        "appointment_reminder",
        "en",
        "PENDING",
        "UTILITY",
        (_body("Hello {{1}}, we call you back on {{2}} at {{3}}.", "Ada", "Friday", "10:00"),),
        quality="UNKNOWN",
    ),
)


def templates_for(kind: ChannelKind, templates: Sequence[DemoTemplate]) -> tuple[DemoTemplate, ...]:
    """Those that a channel of this kind holds, as it holds them."""
    match kind:
        case ChannelKind.WHATSAPP | ChannelKind.WHATSAPP_360DIALOG:
            return tuple(templates)
        case ChannelKind.MESSENGER:
            return tuple(item for item in templates if item.category == "UTILITY")
        case ChannelKind.WHATSAPP_TWILIO:
            # Twilio's contents are a text with one row of placeholders.
            return tuple(item for item in templates if [part["type"] for part in item.components] == ["BODY"])
        case _:
            return ()
