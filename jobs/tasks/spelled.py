"""Numbers written as words in folded text: sixty-two, nineteen ninety two, 二十三, ふたり.

What is spoken can be read in more than one way ("twelve fifty"); every reading is a value. The
names of months are their numbers.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

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
    0: "no none kein keine aucun null zéro",
    1: "once single eins erste premier première ひとつ ひとり",
    2: "twice both pair couple double doubled doubles doubling ii zwei beide zweite deux deuxième"
    " ふたつ ふたり 両 双 夫婦 ペア 倍",
    3: "triple tripled iii drei dritte trois troisième みっつ",
    4: "quadruple iv vier vierte quatre よっつ",
    5: "fünf fünfte cinq いつつ",
    6: "vi sechs sechste 半年 むっつ",
    7: "vii sieben siebte sept septième ななつ",
    8: "viii acht achte huit やっつ",
    9: "ix neun neunte neuf ここのつ",
    10: "zehn zehnte dix decade",
    11: "elf onze",
    12: "zwölf douze dozen dutzend noon midnight mittag mitternacht midi 正午",
    13: "dreizehn treize",
    14: "vierzehn quatorze fortnight",
    15: "fünfzehn quinze",
    16: "sechzehn seize",
    17: "siebzehn",
    18: "achtzehn",
    19: "neunzehn",
    20: "zwanzig vingt はたち",
    24: "midnight mitternacht",
    25: "quarter",
    30: "dreissig trente",
    33: "third",
    40: "vierzig quarante",
    50: "fünfzig cinquante half hälfte halb moitié 半分 半数 半額",
    60: "sechzig soixante",
    70: "siebzig",
    80: "achtzig",
    90: "neunzig",
    100: "hundert cent century",
    1000: "tausend mille",
}
"""Words that state a number by themselves, those of other languages than English among them."""
JAPANESE_WORD: Final = re.compile(
    "|".join(word for words in SPELLED.values() for word in words.split() if word > "\u3000")
)
WORDS: Final[dict[str, frozenset[Decimal]]] = {
    word: frozenset(Decimal(number) for number, words in SPELLED.items() if word in words.split())
    for words in SPELLED.values()
    for word in words.split()
}
UNITS: Final = {
    word: number
    for number, words in enumerate(
        (
            "zero oh o",
            "one first",
            "two second",
            "three third thirds",
            "four fourth",
            "five fifth",
            "six sixth",
            "seven seventh",
            "eight eighth eigth",
            "nine ninth nineth",
            "ten tenth",
            "eleven eleventh",
            "twelve twelfth twelth",
            "thirteen thirteenth",
            "fourteen fourteenth",
            "fifteen fifteenth",
            "sixteen sixteenth",
            "seventeen seventeenth",
            "eighteen eighteenth",
            "nineteen nineteenth",
        )
    )
    for word in words.split()
}
TENS: Final = {
    word: 10 * number
    for number, words in enumerate(
        (
            "twenty twentieth twenties",
            "thirty thirtieth thirties",
            "forty fourty fortieth forties",
            "fifty fiftieth fifties",
            "sixty sixtieth sixties",
            "seventy seventieth seventies",
            "eighty eightieth eighties",
            "ninety ninty ninetieth nineties",
        ),
        2,
    )
    for word in words.split()
}
ORDINALS: Final = frozenset(
    word for word in (*UNITS, *TENS) if word.endswith(("th", "rd", "nd", "st", "ths", "rds"))
)
MAGNITUDES: Final = {
    "thousand": 10**3, "thousandth": 10**3, "million": 10**6, "millionth": 10**6,
    "billion": 10**9, "dozen": 12, "decade": 10, "decades": 10, "decads": 10,
}  # fmt: skip
SPOKEN: Final = frozenset({*UNITS, *TENS, *MAGNITUDES, "hundred", "hundredth", "point", "half"})
LINKS: Final = frozenset({"and", "a"})
"""Words inside a number ("two hundred and five", "two and a half"), never at its ends."""
WORD: Final = re.compile(r"[^\W\d_]+")
JOINTS: Final = frozenset({" ", "-", " - ", "‐", "–"})
INTERJECTIONS: Final = frozenset({"o", "oh", "point", "and", "a"})
"""Words that are no number by themselves."""
MAX_JOINED: Final = 12
"""The longest number that is read out by its digits or groups of them."""
KANJI_DIGITS: Final = {character: number for number, character in enumerate("〇一二三四五六七八九")}
KANJI_UNITS: Final = {"十": 10, "百": 100, "千": 1000}
KANJI_SCALES: Final = {"万": 10**4, "億": 10**8, "兆": 10**12}
KANJI_NUMBER: Final = re.compile(
    r"([〇一二三四五六七八九十百千][〇一二三四五六七八九十百千万億兆]*)(割)?"
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number at [start, end) of a folded text and the values it may have."""

    start: int
    end: int
    values: frozenset[Decimal]


