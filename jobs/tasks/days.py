"""Days, months and weekdays of a summary that its source does not name.

Years and bare numbers are the numbers' check. What might be worked out from a date (its weekday)
is not blamed where the source has dates.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from jobs.tasks.numbers import find_numbers
from jobs.tasks.spelled import MONTHS, find_spelled

WEEKDAYS: Final = (
    "monday|mondays|montags?|lundi|月曜|월요일|(?:星期|周)一|[(（]月[)）]",
    "tuesday|tuesdays|tues|dienstags?|mardi|火曜|화요일|(?:星期|周)二|[(（]火[)）]",
    "wednesday|wednesdays|mittwochs?|mercredi|水曜|수요일|(?:星期|周)三|[(（]水[)）]",
    "thursday|thursdays|thurs|donnerstags?|jeudi|木曜|목요일|(?:星期|周)四|[(（]木[)）]",
    "friday|fridays|freitags?|vendredi|金曜|금요일|(?:星期|周)五|[(（]金[)）]",
    "saturday|saturdays|samstags?|sonnabends?|samedi|土曜|토요일|(?:星期|周)六|[(（]土[)）]",
    "sunday|sundays|sonntags?|dimanche|日曜|일요일|(?:星期|周)[日天]|[(（]日[)）]",
)
SHORT_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAY: Final = tuple(
    re.compile(
        "|".join(
            rf"(?<![^\W_]){one}(?![a-z])" if one.isascii() or one.endswith("s?") else one
            for one in names.split("|")
        )
    )
    for names in WEEKDAYS
)
SHORT_WEEKDAY: Final = tuple(
    re.compile(rf"\b{name}\b[.,)]? ?(?=[0-9])|(?<=[(,]){name}\b|\bon {name}\b")
    for name in SHORT_WEEKDAYS
)
VERBS: Final = frozenset({"may", "march", "mars", "mar", "mai", "jan", "dec", "sept", "avril"})
"""Names of months that are words or names too: they need a day, a year or a preposition."""
MONTH_WORD: Final = "|".join(
    sorted((name for names in MONTHS for name in names), key=len, reverse=True)
)
PREPOSITION: Final = "in|of|on|since|until|till|by|from|early|late|mid|last|next|this|im|en|ab|bis"
MONTH: Final = re.compile(
    rf"(?:\b(?P<before>[0-9]{{1,2}})(?:st|nd|rd|th|er|\.)? (?:of )?"
    rf"|(?P<link>\b(?:{PREPOSITION}) ))?"
    rf"\b(?P<name>{MONTH_WORD})\b\.?(?: (?P<after>[0-9]{{1,2}})(?:st|nd|rd|th)?\b(?![:.][0-9])"
    r"|(?P<year>,? (?:19|20)[0-9]{2}| (?:last|this|next) year))?"
)
CJK_MONTH: Final = re.compile(r"(?<![0-9])(1[0-2]|0?[1-9]) ?[月월](?: ?([0-9]{1,2}) ?[日일号])?")
KANJI_MONTH: Final = re.compile(r"(十[一二]?|[一二三四五六七八九])月")
FIGURES: Final = re.compile(
    r"(?<![0-9.,/-])(?:[0-9]{4}([/.-]))?([0-9]{1,2})([/.-])([0-9]{1,2})(?:\3[0-9]{2,4})?(?![0-9,]|[/.-][0-9])"
)
"""3/10, 2026-03-10, 10.3.2026: which one is the month is not known."""
Pair = tuple[int, int]


def lost_days(summary: str, source: str) -> tuple[str, ...]:
    """Return what folded words of a summary name days that its folded source does not name."""
    return tuple(dict.fromkeys((*_lost_weekdays(summary, source), *_lost_dates(summary, source))))


def _lost_weekdays(summary: str, source: str) -> Iterator[str]:
    told = {number: match[0] for number in range(7) if (match := WEEKDAY[number].search(summary))}
    if not told:
        return
    named = {number for number in range(7) if _names_weekday(source, number)}
    if not named and (any(_dates(source)) or FIGURES.search(source)):
        return  # it may have been worked out
    yield from (word for number, word in told.items() if number not in named)


def _names_weekday(folded: str, number: int) -> bool:
    return bool(WEEKDAY[number].search(folded) or SHORT_WEEKDAY[number].search(folded))


def _lost_dates(summary: str, source: str) -> Iterator[str]:
    named = list(_dates(source))
    figures = [(int(match[2]), int(match[4])) for match in FIGURES.finditer(source)]
    pairs = {(month, day) for month, day, _ in named if day}
    pairs |= {pair for one in figures for pair in (one, one[::-1])}
    months = {month for month, _, _ in named} | {month for month, _ in pairs}
    spans = [span for _, day, span in named if day]
    loose = _loose_numbers(source, spans) if pairs else frozenset()
    for month, day, (start, end) in _dates(summary):
        wrong_month = month not in months
        wrong_day = day and pairs and (month, day) not in pairs and Decimal(day) not in loose
        if wrong_month or wrong_day:
            yield summary[start:end].strip()


def _dates(folded: str) -> Iterator[tuple[int, int, Pair]]:
    """Yield month, day (0: none) and the place of every date that names its month."""
    for match in MONTH.finditer(folded):
        day = int(match["before"] or match["after"] or 0)
        if match["name"] in VERBS and not (day or match["link"] or match["year"]):
            continue
        number = next(at for at, names in enumerate(MONTHS, 1) if match["name"] in names)
        yield number, day, match.span()
    for match in CJK_MONTH.finditer(folded):
        yield int(match[1]), int(match[2] or 0), match.span()
    for match in KANJI_MONTH.finditer(folded):
        digits = "〇一二三四五六七八九"
        tens = 10 if match[1][0] == "十" else 0
        yield tens + max(0, digits.find(match[1][-1])), 0, match.span()


def _loose_numbers(source: str, spans: list[Pair]) -> frozenset[Decimal]:
    """Return the numbers that stand outside of the dates."""
    inside = {at for start, end in spans for at in range(start, end)}
    return frozenset(
        value
        for number in (*find_numbers(source), *find_spelled(source))
        if number.start not in inside
        for value in number.values
    )
