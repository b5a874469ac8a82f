"""Dates in folded text: ISO and its relatives, Japanese eras, English, German and French months.

Where day and month cannot be told apart (03/04/2026) both readings count. A date without its
year or its day (2月5日, 令和元年5月) is no date: what is missing is not made up.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from jobs.tasks.folding import fold
from jobs.tasks.kanji import read_kanji
from jobs.tasks.numbers import ERAS, MONTH_NUMBERS

ERA_LETTERS: Final = {"r": "令和", "h": "平成", "s": "昭和"}
MONTH: Final = "|".join(sorted(MONTH_NUMBERS, key=len, reverse=True))
DAY: Final = r"[0-9]{1,2}(?:st|nd|rd|th|er|\.)?"
YEAR_FIRST: Final = (
    r"(?<![0-9])(?P<y>[0-9]{4}) ?[-/.年년] ?(?P<m>[0-9]{1,2}) ?[-/.月월] ?(?P<d>[0-9]{1,2})"
    r"(?![0-9])[日일]?"
)
ERA_FIRST: Final = (
    rf"(?P<era>{'|'.join(ERAS)}|(?<![a-z0-9])[rhs]) ?(?P<ey>元|[0-9]{{1,2}})"
    r" ?[-/.年] ?(?P<m>[0-9]{1,2}) ?[-/.月] ?(?P<d>[0-9]{1,2})(?![0-9])日?"
)
KANJI: Final = "[〇零一二三四五六七八九十元]{1,4}"
IN_KANJI: Final = (
    rf"(?:(?P<era>{'|'.join(ERAS)}) ?(?P<key>{KANJI})|(?P<ky>[〇零一二三四五六七八九]{{4}}))"
    rf" ?年 ?(?P<km>{KANJI}) ?月 ?(?P<kd>{KANJI}) ?日"
)
PATTERNS: Final = (
    YEAR_FIRST,
    ERA_FIRST,
    IN_KANJI,
    rf"(?<![0-9])(?P<d>{DAY})[ -](?:of )?(?P<name>{MONTH})\b\.?,?[ -](?P<y>[0-9]{{4}})(?![0-9])",
    rf"\b(?P<name>{MONTH})\b\.? (?P<d>{DAY}),? (?P<y>[0-9]{{4}})(?![0-9])",
    r"(?<![0-9/.-])(?P<a>[0-9]{1,2})[-/.](?P<b>[0-9]{1,2})[-/.](?P<y>[0-9]{4})(?![0-9])",
    r"(?<![0-9])(?P<y>(?:19|20)[0-9]{2})(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?![0-9])",
)
COMPILED: Final = tuple(re.compile(pattern) for pattern in PATTERNS)


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A date at [start, end) of a folded text and the days it may be."""

    start: int
    end: int
    days: frozenset[date]


def find_dates(folded: str) -> tuple[WrittenDate, ...]:
    """Return the dates with a year, in no particular order."""
    return tuple(_find(folded))


def parse_date(value: str) -> date | None:
    """Return the one day a value means, None if it is no date or could be two."""
    text = fold(value).text.strip()
    days = {day for one in _find(text) if one.end - one.start == len(text) for day in one.days}
    return days.pop() if len(days) == 1 else None


def _find(folded: str) -> Iterator[WrittenDate]:
    for pattern in COMPILED:
        for match in pattern.finditer(folded):
            days = frozenset(_days(match.groupdict()))
            if days:
                yield WrittenDate(*match.span(), days)


def _days(parts: dict[str, str | None]) -> Iterator[date]:
    if parts.get("kd"):
        yield from _days(_from_kanji(parts))
        return
    year = int(parts.get("y") or _era_year(parts))
    if first := parts.get("a"):
        second = parts["b"] or ""
        yield from _day(year, int(first), int(second))
        yield from _day(year, int(second), int(first))
        return
    name = parts.get("name")
    month = MONTH_NUMBERS[name] if name else int(parts["m"] or 0)
    yield from _day(year, month, int(re.sub(r"[^0-9]", "", parts["d"] or "0")))


def _from_kanji(parts: dict[str, str | None]) -> dict[str, str | None]:
    """Write the numbers of a date in kanji with digits; what is no number becomes 0: no day."""
    plain = {
        name: one if one in (None, "元") else str(read_kanji(one or "") or 0)
        for name, one in ((name, parts[name]) for name in ("key", "ky", "km", "kd"))
    }
    return {
        "era": parts["era"], "ey": plain["key"], "y": plain["ky"],
        "m": plain["km"], "d": plain["kd"],
    }  # fmt: skip


def _era_year(parts: dict[str, str | None]) -> int:
    era, year = parts["era"] or "", parts["ey"] or "0"
    return ERAS[ERA_LETTERS.get(era, era)] + (1 if year == "元" else int(year))


def _day(year: int, month: int, day: int) -> Iterator[date]:
    try:
        yield date(year, month, day)
    except ValueError:
        return