def find_spelled(folded: str) -> tuple[Number, ...]:
    """Return the numbers written as words: three, nineteen ninety two, drei, mars, 二十三."""
    found = [*find_spoken(folded), *find_kanji(folded)]
    for match in WORD.finditer(folded):
        if match[0] in WORDS:
            found.append(Number(*match.span(), WORDS[match[0]]))
        if match[0] in MONTH_NUMBERS:
            month = frozenset({Decimal(MONTH_NUMBERS[match[0]])})
            found.append(Number(*match.span(), month))
    found += [Number(*one.span(), WORDS[one[0]]) for one in JAPANESE_WORD.finditer(folded)]
    return tuple(found)


def find_kanji(folded: str) -> tuple[Number, ...]:
    """Return the numbers written in kanji: 二十三, 二〇二六, 三万五千; 三割 is 3 and 30."""
    found = []
    for match in KANJI_NUMBER.finditer(folded):
        value = _read_kanji(match[1])
        values = {value, value * 10} if match[2] else {value}
        found.append(Number(*match.span(1), frozenset(values)))
    return tuple(found)


def find_cardinals(folded: str) -> tuple[Number, ...]:
    """Return the English numbers that count: no half, no third, no 50 million."""
    return tuple(
        Number(run[0].start(), run[-1].end(), frozenset(_values([word[0] for word in run])))
        for run in _runs(folded)
        if run[0][0] in UNITS or run[0][0] in TENS or run[0][0] == "hundred"
        if not all(word[0] in ORDINALS or word[0] == "half" for word in run)
    )


def find_spoken(folded: str) -> tuple[Number, ...]:
    """Return the English numbers, each run of words as one with all that it may mean."""
    return tuple(
        Number(run[0].start(), run[-1].end(), frozenset(_values([word[0] for word in run])))
        for run in _runs(folded)
    )


def _runs(folded: str) -> Iterator[list[re.Match[str]]]:
    """Yield the longest runs of words that may be one number."""
    run: list[re.Match[str]] = []
    for match in WORD.finditer(folded):
        joined = bool(run) and folded[run[-1].end() : match.start()] in JOINTS
        if match[0] in SPOKEN or (joined and match[0] in LINKS):
            if run and not joined:
                yield from _trimmed(run)
                run = []
            run.append(match)
        else:
            yield from _trimmed(run)
            run = []
    yield from _trimmed(run)


