"""English numbers as they are spoken: sixty-two, nineteen ninety two, twenty two point five.

What is spoken can be read in more than one way ("twelve fifty"); every reading is a value.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

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


@dataclass(frozen=True, slots=True)
class Number:
    """A number at [start, end) of a folded text and the values it may have."""

    start: int
    end: int
    values: frozenset[Decimal]


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
