"""Faults planted into good summaries, the same ones every time, by nothing of jobs.tasks.

Each function takes a row and a source of chance and returns the points of a spoilt summary, or
None where the fault has no place in it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final


@dataclass(frozen=True, slots=True)
class Summarized:
    """A text and a good summary of it, in one language."""

    row_id: str
    text: str
    points: tuple[str, ...]
    language: str


Plant = Callable[[Summarized, Sequence[Summarized], Random], tuple[str, ...] | None]
LATIN_NAMES: Final = [
    "Johansson",
    "Alvarez",
    "Bergmann",
    "Okafor",
    "Petrov",
    "Schneider",
    "Novak",
    "Hughes",
    "Castellanos",
    "Wojcik",
    "Lindqvist",
    "Moretti",
    "Kowalski",
    "Fitzgerald",
    "Heathrow",
    "Lisbon",
    "Rotterdam",
    "Siemens",
    "Volvo",
    "Nestlé",
    "Vodafone",
    "Unilever",
]
"""For persons, places and firms of the text."""
KANJI_PLACES: Final = [
    "札幌",
    "金沢",
    "高松",
    "別府",
    "函館",
    "松江",
    "那覇",
    "仙台",
    "姫路",
    "長崎",
    "鳥取",
    "青森",
    "宮崎",
    "岐阜",
    "和歌山",
]
KATAKANA_NAMES: Final = [
    "ロンドン",
    "ハウステンボス",
    "シドニー",
    "ブラジル",
    "ミュンヘン",
    "サンリオピューロランド",
    "ルーブル",
    "ベネチア",
    "カナダ",
    "マチュピチュ",
    "エッフェル",
    "ノルウェー",
]
PLACE: Final = re.compile(
    "東京|大阪|京都|沖縄|北海道|福岡|名古屋|横浜|神戸|広島|奈良|箱根|熱海|草津|軽井沢|伊豆|熊本|鹿児島|長野|静岡"
    "|千葉|三重|伊勢|志摩|石川|新潟|富山|福井|山梨|兵庫|岡山|愛知|愛媛|高知|徳島|香川|大分|佐賀|群馬|栃木|日光|鎌倉"
)
KATAKANA: Final = re.compile(r"[ァ-ヺー・]{4,}")
CAPITALISED: Final = re.compile(r"(?<=[a-z,;] )(?!I\b|I'|Mr|Ms|Mrs|Dr)[A-Z][a-z]{2,}\b")
NUMBER: Final = re.compile(r"(?<![0-9A-Za-z.,/:-])[0-9]{1,6}(?![0-9A-Za-z/:-]|[.,][0-9])")
SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|(?<=。)|\n")


def change_number(
    row: Summarized, _: Sequence[Summarized], chance: Random
) -> tuple[str, ...] | None:
    """Change one digit of one number, so that the new number stands nowhere in the text."""
    spots = [(at, match) for at, point in enumerate(row.points) for match in NUMBER.finditer(point)]
    chance.shuffle(spots)
    for at, match in spots:
        digit = chance.randrange(len(match[0]))
        others = [one for one in "123456789" if one != match[0][digit]]
        chance.shuffle(others)
        for other in others:
            new = match[0][:digit] + other + match[0][digit + 1 :]
            if not _states(row.text, int(new)):
                point = row.points[at]
                return _replace(row.points, at, point[: match.start()] + new + point[match.end() :])
    return None


def change_any_number(row: Summarized, chance: Random) -> tuple[str, ...] | None:
    """Change one digit of one number, whatever comes of it."""
    spots = [(at, match) for at, point in enumerate(row.points) for match in NUMBER.finditer(point)]
    if not spots:
        return None
    at, match = chance.choice(spots)
    digit = chance.randrange(len(match[0]))
    other = chance.choice([one for one in "123456789" if one != match[0][digit]])
    new = match[0][:digit] + other + match[0][digit + 1 :]
    point = row.points[at]
    return _replace(row.points, at, point[: match.start()] + new + point[match.end() :])


def change_name(row: Summarized, _: Sequence[Summarized], chance: Random) -> tuple[str, ...] | None:
    """Put a foreign name in the place of one that the text has."""
    patterns = (
        ((PLACE, KANJI_PLACES), (KATAKANA, KATAKANA_NAMES))
        if row.language == "ja"
        else ((CAPITALISED, LATIN_NAMES),)
    )
    spots = [
        (at, match, names)
        for at, point in enumerate(row.points)
        for pattern, names in patterns
        for match in pattern.finditer(point)
        if match[0] in row.text
    ]
    if not spots:
        return None
    at, match, names = chance.choice(spots)
    name = chance.choice([name for name in names if name not in row.text])
    point = row.points[at]
    return _replace(row.points, at, point[: match.start()] + name + point[match.end() :])


def change_language(
    row: Summarized, others: Sequence[Summarized], chance: Random
) -> tuple[str, ...] | None:
    """Take a summary in another language."""
    return chance.choice([one for one in others if one.language != row.language]).points


GERMAN: Final = (
    "Die neuen Regale kommen am Dienstag, und der Lagerraum ist bis dahin leer.",
    "Der Umsatz ist im Februar gestiegen, aber die Leitung ist damit noch nicht zufrieden.",
    "Zwei Besucher werden erwartet, die sich für den Verkauf und die Werkstatt interessieren.",
    "Wir haben den Schlüssel nicht gefunden und müssen ihn bei der Verwaltung abholen.",
)


def change_latin_language(
    row: Summarized, others: Sequence[Summarized], chance: Random
) -> tuple[str, ...] | None:
    """Take a summary in another language of the same letters, whole or from the middle on."""
    if row.language == "ja":
        return None
    german = tuple(chance.sample(GERMAN, 2))
    sentences = _sentences(row.points)
    return chance.choice([german, (*sentences[: len(sentences) // 2], *german)])


def leave_half(
    row: Summarized, others: Sequence[Summarized], chance: Random
) -> tuple[str, ...] | None:
    """Put the second half into another language."""
    sentences = _sentences(row.points)
    foreign = chance.choice([one for one in others if one.language != row.language])
    half = max(1, len(sentences) // 2)
    return (*sentences[:half], *_sentences(foreign.points)[: max(1, len(sentences) - half)])


def copy_half(row: Summarized, _: Sequence[Summarized], chance: Random) -> tuple[str, ...] | None:
    """Go on with the first half of the text after the first half of the summary."""
    long = 1000 if row.language == "en" else 400
    if len(row.text) < long:
        return None
    sentences = _sentences(row.points)
    return (*sentences[: len(sentences) // 2], row.text[: len(row.text) // 2])


def double_sentence(
    row: Summarized, _: Sequence[Summarized], chance: Random
) -> tuple[str, ...] | None:
    """Say a sentence twice, one behind the other or at the end."""
    sentences = _sentences(row.points)
    long = [
        at for at, one in enumerate(sentences) if len(one) >= (12 if row.language == "ja" else 30)
    ]
    if not long:
        return None
    at = chance.choice(long)
    place = chance.choice([at + 1, len(sentences)])
    return (*sentences[:place], sentences[at], *sentences[place:])


PLANTS: Final[dict[str, Plant]] = {
    "a changed number": change_number,
    "a foreign name": change_name,
    "the wrong language": change_language,
    "another language of the same letters": change_latin_language,
    "a half in another language": leave_half,
    "a copied half": copy_half,
    "a doubled sentence": double_sentence,
}
ONES: Final = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS: Final = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def _states(text: str, number: int) -> bool:
    """Whether a text states a whole number, by figures or words."""
    plain = text.replace(",", "")
    if re.search(rf"(?<![0-9])0*{number}(?![0-9])", plain):
        return True
    words = [re.escape(one).replace(r"\ ", "[ -]") for one in _say(number)]
    return any(re.search(rf"\b{one}(?:th|s)?\b", text.lower()) for one in words)


def _say(number: int) -> list[str]:
    if number < 20:
        ordinals = {1: ["first", "once", "a", "an"], 2: ["second", "both", "couple", "twice"],
                    3: ["third"], 5: ["fifth"], 9: ["ninth"], 12: ["twelfth", "dozen"]}  # fmt: skip
        return [ONES[number], *ordinals.get(number, [])]
    if number < 100:
        ten, one = divmod(number, 10)
        tens = TENS[ten - 2]
        return [f"{tens} {ONES[one]}", f"{tens} {ONES[one]}"] if one else [tens, tens[:-1] + "ies"]
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        head = f"{ONES[hundreds]} hundred"
        return (
            [head]
            if not rest
            else [f"{head} and {one}" for one in _say(rest)]
            + [f"{head} {one}" for one in _say(rest)]
        )
    if number < 2100:
        century, rest = divmod(number, 100)
        return [f"{one} {two}" for one in _say(century) for two in _say(rest)]
    return []


def _sentences(points: Sequence[str]) -> list[str]:
    return [one.strip() for point in points for one in SENTENCE.split(point) if one.strip()]


def _replace(points: Sequence[str], at: int, point: str) -> tuple[str, ...]:
    return (*points[:at], point, *points[at + 1 :])
