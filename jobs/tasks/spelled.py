"""Numbers written as words in folded text, in the languages at hand: three, drei, 二十三, ふたり.

The names of months are their numbers.
"""

import re
from decimal import Decimal
from typing import Final

from jobs.tasks.spoken import WORD, Number, find_spoken

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
    1: "once single eins erste premier première ひとつ ひとり 한 하나",
    2: "twice both pair couple double doubled doubles doubling ii zwei beide zweite deux deuxième"
    " 두 둘 ふたつ ふたり 両 双 夫婦 ペア 倍",
    3: "triple tripled iii drei dritte trois troisième みっつ 세 셋",
    4: "quadruple iv vier vierte quatre よっつ 네 넷",
    5: "fünf fünfte cinq いつつ 다섯",
    6: "vi sechs sechste 半年 むっつ 여섯",
    7: "vii sieben siebte sept septième ななつ 일곱",
    8: "viii acht achte huit やっつ 여덟",
    9: "ix neun neunte neuf ここのつ 아홉",
    10: "zehn zehnte dix decade 열",
    11: "elf onze",
    12: "zwölf douze dozen dutzend noon midnight mittag mitternacht midi 正午",
    13: "dreizehn treize",
    14: "vierzehn quatorze fortnight",
    15: "fünfzehn quinze quarter",
    16: "sechzehn seize",
    17: "siebzehn",
    18: "achtzehn",
    19: "neunzehn",
    20: "zwanzig vingt はたち",
    24: "midnight mitternacht",
    25: "quarter",
    45: "quarter",
    30: "dreissig trente half",
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
    "|".join(
        word for words in SPELLED.values() for word in words.split() if "\u3000" < word < "\ua000"
    )
)
PHRASES: Final = tuple(
    (re.compile(pattern), frozenset(map(Decimal, values)))
    for pattern, values in (
        (r"half (?:a |the )?year|halbes jahr", ("6",)),
        (r"half (?:a |the )?dozen", ("6",)),
        (r"year and a half|anderthalb jahre", ("18", "1.5")),
        (r"(?:hour|day|week|month|mile|time|pack)s? and a half|anderthalb", ("1.5",)),
        (r"a fortnight", ("2", "14")),
    )
)
"""Phrases that state a number which none of their words does."""
WORDS: Final[dict[str, frozenset[Decimal]]] = {
    word: frozenset(Decimal(number) for number, words in SPELLED.items() if word in words.split())
    for words in SPELLED.values()
    for word in words.split()
}
KANJI_DIGITS: Final = {character: number for number, character in enumerate("〇一二三四五六七八九")}
KANJI_UNITS: Final = {"十": 10, "百": 100, "千": 1000}
KANJI_SCALES: Final = {"万": 10**4, "億": 10**8, "亿": 10**8, "兆": 10**12}
KANJI_MOST: Final = 40
"""The longest row of kanji that is read as a number."""
KANJI_NUMBER: Final = re.compile(
    r"([〇一二三四五六七八九十百千][〇一二三四五六七八九十百千万億亿兆]*)(割)?"
)


def find_spelled(folded: str) -> tuple[Number, ...]:
    """Return the numbers written as words, months too: three, drei, mars, 二十三."""
    return (*find_worded(folded), *find_months(folded))


def find_months(folded: str) -> tuple[Number, ...]:
    """Return the names of months as their numbers."""
    return tuple(
        Number(*match.span(), frozenset({Decimal(MONTH_NUMBERS[match[0]])}))
        for match in WORD.finditer(folded)
        if match[0] in MONTH_NUMBERS
    )


def find_worded(folded: str) -> tuple[Number, ...]:
    """Return the numbers written as words, without months."""
    found = [*find_spoken(folded), *find_kanji(folded)]
    found += [
        Number(*match.span(), WORDS[match[0]])
        for match in WORD.finditer(folded)
        if match[0] in WORDS
    ]
    found += [Number(*one.span(), WORDS[one[0]]) for one in JAPANESE_WORD.finditer(folded)]
    for phrase, values in PHRASES:
        found += [Number(*match.span(), values) for match in phrase.finditer(folded)]
    return tuple(found)


def find_kanji(folded: str) -> tuple[Number, ...]:
    """Return the numbers written in kanji: 二十三, 二〇二六, 三万五千; 三割 is 3 and 30."""
    found = []
    for match in KANJI_NUMBER.finditer(folded):
        if len(match[1]) > KANJI_MOST:
            continue
        value = _read_kanji(match[1])
        values = {value, value * 10} if match[2] else {value}
        found.append(Number(*match.span(1), frozenset(values)))
    return tuple(found)


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
