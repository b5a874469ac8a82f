"""Numbers in folded text, compared by what they may mean and not by how they are written.

"1,200", "1.200" (German), "1200" and "1 200" agree; so do "120万" and "1.2 million", "令和8年"
and 2026, "March" and "3月". Where a spelling is ambiguous every meaning counts, so that a check
never blames a number that is right.
"""

import re
from collections.abc import Iterator, Set
from decimal import Decimal
from math import prod
from typing import Final

from jobs.tasks.spelled import (
    MONTH_NUMBERS,
    find_kanji,
    find_months,
    find_spelled,
    find_worded,
)
from jobs.tasks.spoken import Number, find_cardinals

__all__ = [
    "ERAS",
    "MONTH_NUMBERS",
    "Number",
    "find_numbers",
    "find_spelled",
    "invented_numbers",
    "lost_numbers",
]

ERAS: Final = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "明治": 1867}
"""The year before the first one of each era."""
ARTICLE: Final = re.compile(
    r"\b(?:an?|eine?[nmr]?|une?|per|pro|par|each|every|another|other|jede[rsnm]?|chaque)\b"
    r"|毎|各|[当あ]たり|もう"
)
"""Words that may translate a 1, but do not state it."""
SCALES: Final = {
    "百": 100, "千": 10**3, "万": 10**4, "萬": 10**4, "만": 10**4,
    "億": 10**8, "亿": 10**8, "억": 10**8,
    "兆": 10**12, "thousand": 10**3, "tausend": 10**3, "mille": 10**3, "million": 10**6,
    "millions": 10**6, "millionen": 10**6, "mio": 10**6, "billion": 10**9, "milliarde": 10**9,
    "milliarden": 10**9, "milliard": 10**9, "milliards": 10**9,
}  # fmt: skip
MAX_SCALED_CHARS: Final = 60
DIGITS: Final = r"[0-9]+(?:[.,'’][0-9]+)*"
GROUPED: Final = r"[0-9]{1,3}(?: [0-9]{3})+(?![0-9])(?:,[0-9]+)?"
CJK_SCALED: Final = (
    rf"(?:{DIGITS} ?(?:[百千]?[万萬만億亿억兆]|[百千]) ?)+(?:[0-9,]*[0-9](?![0-9]|\.[0-9]))?"
)
WORD_SCALED: Final = (
    rf"{DIGITS} (?:thousand|tausend|mille|millions?|millionen|mio|billion|milliarden?|milliards?)\b"
)
CLOCK: Final = r"[0-9]{1,2}[.:][0-9]{2}(?= ?[ap]\.? ?m\b| ?uhr\b)"
NUMBER: Final = re.compile(
    rf"(?P<clock>{CLOCK})|(?P<era>{'|'.join(ERAS)}) ?(?P<year>元|[0-9]{{1,2}})"
    rf"|(?P<cjk>{CJK_SCALED})|(?P<word>{WORD_SCALED})|(?P<grouped>{GROUPED})|(?P<plain>{DIGITS})"
)
PART: Final = re.compile(rf"({DIGITS}) ?([^0-9 .,]+)?")
AFTERNOON: Final = re.compile(
    r"午後|夕方|夜|晩|下午|晚上|오후|저녁|[0-9] ?p\.? ?m\b|afternoon|evening|night|nachmittag|abend"
    r"|après-midi|soir"
)
HOUR: Final = re.compile(
    r"(?:午[前後]|[上下]午|晚上|오[전후]|夕方|夜|\bat|\bum|\bà) ?([0-9]{1,2})(?![0-9])"
    r"|\b([0-9]{1,2})(?=:[0-9]{2}|\.[0-9]{2} ?[ap]\.? ?m\b| ?[ap]\.? ?m\b| ?o'clock| ?uhr\b"
    r"| ?[時点시]|h\b)"
)
"""Numbers that are hours of a day."""
NO_MINUTES: Final = re.compile(r"(?<=[0-9][:.時])00(?![0-9])")
SHORT_YEAR: Final = re.compile(r"(?<=[0-9]/)[0-9]{2}(?![0-9/])|(?<=['’])[0-9]{2}(?![0-9])")
CENTURIES: Final = (1900, 2000)
TENTHS: Final = re.compile(r" ?割(?: ?([0-9]) ?分)?")
AND_A_HALF: Final = re.compile(r" ?(?:時間|時|年|か月|ヶ月|カ月|日|分|回|泊|个|年)半")
FRACTION: Final = re.compile(r"(?:([0-9]{1,3}) )?\b([0-9]{1,2}) ?[/⁄] ?([1-9][0-9]?)\b")
MARKER: Final = re.compile(r"(?:^|(?<=[\s(]))([0-9]{1,2})[.)）．、] ?(?=[^\s0-9])")
COUNTER: Final = re.compile(
    r" ?(?:人|名|円|泊|日|月|年|時|個|件|つ|回|割|倍|歳|才|度|階"
    r"|室|本|枚|台|社|部屋|週|か月|ヶ月|%)"
)
"""What makes a number of kanji that might be half a word (千葉, 一緒, 十分)."""
IN_DATE: Final = re.compile(r"[0-9] ?[月월]|[0-9][/.-][0-9]|[0-9]\. ")
SMALL: Final = frozenset(map(Decimal, (0, 1, 2)))
SUFFIX: Final = re.compile(r"(k|m|mn|bn)\b")
SUFFIXES: Final = {"k": 10**3, "m": 10**6, "mn": 10**6, "bn": 10**9}


