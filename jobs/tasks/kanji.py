"""Numbers in kanji: 二十三, 一万二千, 三億五百万, and digit by digit 二〇二六."""

import re
from decimal import Decimal
from typing import Final

from jobs.tasks.numbers import Number

DIGITS: Final = {character: number for number, character in enumerate("〇一二三四五六七八九")} | {
    "零": 0, "壱": 1, "弐": 2, "参": 3,
}  # fmt: skip
UNITS: Final = {"十": 10, "拾": 10, "百": 100, "千": 1000}
SCALES: Final = {"万": 10**4, "億": 10**8, "兆": 10**12}
CHARACTERS: Final = "".join([*DIGITS, *UNITS, *SCALES])
RUN: Final = re.compile(f"[{CHARACTERS}]+")
MAX_CHARS: Final = 40


def find_kanji(folded: str) -> tuple[Number, ...]:
    """Return the numbers of a folded text that are written in kanji alone, in order."""
    found = []
    for match in RUN.finditer(folded):
        value = read_kanji(match[0])
        if value is not None:
            found.append(Number(*match.span(), frozenset({Decimal(value)})))
    return tuple(found)


def read_kanji(text: str) -> int | None:
    """Return the number a text of kanji means, None if it means none."""
    if not 0 < len(text) <= MAX_CHARS or any(one not in CHARACTERS for one in text):
        return None
    if all(one in DIGITS for one in text):
        return int("".join(str(DIGITS[one]) for one in text))
    total, section, digit = 0, 0, 0
    for one in text:
        if one in DIGITS:
            digit = digit * 10 + DIGITS[one]
        elif one in UNITS:
            section += (digit or 1) * UNITS[one]
            digit = 0
        else:
            total += (section + digit or 1) * SCALES[one]
            section = digit = 0
    return total + section + digit
