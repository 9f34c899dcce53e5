"""What customers of a shop write and what they are answered: short scripts that are strung together into threads.

Lines starting with ``<`` come from the customer, ``>`` from the agent, ``#`` is an internal note.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Script:
    """One matter from the first question to its end."""

    tag: str
    category: str
    summary: str
    lines: tuple[str, ...]


def _script(tag: str, category: str, summary: str, *lines: str) -> Script:
    return Script(tag, category, summary, lines)


SCRIPTS: dict[str, tuple[Script, ...]] = {
    "en": (
        _script(
            "shipping",
            "solved",
            "Parcel {order} found at the depot, redelivered.",
            "<Hi! My order {order} was due on Monday and the tracking still says «in transit». Can you check?",
            ">Hello {first}, thanks for writing. I'm asking the carrier right now.",
            "#Carrier says the label was damaged, parcel sits in the {city} depot.",
            ">Found it: the label got damaged, your parcel is at the {city} depot and goes out again tomorrow morning.",
            "<Great, thank you so much!",
        ),
        _script(
            "refund",
            "solved",
            "Refund of {amount} issued, 3 to 5 days.",
            "<I returned the {product} two weeks ago and still haven't seen my money back.",
            ">Sorry about that, {first}. Could you send me the return number?",
            "<It's R-{order}",
            ">Thank you. The return is booked, your {amount} are on their way. It takes 3 to 5 working days.",
            "<ok 👍",
        ),
        _script(
            "login",
            "solved",
            "Reset link sent; old address was misspelt.",
            "<I can't log in any more. The reset mail never arrives.",
            ">Let me look. Which address do you use for the account?",
            "<the one you are writing to, I think?",
            ">There was a typo in the address on file. Corrected it and sent a new link, please look in a minute.",
            "<I'm in. You're a star",
        ),
        _script(
            "sizes",
            "answered",
            "Advised one size up.",
            "<Does the {product} run small? I'm usually a M",
            ">It does run a little small, most customers take one size up. Exchange is free within 30 days.",
            "<Perfect, will order L then.",
        ),
        _script(
            "damaged",
            "solved",
            "Replacement for the {product} on its way.",
            "<The {product} arrived broken 😞 see photo",
            "<[photo]",
            ">Oh no! I'm really sorry, {first}. Would you like a replacement or the money back?",
            "<A replacement please, it's a gift for Saturday",
            "#Express shipping approved by dora because of the date.",
            ">Done: it leaves today by express and should be with you on Friday.",
        ),
        _script(
            "invoice",
            "answered",
            "Invoice with VAT number sent.",
            "<Hello, I need an invoice for order {order} with our VAT number on it.",
            ">Of course. Please tell me the company name and the VAT number.",
            "<Harbour & Sons Ltd, GB 123 4567 89",
            ">Thank you, the invoice is on its way to your e-mail.",
        ),
        _script(
            "vip",
            "follow-up",
            "Wants to be told when the {product} is back.",
            "<Any idea when the {product} will be back in stock?",
            ">We expect it in about two weeks. Shall I tell you when it arrives?",
            "<Yes please!",
        ),
        _script(
            "cancel",
            "solved",
            "Order {order} cancelled before shipping.",
            "<Please cancel order {order}, I ordered twice by mistake.",
            ">No problem, it had not left yet. Order {order} is cancelled, nothing will be charged.",
            "<Thanks for the quick help",
        ),
        _script(
            "address",
            "solved",
            "Delivery address changed to {city}.",
            "<I moved! Can you still change the delivery address of {order}?",
            ">Yes, it ships this afternoon. What is the new address?",
            "<14 Mill Lane, {city}",
            ">Changed. You'll get the tracking link tonight.",
        ),
        _script(
            "complaint",
            "no reply",
            "Asked for the order number twice, no answer.",
            "<This is the third time I write!!! Nobody answers. Where is my {product}???",
            ">I'm sorry that you had to ask again, {first}. With the order number I can solve this today.",
            ">Hello {first}, are you still there? I only need the order number.",
        ),
        _script(
            "warranty",
            "answered",
            "Covered by warranty, repair label sent.",
            "<The {product} stopped charging after five months. Is that covered?",
            ">Yes, you have two years of warranty. I'm sending you a prepaid label for the repair.",
            "<How long will it take?",
            ">About ten days, door to door.",
            "<Alright, thanks.",
        ),
        _script(
            "discount",
            "answered",
            "Code explained: not valid on sale items.",
            "<the code SPRING10 doesn't work??",
            ">It is not valid on items that are already reduced. On everything else it works until Sunday.",
            "<ah ok, got it",
        ),
        _script(
            "wholesale",
            "follow-up",
            "Wholesale list promised, hand over to sales.",
            "<Hi, we run a small shop in {city}. Do you sell to resellers?",
            ">We do! I'm passing this to our wholesale team, they will send you the list this week.",
            "#Asked bo to send the wholesale list.",
        ),
        _script(
            "thanks",
            "answered",
            "Happy customer.",
            "<Just wanted to say: the {product} is wonderful. Best shop ever ❤️",
            ">That made our day, {first}! Thank you.",
        ),
    ),
    "es": (
        _script(
            "envío",
            "solved",
            "Paquete localizado, entrega mañana.",
            "<Hola, ¿saben algo de mi pedido {order}? Lleva una semana parado.",
            ">Hola {first}, lo miro ahora mismo.",
            ">El paquete está en {city} y sale mañana a primera hora.",
            "<¡Muchísimas gracias!",
        ),
        _script(
            "refund",
            "solved",
            "Reembolso de {amount} emitido.",
            "<Devolví el {product} y todavía no he recibido el dinero.",
            ">Lo siento, {first}. Acabo de emitir el reembolso de {amount}, tarda de 3 a 5 días.",
            "<Vale, gracias",
        ),
        _script(
            "sizes",
            "answered",
            "Recomendada una talla más.",
            "<¿El {product} talla pequeño?",
            ">Un poco, mejor una talla más. El cambio es gratis.",
            "<Perfecto 😊",
        ),
    ),
    "de": (
        _script(
            "shipping",
            "solved",
            "Sendung {order} wird morgen zugestellt.",
            "<Guten Tag, wo bleibt meine Bestellung {order}? Laut Verfolgung seit Tagen unverändert.",
            ">Guten Tag {first}, ich frage sofort beim Paketdienst nach.",
            ">Das Paket liegt in {city} und wird morgen zugestellt.",
            "<Vielen Dank für die schnelle Auskunft!",
        ),
        _script(
            "invoice",
            "answered",
            "Rechnung verschickt.",
            "<Könnten Sie mir die Rechnung zu {order} noch einmal schicken?",
            ">Gerne, sie ist unterwegs an Ihre E-Mail-Adresse.",
            "<Danke schön",
        ),
    ),
    "fr": (
        _script(
            "damaged",
            "solved",
            "Remplacement expédié.",
            "<Bonjour, le {product} est arrivé cassé…",
            ">Bonjour {first}, je suis vraiment désolée. Remplacement ou remboursement ?",
            "<Un remplacement, s'il vous plaît",
            ">C'est fait, il part aujourd'hui.",
            "<Merci beaucoup, très réactif !",
        ),
        _script(
            "login",
            "solved",
            "Lien envoyé.",
            "<Je n'arrive plus à me connecter à mon compte",
            ">Je vous envoie un nouveau lien tout de suite.",
            "<Ça marche, merci",
        ),
    ),
    "pt": (
        _script(
            "shipping",
            "solved",
            "Entrega remarcada.",
            "<Oi, meu pedido {order} não chegou ainda 😕",
            ">Oi {first}! Vou verificar com a transportadora.",
            ">A entrega foi remarcada para amanhã de manhã.",
            "<Que bom, obrigada!",
        ),
    ),
    "zh": (
        _script(
            "shipping",
            "solved",
            "已重新派送。",
            "<你好，我的订单 {order} 什么时候到？",
            ">您好，我马上帮您查一下。",
            ">包裹已经到 {city}，明天派送。",
            "<好的，谢谢！",
        ),
        _script(
            "refund",
            "solved",
            "退款 {amount}。",
            "<我要退货，尺码不对。",
            ">没问题，退款 {amount} 三到五天到账。",
            "<谢谢",
        ),
    ),
    "ja": (
        _script(
            "shipping",
            "solved",
            "明日お届け。",
            "<注文 {order} はいつ届きますか？",
            ">お問い合わせありがとうございます。確認いたします。",
            ">明日の午前中にお届けする予定です。",
            "<ありがとうございます。",
        ),
    ),
    "ar": (
        _script(
            "shipping",
            "solved",
            "سيتم التوصيل غدًا.",
            "<مرحبا، أين طلبي رقم {order}؟",
            ">أهلًا بك، سأتحقق من الأمر الآن.",
            ">الطرد في {city} وسيصل غدًا.",
            "<شكرًا جزيلًا",
        ),
    ),
    "uk": (
        _script(
            "refund",
            "solved",
            "Повернення {amount}.",
            "<Добрий день! Коли повернуть гроші за {product}?",
            ">Вітаю! Кошти {amount} надійдуть за 3–5 днів.",
            "<Дякую!",
        ),
    ),
}
OPENERS = {
    "en": (
        "Hi, one more question about {order}",
        "Hello again! Is there any news?",
        "Could somebody please call me back?",
        "Sorry to bother you, the {product} makes a strange noise",
        "Is this still the right place to ask about {order}?",
        "???",
        "Thanks! And can I pay by invoice next time?",
        "My neighbour in {city} got hers already, where is mine?",
    ),
    "es": ("Hola, ¿hay noticias de {order}?", "Una pregunta más, por favor"),
    "de": ("Hallo, gibt es etwas Neues zu {order}?", "Noch eine Frage: passt der Akku auch?"),
    "fr": ("Bonjour, des nouvelles de {order} ?", "Encore une petite question…"),
    "pt": ("Oi, alguma novidade sobre {order}?",),
    "zh": ("请问 {order} 有消息吗？", "在吗？"),
    "ja": ("{order} の件、その後いかがでしょうか。",),
    "ar": ("هل من جديد بخصوص {order}؟",),
    "uk": ("Добрий день, є новини щодо {order}?",),
}
"""Last words of customers who wait for an answer."""
PRODUCTS = (
    "rain jacket", "desk lamp", "espresso grinder", "travel mug", "wool scarf", "bike light", "headphones",
    "backpack", "yoga mat", "pocket knife", "board game", "night light",
)  # fmt: skip
CITIES = ("Leeds", "Porto", "Lyon", "Graz", "Austin", "Toronto", "Lagos", "Pune", "Gdańsk", "İzmir", "Osaka", "Bilbao")


def script_for(language: str, pick: float) -> Script:
    """A script in this language, English where there is none; ``pick`` is in [0, 1)."""
    scripts = SCRIPTS.get(language, SCRIPTS["en"])
    return scripts[int(pick * len(scripts))]


def opener_for(language: str, pick: float) -> str:
    """Something that a waiting customer says; ``pick`` is in [0, 1)."""
    openers = OPENERS.get(language, OPENERS["en"])
    return openers[int(pick * len(openers))]
