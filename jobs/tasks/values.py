"""The values of extracted fields: brought into their form, and found in the row's text.

What cannot be brought into its form, or does not stand in the text, keeps its value (a person
may want to see it) and gets a problem. Forms: text after NFKC with single spaces, ISO 8601 days,
amounts as plain digits with the three letters of their currency.
"""

import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from jobs.spec import FieldSpec, FieldType
from jobs.tasks.answers import is_storable
from jobs.tasks.dates import WrittenDate, find_dates, parse_date
from jobs.tasks.folding import Folded, Span, fold
from jobs.tasks.kanji import find_kanji
from jobs.tasks.money import MINUS, find_signs, may_be, names_currency, read_amount, read_currency
from jobs.tasks.numbers import Number, find_numbers, find_spelled

SURELY_MINUS: Final = "−▲△"
"""What makes a number negative wherever it stands; a hyphen may be a dash, too."""
REACH: Final = 8
"""How many characters before a number its minus is looked for."""
PLACES_MAX: Final = 200
"""How many places of a string are looked at for one where it is a word of its own."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A value in its final form, where it stands in the text, and what is wrong with it."""

    value: Any
    span: Span | None = None
    problem: str | None = None


class Source:
    """A row's text with what was found in it; each is looked for once, when it is needed."""

    def __init__(self, text: str) -> None:
        self.folded: Folded = fold(text)

    @cached_property
    def numbers(self) -> tuple[Number, ...]:
        """The numbers of the text, those written as words last."""
        text = self.folded.text
        return (*find_numbers(text), *find_kanji(text), *find_spelled(text))

    @cached_property
    def dates(self) -> tuple[WrittenDate, ...]:
        """The dates of the text, in its order."""
        return tuple(sorted(find_dates(self.folded.text), key=lambda one: (one.start, -one.end)))

    def find(self, value: str, after: int) -> Span | None:
        """Return where a string stands in the written text, best behind the character `after`.

        A place where it is a word of its own beats others; a number inside a longer one is none.
        """
        text, wanted = self.folded.text, fold(value).text.strip()
        if not wanted:
            return None
        found: list[tuple[bool, bool, int]] = []
        at, start = text.find(wanted), self._folded_place(after)
        while at >= 0 and len(found) < PLACES_MAX:
            apart = _stands_apart(text, at, at + len(wanted))
            if apart is not None:
                found.append((not apart, at < start, at))
                if apart and at >= start:
                    break
            at = text.find(wanted, at + 1)
        if not found:
            return None
        best = min(found)[2]
        return self.folded.span(best, best + len(wanted))

    def first(self, places: Iterable[Span], after: int) -> Span | None:
        """Return the first of some places of the folded text, best behind `after`, as written."""
        start = self._folded_place(after)
        best = min(places, key=lambda place: place[0] < start, default=None)
        return None if best is None else self.folded.span(*best)

    def _folded_place(self, after: int) -> int:
        return self.folded.place(after) if after else 0


def fits(field: FieldSpec, value: Any) -> bool:
    """Whether a value has the JSON type of its field; null fits all but lists (see `settle`)."""
    if field.type == "list":
        return isinstance(value, list) and all(
            item is not None and fits(field.item, item) for item in value
        )
    if value is None:
        return True
    return FITTING.get(field.type, _fits_text)(field, value)


def settle(field: FieldSpec, value: Any, source: Source, after: int = 0) -> Settled:
    """Bring a value that `fits`, and is no list or record, into its form and find it in the text.

    Of several places the first behind the character `after` is taken.
    """
    if value is None:
        return Settled(None, problem="value_missing" if field.required else None)
    if isinstance(value, str) and not value.strip():
        return Settled(value, problem="value_missing")
    return SETTLERS[field.type](field, value, source, after)


def plain_text(value: str) -> str:
    """Return a text after NFKC, with single spaces and none at its ends."""
    return " ".join(unicodedata.normalize("NFKC", value).split())


def _fits_text(_: FieldSpec, value: Any) -> bool:
    return isinstance(value, str) and is_storable(value)


def _fits_number(field: FieldSpec, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or (field.type == "number" and math.isfinite(value))


def _fits_money(field: FieldSpec, value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"amount", "currency"}
        and all(_fits_text(field, part) for part in value.values())
    )


def _fits_record(field: FieldSpec, value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {inner.name for inner in field.fields}
        and all(fits(inner, value[inner.name]) for inner in field.fields)
    )


