"""The customers that the README's story and the screenshots are about, one for every state that can be met."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from tui_inbox.demo.model import DemoAddress, DemoContact, DemoLine
from tui_inbox.domain.kinds import ConversationStatus as Status
from tui_inbox.domain.kinds import DeliveryState, Direction, ErrorClass, Receipt
from tui_inbox.domain.templates import TemplateContent

IN, OUT, NOTE = Direction.INBOUND, Direction.OUTBOUND, Direction.NOTE


class _Thread:
    """Builds a thread from offsets before now, in minutes."""

    def __init__(self, now: datetime, channel: str) -> None:
        self.now, self.channel, self.lines = now, channel, list[DemoLine]()

    def at(self, minutes: float) -> datetime:
        return self.now.replace(microsecond=0) - timedelta(seconds=round(minutes * 60))

    def customer(self, minutes: float, body: str, channel: str = "") -> _Thread:
        self.lines.append(DemoLine(self.at(minutes), IN, body, channel or self.channel))
        return self

    def agent(
        self,
        minutes: float,
        body: str,
        author: str = "ana",
        *,
        channel: str = "",
        state: DeliveryState = DeliveryState.SENT,
        receipt: Receipt = Receipt.READ,
        error: tuple[ErrorClass, str] | None = None,
        template: TemplateContent | None = None,
        tag: str = "",
    ) -> _Thread:
        error_class, error_text = error or (None, "")
        line = DemoLine(
            self.at(minutes), OUT, body, channel or self.channel, author, state, receipt, error_class, error_text,
            template, tag,
        )  # fmt: skip
        self.lines.append(line)
        return self

    def note(self, minutes: float, body: str, author: str = "ana") -> _Thread:
        self.lines.append(DemoLine(self.at(minutes), NOTE, body, author=author))
        return self

    def event(self, minutes: float, kind: str, actor: str = "", **detail: object) -> _Thread:
        self.lines.append(DemoLine(self.at(minutes), None, author=actor, event=kind, detail=detail))
        return self

    def closed(self, minutes: float, category: str, summary: str, actor: str = "ana") -> _Thread:
        return self.event(minutes, "closed", actor, **{"from": "open", "category": category, "summary": summary})

    def done(self) -> tuple[DemoLine, ...]:
        return tuple(self.lines)


HOUR, DAY = 60.0, 1440.0


def _carlos(now: datetime) -> DemoContact:
    thread = _Thread(now, "telegram")
    thread.customer(3 * DAY, "Hi! My rain jacket arrived, but the zip is stuck. Order A-2291.")
    thread.event(3 * DAY, "opened", **{"by": "customer", "from": "none"})
    thread.event(3 * DAY - 4, "assigned", "dora", **{"from": "", "to": "ana"})
    thread.agent(3 * DAY - 6, "Hello Carlos, sorry about the zip! Could you send a photo?")
    thread.customer(3 * DAY - 11, "[photo]")
    thread.note(3 * DAY - 14, "Known fault of the March batch. Replacement goes without return.")
    thread.agent(3 * DAY - 20, "Thank you. A new jacket leaves today, keep the old one.")
    thread.customer(3 * DAY - 22, "Wow, thank you! 🙌")
    thread.closed(3 * DAY - 30, "solved", "Zip fault, replacement sent without return.")
    return DemoContact(
        "Carlos", "Fuentes", "carlos.fuentes@example.com", "+15551234567", "en", "US", ("vip",),
        addresses=(DemoAddress("telegram", "700100001"), DemoAddress("email", "carlos.fuentes@example.com")),
        lines=thread.done(), status=Status.CLOSED, assignee="ana", custom={"plan": "Gold"},
    )  # fmt: skip


def _scarlet(now: datetime) -> DemoContact:
    thread = _Thread(now, "whatsapp")
    thread.customer(5 * DAY, "Good morning, has my refund for the espresso grinder been issued?")
    thread.event(5 * DAY, "opened", **{"by": "customer", "from": "none"})
    thread.agent(5 * DAY - 9, "Good morning Scarlet! It is waiting for the warehouse, I'll tell you.", "bo")
    thread.event(5 * DAY - 60, "assigned", "bo", **{"from": "bo", "to": "ana"})
    thread.note(4 * DAY, "Return confirmed by the warehouse: 89.00 £.")
    thread.closed(4 * DAY - 5, "follow-up", "Refund approved; tell her when it is out.")
    return DemoContact(
        "Scarlet", "Whitfield", "scarlet.whitfield@example.org", "+447700900142", "en", "GB", ("refund",),
        addresses=(DemoAddress("whatsapp", "+447700900142"), DemoAddress("sms", "+447700900142")),
        lines=thread.done(), status=Status.CLOSED, assignee="ana",
    )  # fmt: skip


def _oscar(now: datetime) -> DemoContact:
    thread = _Thread(now, "instagram")
    thread.customer(2 * DAY, "hej! do you ship the backpack to Sweden?")
    thread.event(2 * DAY, "opened", **{"by": "customer", "from": "none"})
    thread.event(2 * DAY - 3, "assigned", "ana", **{"from": "", "to": "ana"})
    thread.agent(2 * DAY - 5, "Hej Oscar! Yes, 4 to 6 days. Which colour would you like?")
    thread.customer(2 * DAY - 8, "the green one, but it says sold out")
    thread.agent(2 * DAY - 12, "It is back on Thursday, I'll write when it is there.")
    thread.closed(2 * DAY - 15, "follow-up", "Tell him when the green backpack is back.")
    return DemoContact(
        "Oscar", "Lindqvist", "oscar@example.net", "", "en", "SE", ("pre-sale",),
        addresses=(DemoAddress("instagram", "6110000000000001"),),
        lines=thread.done(), status=Status.CLOSED, assignee="ana",
    )  # fmt: skip


def _amelie(now: datetime) -> DemoContact:
    thread = _Thread(now, "whatsapp")
    thread.customer(DAY + 30, "Bonjour, la lampe est arrivée cassée… photo ci-jointe", "whatsapp")
    thread.event(DAY + 30, "opened", **{"by": "customer", "from": "none"})
    thread.agent(DAY + 12, "Bonjour Amélie, je suis désolée ! Remplacement ou remboursement ?")
    thread.customer(DAY - 9, "Un remplacement s'il vous plaît, c'est un cadeau pour samedi 🎁")
    return DemoContact(
        "Amélie", "Rousseau", "amelie.rousseau@example.com", "+33612345678", "fr", "FR", ("damaged", "urgent"),
        addresses=(DemoAddress("whatsapp", "+33612345678"), DemoAddress("email", "amelie.rousseau@example.com")),
        lines=thread.done(), status=Status.OPEN, assignee="ana",
    )  # fmt: skip


def _meiling(now: datetime) -> DemoContact:
    thread = _Thread(now, "wechat")
    thread.customer(7 * HOUR, "你好，我的订单 A-3310 什么时候到？")
    thread.event(7 * HOUR, "opened", **{"by": "customer", "from": "none"})
    for minute, body in enumerate(("您好！我马上查一下。", "包裹已经到上海。", "明天上午派送。", "请保持电话畅通。")):
        thread.agent(6.8 * HOUR - minute * 3, body, "chen")
    return DemoContact(
        "美玲", "陈", "meiling.chen@example.cn", "+8613812345678", "zh", "CN", ("shipping",),
        addresses=(DemoAddress("wechat", "oGZUI0egBJY1zhBYw2KhdUfwVJJE"),),
        lines=thread.done(), status=Status.OPEN, assignee="chen",
    )  # fmt: skip


def _yusuf(now: datetime) -> DemoContact:
    thread = _Thread(now, "whatsapp")
    thread.customer(21 * HOUR, "مرحبا، أين طلبي رقم A-4410؟")
    thread.event(21 * HOUR, "opened", **{"by": "customer", "from": "none"})
    return DemoContact(
        "يوسف", "العلي", "yusuf.alali@example.com", "+971501234567", "ar", "AE", ("shipping",),
        addresses=(DemoAddress("whatsapp", "+971501234567"),),
        lines=thread.done(), status=Status.OPEN,
    )  # fmt: skip


def _priya(now: datetime) -> DemoContact:
    thread = _Thread(now, "messenger")
    thread.customer(4 * DAY, "Hi, I need an invoice with our GST number for A-1877")
    thread.event(4 * DAY, "opened", **{"by": "customer", "from": "none"})
    thread.agent(4 * DAY - 15, "Hello Priya, please send me the number and I'll add it.", "bo")
    thread.customer(3.9 * DAY, "29ABCDE1234F2Z5")
    return DemoContact(
        "Priya", "Raghavan", "priya@example.in", "+919812345678", "en", "IN", ("invoice",),
        addresses=(DemoAddress("messenger", "7200000000000001"), DemoAddress("email", "priya@example.in")),
        lines=thread.done(), status=Status.OPEN, assignee="bo",
    )  # fmt: skip


def _grace(now: datetime) -> DemoContact:
    thread = _Thread(now, "instagram")
    thread.customer(12 * DAY, "the wool scarf sheds everywhere, is that normal?")
    thread.event(12 * DAY, "opened", **{"by": "customer", "from": "none"})
    thread.agent(12 * DAY - 30, "Hello Grace, that stops after the first wash. Cold water, please!")
    thread.closed(11 * DAY, "no reply", "No answer after the washing advice.")
    return DemoContact(
        "Grace", "O'Connor", "grace.oconnor@example.ie", "+353851234567", "en", "IE", (),
        addresses=(DemoAddress("instagram", "6110000000000002"), DemoAddress("email", "grace.oconnor@example.ie")),
        lines=thread.done(), status=Status.CLOSED, assignee="ana",
    )  # fmt: skip


def _tomas(now: datetime) -> DemoContact:
    thread = _Thread(now, "viber")
    thread.customer(2 * DAY, "Dobrý den, do you have the bike light for 31.8 mm bars?")
    thread.event(2 * DAY, "opened", **{"by": "customer", "from": "none"})
    thread.agent(2 * DAY - 20, "Dobrý den! I'm asking our workshop, you'll hear from me tomorrow.")
    until = now + timedelta(hours=18)
    thread.event(2 * DAY - 21, "snoozed", "ana", **{"from": "open", "until": until.isoformat()})
    return DemoContact(
        "Tomáš", "Dvořák", "tomas.dvorak@example.cz", "+420601123456", "en", "CZ", ("pre-sale",),
        addresses=(DemoAddress("viber", "01234567890A="),),
        lines=thread.done(), status=Status.SNOOZED, assignee="ana", snoozed_until=until,
    )  # fmt: skip


def _ayse(now: datetime) -> DemoContact:
    thread = _Thread(now, "telegram")
    thread.customer(9 * HOUR, "Headphones stopped charging after five months 😞")
    thread.event(9 * HOUR, "opened", **{"by": "customer", "from": "none"})
    thread.agent(
        8 * HOUR, "Merhaba Ayşe, that is covered. I'm sending you a repair label.",
        state=DeliveryState.FAILED, receipt=Receipt.NONE,
        error=(ErrorClass.UNREACHABLE, "Telegram: the customer has blocked the bot."),
    )  # fmt: skip
    return DemoContact(
        "Ayşe", "Yılmaz", "ayse.yilmaz@example.com", "+905321234567", "en", "TR", ("warranty",),
        addresses=(
            DemoAddress("telegram", "700100010", opted_out=True),
            DemoAddress("sms", "+905321234567"),
        ),
        lines=thread.done(), status=Status.OPEN, assignee="ana",
    )  # fmt: skip


def _kwame(now: datetime) -> DemoContact:
    thread = _Thread(now, "whatsapp")
    thread.customer(5 * HOUR, "Is the pocket knife legal to carry on the train?")
    thread.event(5 * HOUR, "opened", **{"by": "customer", "from": "none"})
    thread.agent(
        4 * HOUR, "Hello Kwame! Below 6 cm it is, yours has 5.5 cm.", "ana",
        state=DeliveryState.UNCERTAIN, receipt=Receipt.NONE,
        error=(ErrorClass.TEMPORARY, "The connection broke after the message had left; it may have arrived or not."),
    )  # fmt: skip
    return DemoContact(
        "Kwame", "Mensah", "kwame@example.gh", "+233241234567", "en", "GH", (),
        addresses=(DemoAddress("whatsapp", "+233241234567"),),
        lines=thread.done(), status=Status.OPEN, assignee="chen",
    )  # fmt: skip


def _lucia(now: datetime) -> DemoContact:
    thread = _Thread(now, "sms")
    thread.agent(40 * DAY, "Hola Lucía, tu pedido A-0918 sale hoy.", "bo", receipt=Receipt.DELIVERED)
    thread.event(40 * DAY, "opened", "bo", **{"by": "sending", "from": "none"})
    thread.customer(40 * DAY - 10, "STOP")
    thread.closed(39 * DAY, "other", "Opted out of SMS.", "bo")
    return DemoContact(
        "Lucía", "Moreno", "lucia.moreno@example.es", "+34612345678", "es", "ES", (),
        addresses=(DemoAddress("sms", "+34612345678", opted_out=True), DemoAddress("email", "lucia.moreno@example.es")),
        lines=thread.done(), status=Status.CLOSED, assignee="bo",
    )  # fmt: skip


def _jonas(now: datetime) -> DemoContact:
    return DemoContact(
        "Jonas", "Keller", "jonas.keller@example.de", "+4915112345678", "de", "DE", ("newsletter",),
        addresses=(DemoAddress("whatsapp", "+4915112345678", started=False),),
        since=now.replace(microsecond=0) - timedelta(days=12),
    )  # fmt: skip


def _win_prize(now: datetime) -> DemoContact:
    thread = _Thread(now, "telegram")
    thread.customer(6 * DAY, "CONGRATULATIONS!!! You won, click http://prize.example now")
    thread.event(6 * DAY, "opened", **{"by": "customer", "from": "none"})
    thread.closed(6 * DAY - 2, "spam", "", "bo")
    return DemoContact(
        "Win", "Prize", "", "", "en", "", ("spam",), blocked=True,
        addresses=(DemoAddress("telegram", "700100014"),), lines=thread.done(), status=Status.CLOSED,
    )  # fmt: skip


def _marta(now: datetime) -> DemoContact:
    thread = _Thread(now, "google-business")
    thread.customer(900 * DAY, "Are you open on Sunday?")
    thread.event(900 * DAY, "opened", **{"by": "customer", "from": "none"})
    thread.agent(900 * DAY - 50, "Hello Marta, on Sunday from 11 to 5.", "bo", receipt=Receipt.DELIVERED)
    thread.closed(899 * DAY, "answered", "Opening hours.", "bo")
    return DemoContact(
        "Marta", "Nowak", "marta.nowak@example.pl", "+48601234567", "en", "PL", (),
        addresses=(DemoAddress("google-business", "conv-5b1f"), DemoAddress("x", "1450000000000000001")),
        lines=thread.done(), status=Status.CLOSED, assignee="bo",
    )  # fmt: skip


def _hiroshi(now: datetime) -> DemoContact:
    thread = _Thread(now, "whatsapp")
    filled = "Hello Hiroshi, we have news about your request A-5120. Please answer here.\nNorthwind Outdoor"
    content = TemplateContent("follow_up", "en", {"1": "Hiroshi", "2": "A-5120"}, filled)
    thread.customer(8 * DAY, "注文 A-5120 はいつ届きますか？")
    thread.event(8 * DAY, "opened", **{"by": "customer", "from": "none"})
    thread.closed(7 * DAY, "no reply", "")
    thread.agent(2 * HOUR, filled, template=content, receipt=Receipt.DELIVERED)
    thread.event(2 * HOUR, "reopened", "ana", **{"by": "sending", "from": "closed"})
    return DemoContact(
        "大輔", "渡辺", "watanabe@example.jp", "+819012345678", "ja", "JP", ("shipping",),
        addresses=(DemoAddress("whatsapp", "+819012345678"), DemoAddress("line", "U8622f62b0c6e4ad1a1d4a5e8f0b1c2d3")),
        lines=thread.done(), status=Status.OPEN, assignee="ana",
    )  # fmt: skip


STORY: tuple[Callable[[datetime], DemoContact], ...] = (
    _carlos, _scarlet, _oscar, _amelie, _meiling, _yusuf, _priya, _grace, _tomas, _ayse, _kwame, _lucia, _jonas,
    _win_prize, _marta, _hiroshi,
)  # fmt: skip


def story(now: datetime) -> tuple[DemoContact, ...]:
    """The hand-written customers, the README's three first."""
    return tuple(make(now) for make in STORY)
