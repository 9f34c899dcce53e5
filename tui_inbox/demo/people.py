"""Names, addresses and numbers of made-up customers, in the scripts and shapes that a shop really meets."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """Where a customer comes from. ``phone``: ``#`` is any digit."""

    country: str
    language: str
    phone: str
    first: tuple[str, ...]
    last: tuple[str, ...]
    weight: int = 3
    family_first: bool = False


@dataclass(frozen=True)
class Person:
    """A made-up customer."""

    first_name: str
    last_name: str
    email: str
    phone: str
    language: str
    country: str


REGIONS = (
    Region(
        "US",
        "en",
        "+1555#######",
        (
            "Emma",
            "Liam",
            "Olivia",
            "Noah",
            "Ava",
            "Ethan",
            "Mia",
            "Logan",
            "Zoe",
            "Mason",
            "Harper",
            "Wyatt",
            "Naomi",
            "Elijah",
            "Ruby",
            "Caleb",
        ),
        (
            "Johnson",
            "Williams",
            "Nguyen",
            "Brown",
            "Davis",
            "Miller",
            "Wilson",
            "Moore",
            "Taylor",
            "Jackson",
            "Harris",
            "Okafor",
            "Robinson",
            "Walker",
            "Hall",
            "Young",
        ),
        10,
    ),
    Region(
        "GB",
        "en",
        "+4477009#####",
        ("Grace", "Alfie", "Freya", "Rhys", "Isla", "Callum", "Poppy", "Niamh", "Owen", "Siân", "Imogen", "Angus"),
        ("Hughes", "Patel", "Evans", "Wright", "MacLeod", "O'Brien", "Bennett", "Fraser", "Khan", "Whittaker", "Doyle"),
        6,
    ),
    Region(
        "ES",
        "es",
        "+346########",
        ("Lucía", "Martín", "Sofía", "Álvaro", "Núria", "Iñaki", "Begoña", "Jesús", "Paula", "Adrián", "Rocío"),
        ("García", "Muñoz", "Ibáñez", "Peña", "Núñez", "Echeverría", "Domínguez", "Ortega", "Vázquez", "Serrano"),
        5,
    ),
    Region(
        "MX",
        "es",
        "+5255########",
        ("Ximena", "Santiago", "Valentina", "Emiliano", "Regina", "Diego", "Itzel", "Mateo", "Guadalupe"),
        ("Hernández", "Ramírez", "Gutiérrez", "Mendoza", "Ávila", "Cruz", "Zúñiga", "Salinas"),
        4,
    ),
    Region(
        "DE",
        "de",
        "+4915#########",
        ("Jürgen", "Anneliese", "Sören", "Käthe", "Björn", "Greta", "Lukas", "Änne", "Felix", "Mareike"),
        ("Müller", "Schröder", "Weiß", "Krüger", "Jäger", "Böhm", "Hofmann", "Groß", "Lange", "Vogt"),
        5,
    ),
    Region(
        "FR",
        "fr",
        "+336########",
        ("Amélie", "François", "Zoé", "Théo", "Hélène", "Loïc", "Chloé", "Jérôme", "Océane", "Gaël"),
        ("Rousseau", "Lefèvre", "Béranger", "Fournier", "Gauthier", "Le Goff", "Chevalier", "Noël", "Dubois"),
        4,
    ),
    Region(
        "BR",
        "pt",
        "+55119########",
        ("João", "Conceição", "Thaís", "Antônio", "Letícia", "Caio", "Beatriz", "Vinícius", "Inês"),
        ("Araújo", "Gonçalves", "Magalhães", "Simões", "Teixeira", "da Silva", "Brandão", "Falcão"),
        4,
    ),
    Region(
        "CN",
        "zh",
        "+86138########",
        ("伟", "芳", "秀英", "敏", "静", "丽", "强", "磊", "洋", "艳", "建国", "晓梅"),
        ("王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴"),
        4,
        family_first=True,
    ),
    Region(
        "JP",
        "ja",
        "+8190########",
        ("結衣", "蓮", "さくら", "陽翔", "美咲", "大輔", "健太", "恵子"),
        ("佐藤", "鈴木", "高橋", "田中", "渡辺", "伊藤", "山本", "中村"),
        3,
        family_first=True,
    ),
    Region(
        "KR",
        "ko",
        "+8210########",
        ("서연", "민준", "지우", "하은", "도윤", "예린"),
        ("김", "이", "박", "최", "정", "강"),
        2,
        family_first=True,
    ),
    Region(
        "AE",
        "ar",
        "+9715########",
        ("محمد", "فاطمة", "يوسف", "ليلى", "أحمد", "نور", "عمر", "مريم"),
        ("العلي", "الحسيني", "حداد", "المنصوري", "خليل", "النجار"),
        3,
    ),
    Region(
        "IL",
        "he",
        "+9725########",
        ("נועה", "איתי", "תמר", "אורי", "שירה"),
        ("כהן", "לוי", "מזרחי", "פרץ", "ביטון"),
        1,
    ),
    Region(
        "UA",
        "uk",
        "+38067#######",
        ("Олена", "Андрій", "Софія", "Тарас", "Ірина", "Максим"),
        ("Шевченко", "Коваленко", "Бондаренко", "Ткаченко", "Мельник"),
        2,
    ),
    Region(
        "GR",
        "el",
        "+3069########",
        ("Ελένη", "Γιώργος", "Μαρία", "Νίκος", "Αθηνά"),
        ("Παπαδόπουλος", "Νικολάου", "Γεωργίου", "Οικονόμου"),
        1,
    ),
    Region(
        "IN",
        "en",
        "+9198########",
        ("Priya", "Arjun", "Ananya", "Rohan", "Meera", "Vikram", "Kavya", "Sanjay", "Ishaan"),
        ("Sharma", "Iyer", "Raghavan", "Gupta", "Reddy", "Banerjee", "Desai", "Menon"),
        5,
    ),
    Region(
        "NG",
        "en",
        "+23480########",
        ("Chiamaka", "Tunde", "Ngozi", "Emeka", "Adaeze", "Bọ́lá", "Ifeoma"),
        ("Adeyemi", "Okonkwo", "Balogun", "Eze", "Obi", "Abubakar"),
        2,
    ),
    Region(
        "TR",
        "en",
        "+9053########",
        ("Ayşe", "Çağlar", "İrem", "Oğuz", "Gülşen", "Şükrü", "Ilgın"),
        ("Yılmaz", "Öztürk", "Şahin", "Çelik", "Güneş", "Işık"),
        2,
    ),
    Region(
        "VN",
        "en",
        "+8490#######",
        ("Thảo", "Hưng", "Phương", "Đức", "Quỳnh", "Tuấn"),
        ("Nguyễn", "Trần", "Phạm", "Đặng", "Vũ"),
        2,
        family_first=True,
    ),
    Region(
        "PL",
        "en",
        "+4860#######",
        ("Łukasz", "Małgorzata", "Paweł", "Żaneta", "Stanisław", "Agnieszka"),
        ("Wójcik", "Kowalczyk", "Dąbrowska", "Zieliński", "Woźniak"),
        2,
    ),
)
MAIL_HOSTS = ("example.com", "example.org", "example.net", "mail.example", "post.example", "inbox.example")