def find_numbers(folded: str) -> tuple[Number, ...]:
    """Return the numbers written with digits, in order."""
    return tuple(number for match in NUMBER.finditer(folded) for number in _read(match))


def lost_numbers(wanted: str, found: str) -> tuple[Number, ...]:
    """Return the numbers of the folded text `wanted` that `found` has in no spelling."""
    return _missing(find_numbers(wanted), wanted, found)


def invented_numbers(summary: str, source: str) -> tuple[Number, ...]:
    """Return the numbers of a folded summary, written in words too, that its source has not.

    The numbers of a list's items (1. 2. 3.) say nothing of the source; nor do small numbers in
    words (one, both, second), which are rarely counts.
    """
    markers = _find_markers(summary)
    digits = [one for one in find_numbers(summary) if one.start not in markers]
    words = [one for one in find_cardinals(summary) if not one.values & SMALL]
    kanji = [
        one
        for one in find_kanji(summary)
        if not one.values & SMALL
        and COUNTER.match(summary, one.end)
        and not summary[one.start - 1 : one.start].isdigit()
    ]
    return _missing((*digits, *words, *kanji), summary, source)


def _missing(numbers: tuple[Number, ...], wanted: str, found: str) -> tuple[Number, ...]:
    """Return those of the numbers of `wanted` that `found` states in no spelling."""
    stated = (*find_numbers(found), *find_worded(found))
    known = {value for one in stated for value in one.values} | _fractions(found)
    if ARTICLE.search(found):
        known.add(Decimal(1))
    hours = frozenset[Decimal]()
    if AFTERNOON.search(wanted) or AFTERNOON.search(found):
        hours = _hours(found)
        known |= {hour + 12 for hour in hours} | {hour - 12 for hour in hours}
        hours = _hours(wanted)
    told = {at: end for start, end in _told_otherwise(wanted, known) for at in range(start, end)}
    months = {value for one in find_months(found) for value in one.values}
    lost = []
    for number in numbers:
        values = number.values
        if values & hours:
            values |= {hour + shift for hour in values & hours for shift in (-12, 12)}
        if values & months and _is_month(wanted, number):
            continue
        if not values & known and number.end > told.get(number.start, 0):
            lost.append(number)
    return tuple(lost)


def _is_month(folded: str, number: Number) -> bool:
    """Whether a number may be that of a month: 3月, 3/10, 10.3., 2026-03."""
    around = folded[max(0, number.start - 2) : number.end + 2]
    return IN_DATE.search(around) is not None


def _hours(folded: str) -> frozenset[Decimal]:
    found = (Decimal(match[1] or match[2]) for match in HOUR.finditer(folded))
    return frozenset(hour for hour in found if hour <= 24)


def _told_otherwise(wanted: str, known: Set[Decimal]) -> Iterator[tuple[int, int]]:
    """Yield where digits stand that are minutes of a full hour, or a fraction that is known."""
    for match in NO_MINUTES.finditer(wanted):
        yield match.span()
    for match in FRACTION.finditer(wanted):
        if _fraction(match) in known:
            yield match.span()


def _fractions(folded: str) -> set[Decimal]:
    return {_fraction(match) for match in FRACTION.finditer(folded)}


def _fraction(match: re.Match[str]) -> Decimal:
    return Decimal(match[1] or 0) + Decimal(match[2]) / Decimal(match[3])


def _find_markers(folded: str) -> frozenset[int]:
    """Return where the numbers of a list's items stand: they count from 1, two of them at least."""
    starts: list[int] = []
    for match in MARKER.finditer(folded):
        if int(match[1]) == len(starts) + 1:
            starts.append(match.start(1))
    return frozenset(starts if len(starts) > 1 else ())


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
    elif match["clock"]:
        minutes = start + len(re.split("[.:]", match[0])[0]) + 1
        for first, last in ((start, minutes - 1), (minutes, end)):
            yield Number(first, last, frozenset({Decimal(match.string[first:last])}))
    else:
        scale = SUFFIX.match(match.string, end)
        for number in _read_plain(match[0], start):
            one = _with_context(number, match.string)
            yield _scale(one, SUFFIXES[scale[1]]) if scale else one


def _with_context(number: Number, folded: str) -> Number:
    """Let 92 in 5/92 be a year, 3割 30 percent, 3時半 half past three and 2年半 two and a half."""
    values = set(number.values)
    if SHORT_YEAR.match(folded, number.start):
        values |= {value + century for value in number.values for century in CENTURIES}
    tenths = TENTHS.match(folded, number.end)
    if tenths:
        values |= {value * 10 + int(tenths[1] or 0) for value in number.values}
    if AND_A_HALF.match(folded, number.end):
        values |= {value + Decimal("0.5") for value in number.values} | {Decimal(30)}
    return Number(number.start, number.end, frozenset(values))


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
        total += value * (SCALES.get(scale) or prod(SCALES.get(unit, 1) for unit in scale))
    return frozenset({total})