FITTING: Final[Mapping[FieldType, Callable[[FieldSpec, Any], bool]]] = {
    "boolean": lambda _, value: isinstance(value, bool),
    "integer": _fits_number,
    "number": _fits_number,
    "money": _fits_money,
    "record": _fits_record,
}
"""The types whose values are no text."""


def _settle_boolean(_: FieldSpec, value: bool, __: Source, ___: int) -> Settled:
    return Settled(value)


def _settle_string(field: FieldSpec, value: str, source: Source, after: int) -> Settled:
    settled = _grounded(plain_text(value), source.find(value, after))
    pattern = field.compiled
    if pattern is None or settled.problem or any(map(pattern.fits, (settled.value, value.strip()))):
        return settled
    return replace(settled, problem="value_off_pattern")


def _settle_number(_: FieldSpec, value: float, source: Source, after: int) -> Settled:
    number, text = Decimal(str(value)), source.folded.text
    places = [(_start(one.start, number, text), one.end) for one in _places(number, source)]
    return _grounded(value, source.first(places, after))


def _settle_enum(field: FieldSpec, value: str, _: Source, __: int) -> Settled:
    plain = fold(value).text.strip()
    for choice in field.values:
        if fold(choice).text.strip() == plain:
            return Settled(choice)
    return Settled(value, problem="value_off_type")


def _settle_date(_: FieldSpec, value: str, source: Source, after: int) -> Settled:
    day = parse_date(value)
    if day is None:
        return Settled(value, problem="value_off_type")
    return _grounded(day.isoformat(), _find_day(day, source, after))


def _find_day(day: date, source: Source, after: int) -> Span | None:
    return source.first([(one.start, one.end) for one in source.dates if day in one.days], after)


def _settle_money(_: FieldSpec, value: dict[str, str], source: Source, after: int) -> Settled:
    amount = read_amount(fold(value["amount"]).text.strip())
    code = read_currency(fold(value["currency"]).text.strip())
    if amount is None or code is None:
        return Settled(value, problem="value_off_type")
    number, text = Decimal(amount), source.folded.text
    named = names_currency(text, code)
    places = [
        (_start(signed.start, number, text), signed.end)
        for one in _places(number, source)
        for signed in find_signs(text, one)
        if may_be(signed.codes, code, named=named)
    ]
    return _grounded({"amount": amount, "currency": code}, source.first(places, after))


def _places(number: Decimal, source: Source) -> list[Number]:
    """Return the places of a number, with its sign, in the folded text."""
    size = number.copy_abs()
    return [
        one
        for one in source.numbers
        if size in one.values and _may_be_signed(one, source.folded.text, negative=number < 0)
    ]


def _may_be_signed(written: Number, text: str, *, negative: bool) -> bool:
    before = text[max(0, written.start - REACH) : written.start].rstrip(" ¥$€£₩")[-1:]
    if not before:
        return not negative
    return before in MINUS if negative else before not in SURELY_MINUS


def _start(start: int, number: Decimal, text: str) -> int:
    """Return where a number begins with its minus, if it has one before it."""
    if number >= 0:
        return start
    before = text[max(0, start - REACH) : start]
    lead = before.rstrip(" ¥$€£₩")
    return start - len(before) + len(lead) - 1 if lead[-1:] in MINUS and lead else start


def _stands_apart(text: str, start: int, end: int) -> bool | None:
    """Whether text[start:end] is cut out of no Latin word; None inside a number."""
    apart = True
    for outer, inner in (
        (text[start - 1 : start], text[start]),
        (text[end : end + 1], text[end - 1]),
    ):
        if outer.isdecimal() and inner.isdecimal():
            return None
        apart = apart and not (_is_latin(outer) and _is_latin(inner))
    return apart


def _is_latin(character: str) -> bool:
    return character.isalnum() and character < "\u0250"


def _grounded(value: Any, span: Span | None) -> Settled:
    return Settled(value, span, None if span else "value_not_grounded")


SETTLERS: Final[Mapping[FieldType, Callable[[FieldSpec, Any, Source, int], Settled]]] = {
    "string": _settle_string,
    "integer": _settle_number,
    "number": _settle_number,
    "money": _settle_money,
    "date": _settle_date,
    "boolean": _settle_boolean,
    "enum": _settle_enum,
}
"""All types but list and record, whose parts are settled one by one."""