def _trimmed(run: list[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    while run and (run[-1][0] in LINKS or run[-1][0] == "point"):
        run = run[:-1]
    if any(word[0] not in INTERJECTIONS for word in run):
        yield run


def _values(words: Sequence[str]) -> set[Decimal]:
    """Return all that a run of words may mean: its groups, joined or with a fraction."""
    groups: list[Decimal | str] = []
    at = 0
    while at < len(words):
        value, end = _read_group(words, at)
        groups.append(words[at] if value is None else Decimal(value))
        at = max(end, at + 1)
    values = {group for group in groups if isinstance(group, Decimal)}
    for start in range(len(groups)):
        values |= set(_joined(groups, start)) | set(_with_fraction(groups, start))
    if "half" in words:
        values |= {value + Decimal("0.5") for value in values} | {Decimal("0.5"), Decimal(50)}
        values |= {value / 2 for value in values if value >= 1000}
    return values


def _read_group(words: Sequence[str], at: int) -> tuple[int | None, int]:
    """Read the cardinal or ordinal that begins at a word; return its value and its end."""
    total, limit, start = 0, 10**12, at
    while at < len(words):
        skip = at + 1 if at > start and words[at] == "and" else at
        value, end = _below_thousand(words, skip)
        if value is None:
            break
        scale = MAGNITUDES.get(words[end]) if end < len(words) else None
        if scale is None:
            # "twenty thousand five" goes on, "nineteen ninety" does not
            if at > start and value < limit:
                return total + value, end
            return (total, at) if at > start else (value, end)
        if scale >= limit:
            break
        total, limit, at = total + value * scale, scale, end + 1
    if at > start:
        return total, at
    if words[at] in MAGNITUDES:
        return MAGNITUDES[words[at]], at + 1
    return None, at + 1


def _below_thousand(words: Sequence[str], at: int) -> tuple[int | None, int]:
    value, end = _below_hundred(words, at)
    if end < len(words) and words[end] in ("hundred", "hundredth"):
        hundreds = 100 * (1 if value is None else value)
        skip = end + 2 if words[end + 1 : end + 2] == ["and"] else end + 1
        rest, rest_end = _below_hundred(words, skip)
        return (hundreds, end + 1) if rest is None else (hundreds + rest, rest_end)
    return value, end


def _below_hundred(words: Sequence[str], at: int) -> tuple[int | None, int]:
    if at >= len(words):
        return None, at
    if words[at] in TENS:
        ends = at + 1 == len(words) or words[at] in ORDINALS
        unit = 0 if ends else UNITS.get(words[at + 1], 0)
        return (TENS[words[at]] + unit, at + 2) if 0 < unit < 10 else (TENS[words[at]], at + 1)
    return (UNITS[words[at]], at + 1) if words[at] in UNITS else (None, at)


def _joined(groups: Sequence[Decimal | str], start: int) -> Iterator[Decimal]:
    """Read groups one behind the other: nineteen | ninety two, twenty | oh | four, one | twenty."""
    digits = ""
    for group in groups[start : start + MAX_JOINED]:
        if not isinstance(group, Decimal) or group >= 100:
            return
        digits += str(group)
        yield Decimal(digits)


def _with_fraction(groups: Sequence[Decimal | str], start: int) -> Iterator[Decimal]:
    """Read twenty two point five, point one, and twelve fifty as 12.50."""
    if groups[start] == "point":
        fraction = ""
        for group in groups[start + 1 : start + 1 + MAX_JOINED]:
            if not isinstance(group, Decimal):
                return
            fraction += str(group)
            before = groups[start - 1] if start else Decimal(0)
            whole = before if isinstance(before, Decimal) else Decimal(0)
            yield Decimal(f"{whole}.{fraction}")
            yield Decimal(f"0.{fraction}")
    for one, two in pairwise(groups[start : start + 2]):
        if isinstance(one, Decimal) and isinstance(two, Decimal) and 10 <= two < 100:
            yield one + two / 100


def _read_kanji(text: str) -> Decimal:
    """Read 二十三 by its units, 三万五千 by its scales, and 二〇二六 digit by digit."""
    if not any(character in KANJI_UNITS or character in KANJI_SCALES for character in text):
        return Decimal("".join(str(KANJI_DIGITS[character]) for character in text))
    whole, total, digits = 0, 0, ""
    for character in text:
        if character in KANJI_DIGITS:
            digits += str(KANJI_DIGITS[character])
        elif character in KANJI_UNITS:
            total += int(digits or 1) * KANJI_UNITS[character]
            digits = ""
        else:
            whole += (total + int(digits or 0) or 1) * KANJI_SCALES[character]
            total, digits = 0, ""
    return Decimal(whole + total + int(digits or 0))
