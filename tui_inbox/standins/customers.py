"""Customers who answer: what they write, and after how long. The same seed gives the same answers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tui_inbox.standins.config import CustomersConfig
from tui_inbox.standins.pictures import picture
from tui_inbox.standins.state import Accepted

REPLIES: Sequence[tuple[Sequence[str], Sequence[str]]] = (
    (
        ("refund", "credit", "charge", "invoice", "payment", "money"),
        (
            "Thank you! How many days until I see it in my account?",
            "Ok, I can see it now. Thanks for sorting it out so fast 🙏",
            "Could you send me the invoice as well, please?",
        ),
    ),
    (
        ("order", "parcel", "delivery", "shipped", "tracking", "package"),
        (
            "It just arrived, everything is fine. Thanks!",
            "The tracking page still says «in transit». Is that normal?",
            "Can you leave it with the neighbour at number 12? I'm at work until six.",
        ),
    ),
    (
        ("appointment", "booking", "reservation", "tomorrow", "schedule"),
        (
            "Tomorrow at 10 works for me 👍",
            "Could we make it Thursday afternoon instead?",
            "Perfect, see you then!",
        ),
    ),
    (
        ("sorry", "apolog"),
        (
            "No worries, these things happen.",
            "I appreciate that you came back to me. Let's see if it works now.",
        ),
    ),
    (
        ("?",),
        (
            "Yes, that works. Thank you!",
            "Not yet, I'll check tonight and tell you.",
            "Yes please. My number is the same as before.",
            "Hmm, I'm not sure. What would you recommend?",
        ),
    ),
)
"""Words to look for in what the customer got, and what they may answer."""
PHOTO = ("photo", "picture", "screenshot", "image")
"""Whoever is asked for one sends one, where the channel carries it."""
WITH_PHOTO = "Here it is. Can you see it?"
GENERAL = (
    "Great, thank you for getting back to me!",
    "Ah, good to know. I thought you had forgotten me 😄",
    "Thanks! One more thing: does the warranty cover the cable too?",
    "Super, merci beaucoup !",
    "Okay. I will let you know if it happens again.",
    "That was quick. Thanks a lot 🙌",
    "Got it. And for my sister's account, is it the same?",
)


@dataclass(frozen=True)
class CustomerAnswer:
    """What a customer does with a message."""

    text: str
    delay: float
    """Seconds after the message was read."""
    photo: bytes | None = None
    """A picture that goes along."""


class Customers:
    """All customers of one process."""

    def __init__(self, config: CustomersConfig) -> None:
        self._config = config
        self._counts: dict[tuple[str, str], int] = {}

    def answer(self, message: Accepted) -> CustomerAnswer | None:
        """What comes back to ``message``; ``None`` when the customer stays silent."""
        key = (message.channel, message.address)
        count = self._counts[key] = self._counts.get(key, 0) + 1
        rng = random.Random(f"{self._config.seed}/{message.channel}/{message.address}/{count}")
        if rng.random() >= self._config.answers:
            return None
        delay = rng.uniform(*self._config.delay)
        if any(word in message.text.casefold() for word in PHOTO) and not message.files:
            return CustomerAnswer(WITH_PHOTO, delay, picture(f"{key}/{count}"))
        return CustomerAnswer(rng.choice(_fitting(message.text)), delay)


def _fitting(text: str) -> Sequence[str]:
    folded = text.casefold()
    for words, replies in REPLIES:
        if any(word in folded for word in words):
            return replies
    return GENERAL
