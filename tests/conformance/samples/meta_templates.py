"""Templates that the samples of WhatsApp and Messenger hold."""

from __future__ import annotations

from tui_inbox.domain.templates import TemplateContent
from tui_inbox.standins.config import TemplateConfig

TEMPLATES = (
    TemplateConfig(
        name="follow_up",
        language="en_US",
        components=({"type": "BODY", "text": "Hello {{1}}, your case {{2}} is waiting for you."},),
    ),
    TemplateConfig(name="paused", language="en", status="PAUSED", components=({"type": "BODY", "text": "x"},)),
)
FILLED = TemplateContent(
    "follow_up", "en_US", {"1": "Ana", "2": "A-7"}, rendered="Hello Ana, your case A-7 is waiting for you."
)
