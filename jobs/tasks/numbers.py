"""Numbers in folded text, compared by what they may mean and not by how they are written.

"1,200", "1.200" (German), "1200" and "1 200" agree; so do "120万" and "1.2 million", "令和8年"
and 2026, "March" and "3月". Where a spelling is ambiguous every meaning counts, so that a check
never blames a number that is right.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

ERAS: Final = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "明治": 1867}
"""The year before the first one of each era."""
MONTHS: Final = (
    ("january", "jan", "januar", "janvier"),
    ("february", "feb", "februar", "février"),
    ("march", "mar", "märz", "mars"),
    ("april", "apr", "avril"),
    ("may", "mai"),
    ("june", "jun", "juni", "juin"),
    ("july", "jul", "juli", "juillet"),
    ("august", "aug", "août"),
    ("september", "sep", "sept", "septembre"),
    ("october", "oct", "oktober", "okt", "octobre"),
    ("november", "nov", "novembre"),
    ("december", "dec", "dezember", "dez", "décembre"),
)
MONTH_NUMBERS: Final = {name: number for number, names in enumerate(MONTHS, 1) for name in names}
SPELLED: Final = {
    0: "zero null zéro no none kein keine aucun",
    1: "one once first single eins erste premier première",
    2: "two twice both second pair zwei beide zweite deux deuxième",
    3: "three third drei dritte trois troisième",
    4: "four fourth vier vierte quatre",
    5: "five fifth fünf fünfte cinq",
    6: "six sixth sechs sechste",
    7: "seven seventh sieben siebte sept septième",
    8: "eight eighth acht achte huit",
    9: "nine ninth neun neunte neuf",
    10: "ten tenth zehn zehnte dix",
    11: "eleven elf onze",
    12: "twelve zwölf douze dozen dutzend",
    13: "thirteen dreizehn treize",
    14: "fourteen vierzehn quatorze",
    15: "fifteen fünfzehn quinze",
    16: "sixteen sechzehn seize",
    17: "seventeen siebzehn",
    18: "eighteen achtzehn",
    19: "nineteen neunzehn",
    20: "twenty zwanzig vingt",
    30: "thirty dreissig trente",
    40: "forty vierzig quarante",
    50: "fifty fünfzig cinquante",
    60: "sixty sechzig soixante",
    70: "seventy siebzig",
    80: "eighty achtzig",
    90: "ninety neunzig",
    100: "hundred hundert cent",
}
WORDS: Final = {
    word: Decimal(number) for number, words in SPELLED.items() for word in words.split()
}
ARTICLES: Final = frozenset({"a", "an", "ein", "eine", "einen", "einem", "einer", "un", "une"})
"""Words that may translate a 1, but do not state it."""
KANJI_DIGITS: Final = {character: number for number, character in enumerate("〇一二三四五六七八九")}
KANJI_UNITS: Final = {"十": 10, "百": 100, "千": 1000}
SCALES: Final = {
    "千": 10**3, "万": 10**4, "萬": 10**4, "만": 10**4, "億": 10**8, "亿": 10**8, "억": 10**8,
    "兆": 10**12, "thousand": 10**3, "tausend": 10**3, "mille": 10**3, "million": 10**6,
    "millions": 10**6, "millionen": 10**6, "mio": 10**6, "billion": 10**9, "milliarde": 10**9,
    "milliarden": 10**9, "milliard": 10**9, "milliards": 10**9,
}  # fmt: skip
MAX_SCALED_CHARS: Final = 60
DIGITS: Final = r"[0-9]+(?:[.,'’][0-9]+)*"
GROUPED: Final = r"[0-9]{1,3}(?: [0-9]{3})+(?![0-9])(?:,[0-9]+)?"
CJK_SCALED: Final = rf"(?:{DIGITS} ?[千万萬만億亿억兆] ?)+(?:[0-9,]*[0-9])?"
WORD_SCALED: Final = (
    rf"{DIGITS} (?:thousand|tausend|mille|millions?|millionen|mio|billion|milliarden?|milliards?)\b"
)
NUMBER: Final = re.compile(
    rf"(?P<era>{'|'.join(ERAS)}) ?(?P<year>元|[0-9]{{1,2}})"
    rf"|(?P<cjk>{CJK_SCALED})|(?P<word>{WORD_SCALED})|(?P<grouped>{GROUPED})|(?P<plain>{DIGITS})"
)
PART: Final = re.compile(rf"({DIGITS}) ?([^0-9 .,]+)?")
AFTERNOON: Final = re.compile(r"午後|下午|오후|[0-9] ?p\.? ?m\b|nachmittag|après-midi")
KANJI_NUMBER: Final = re.compile(r"[〇一二三四五六七八九十百千]+")
WORD: Final = re.compile(r"[^\W\d_]+")
TENS: Final = re.compile(
    r"\b(twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)[- ]"
    r"(one|two|three|four|five|six|seven|eight|nine)\b"
)
SUFFIX: Final = re.compile(r"(k|m|mn|bn)\b")
SUFFIXES: Final = {"k": 10**3, "m": 10**6, "mn": 10**6, "bn": 10**9}


@dataclass(frozen=True, slots=True)
class Number:
    """A number at [start, end) of a folded text and the values it may have."""

    start: int
    end: int
    values: frozenset[Decimal]


def find_numbers(folded: str) -> tuple[Number, ...]:
    """Return the numbers written with digits, in order."""
    return tuple(number for match in NUMBER.finditer(folded) for number in _read(match))


def find_spelled(folded: str) -> tuple[Number, ...]:
    """Return the small numbers written as words: three, sixty-two, drei, mars, 二十三."""
    found = [
        Number(*match.span(), frozenset({WORDS[match[1]] + WORDS[match[2]]}))
        for match in TENS.finditer(folded)
    ]
    for match in WORD.finditer(folded):
        for known in (WORDS, MONTH_NUMBERS):
            if match[0] in known:
                found.append(Number(*match.span(), frozenset({Decimal(known[match[0]])})))
    found += [
        Number(*match.span(), frozenset({_read_kanji(match[0])}))
        for match in KANJI_NUMBER.finditer(folded)
    ]
    return tuple(found)


def lost_numbers(wanted: str, found: str) -> tuple[Number, ...]:
    """Return the numbers of the folded text `wanted` that `found` has in no spelling."""
    numbers = find_numbers(wanted)
    known = {value for one in (*find_numbers(found), *find_spelled(found)) for value in one.values}
    if any(match[0] in ARTICLES for match in WORD.finditer(found)):
        known.add(Decimal(1))
    if AFTERNOON.search(wanted) or AFTERNOON.search(found):
        hours = {value for value in known if 0 <= value <= 24}
        known |= {value + 12 for value in hours} | {value - 12 for value in hours}
    return tuple(number for number in numbers if not number.values & known)


def _read(match: re.Match[str]) -> Iterator[Number]:
    start, end = match.span()
    if match["era"]:
        year = 1 if match["year"] == "元" else int(match["year"])
        yield Number(start, end, frozenset({Decimal(year), Decimal(ERAS[match["era"]] + year)}))
    elif match["cjk"] or match["word"]:
        stripped = match[0].rstrip()
        yield Number(start, start + len(stripped), _sum_parts(stripped))
    elif match["grouped"]:
        whole, *pieces = match[0].replace(",", ".").split(" ")
        values = {Decimal("".join([whole, *pieces])), *map(Decimal, [whole, *pieces])}
        yield Number(start, end, frozenset(values))
    else:
        scale = SUFFIX.match(match.string, end)
        for number in _read_plain(match[0], start):
            yield _scale(number, SUFFIXES[scale[1]]) if scale else number


def _read_plain(text: str, start: int) -> Iterator[Number]:
    """Read digits with points and commas; what is no one number (2026.3.5) is several."""
    pieces = re.split(r"[.,'’]", text)
    marks = re.findall(r"[.,'’]", text)
    values: set[Decimal] = set()
    if all(len(piece) == 3 for piece in pieces[1:]) and len(set(marks)) <= 1:
        values.add(Decimal("".join(pieces)))
    elif len(marks) > 1 and marks[-1] not in marks[:-1] and len(set(marks[:-1])) == 1:
        values.add(Decimal("".join(pieces[:-1]) + "." + pieces[-1]))
    if len(marks) == 1:
        values.add(Decimal(".".join(pieces)))
    if values:
        yield Number(start, start + len(text), frozenset(values))
        return
    for piece in pieces:
        yield Number(start, start + len(piece), frozenset({Decimal(piece)}))
        start += len(piece) + 1


def _scale(number: Number, scale: int) -> Number:
    """Let 125m be metres or millions."""
    if number.end - number.start > MAX_SCALED_CHARS:
        return number
    scaled = {value * scale for value in number.values}
    return Number(number.start, number.end, frozenset(number.values | scaled))


def _sum_parts(text: str) -> frozenset[Decimal]:
    """Add up 1億2,000万: every part by its scale."""
    if len(text) > MAX_SCALED_CHARS:
        return frozenset()
    total = Decimal(0)
    for digits, scale in PART.findall(text):
        values = [value for one in _read_plain(digits, 0) for value in one.values]
        # 1.200 million is one and a bit; 1,200万 is twelve hundred of them
        value = min(values) if "." in digits and len(digits) < 5 else max(values)
        total += value * SCALES.get(scale, 1)
    return frozenset({total})


def _read_kanji(text: str) -> Decimal:
    """Read 二十三 by its units, and 二〇二六 digit by digit."""
    if not any(character in KANJI_UNITS for character in text):
        return Decimal("".join(str(KANJI_DIGITS[character]) for character in text))
    total, digit = 0, 0
    for character in text:
        if character in KANJI_UNITS:
            total += (digit or 1) * KANJI_UNITS[character]
            digit = 0
        else:
            digit = KANJI_DIGITS[character]
    return Decimal(total + digit)
