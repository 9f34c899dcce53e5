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
    TemplateConfig(
        name="arrived",
        language="en_US",
        components=({"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "It is here, {{1}}."}),
    ),
    TemplateConfig(name="paused", language="en", status="PAUSED", components=({"type": "BODY", "text": "x"},)),
)
PICTURED = TemplateContent(
    "arrived",
    "en_US",
    {"media.image": "https://shop.example/parcel.jpg", "1": "Ana"},
    rendered="[image]\nIt is here, Ana.",
)
"""With a header that is a picture."""
FILLED = TemplateContent(
    "follow_up", "en_US", {"1": "Ana", "2": "A-7"}, rendered="Hello Ana, your case A-7 is waiting for you."
)