_WEIGHTS = tuple(region.weight for region in REGIONS)


def invent(rng: random.Random, number: int) -> Person:
    """The customer with this number; the number keeps addresses apart."""
    region = rng.choices(REGIONS, _WEIGHTS)[0]
    first, last = rng.choice(region.first), rng.choice(region.last)
    if region.family_first:
        first, last = last, first
    phone = number_like(rng, region.phone) if rng.random() < 0.85 else ""
    email = _email(rng, first, last, number) if rng.random() < 0.8 else ""
    return Person(first, last, email, phone, region.language, region.country)


def number_like(rng: random.Random, pattern: str) -> str:
    """A phone number of this shape."""
    return "".join(str(rng.randrange(10)) if char == "#" else char for char in pattern)


def _email(rng: random.Random, first: str, last: str, number: int) -> str:
    local = ".".join(part for part in (_latin(first), _latin(last)) if part)
    local = f"{local}{number}" if local else f"customer{number}"
    return f"{local}@{rng.choice(MAIL_HOSTS)}"


def _latin(name: str) -> str:
    """The letters of a name that an e-mail address usually has; empty for other scripts."""
    plain = unicodedata.normalize("NFKD", name.translate(str.maketrans("łŁıđĐßøØ", "lLidDsoO")))
    return "".join(char for char in plain.lower() if char.isascii() and char.isalpha())
