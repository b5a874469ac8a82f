"""The values of extracted fields: brought into their form, and found in the row's text.

What cannot be brought into its form, or does not stand in the text, keeps its value (a person
may want to see it) and gets a problem.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from jobs.spec import FieldSpec, FieldType
from jobs.tasks.answers import is_storable
from jobs.tasks.dates import WrittenDate, find_dates, parse_date
from jobs.tasks.folding import Folded, Span, fold
from jobs.tasks.numbers import Number, find_numbers, find_spelled

AMOUNT: Final = re.compile(r"-?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?")
CURRENCY: Final = re.compile(r"[A-Z]{3}")
SIGNS: Final = {
    "JPY": ("¥", "円", "yen", "jpy"),
    "USD": ("$", "usd", "dollar", "ドル"),
    "EUR": ("€", "eur", "ユーロ"),
    "GBP": ("£", "gbp", "pound", "ポンド"),
    "CNY": ("¥", "元", "cny", "rmb", "yuan", "人民元"),
    "KRW": ("₩", "원", "krw", "won", "ウォン"),
    "CHF": ("chf", "sfr", "franken", "franc", "フラン"),
}
"""What a currency is called in a folded text; others by their code alone."""
MINUS: Final = "-−–▲△("


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
        return (*find_numbers(self.folded.text), *find_spelled(self.folded.text))

    @cached_property
    def dates(self) -> tuple[WrittenDate, ...]:
        """The dates of the text."""
        return find_dates(self.folded.text)


def fits(field: FieldSpec, value: Any) -> bool:
    """Whether a value has the JSON type of its field; null fits all (see `settle`)."""
    if value is None:
        return True
    if field.type == "boolean":
        return isinstance(value, bool)
    if field.type == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if field.type == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)
    if field.type == "money":
        return (
            isinstance(value, dict)
            and set(value) == {"amount", "currency"}
            and all(isinstance(part, str) and is_storable(part) for part in value.values())
        )
    return isinstance(value, str) and is_storable(value)


def settle(field: FieldSpec, value: Any, source: Source) -> Settled:
    """Bring a value that `fits` into its form and find it in the text."""
    if value is None:
        return Settled(None, problem="value_missing" if field.required else None)
    if isinstance(value, str) and not value.strip():
        return Settled(value, problem="value_missing")
    return SETTLERS[field.type](field, value, source)


def _settle_boolean(_: FieldSpec, value: bool, __: Source) -> Settled:
    return Settled(value)


def _settle_string(_: FieldSpec, value: str, source: Source) -> Settled:
    return _grounded(value.strip(), source.folded.find(value))


def _settle_number(_: FieldSpec, value: float, source: Source) -> Settled:
    return _ground_number(value, Decimal(str(value)), source)


def _settle_enum(field: FieldSpec, value: str, _: Source) -> Settled:
    plain = fold(value).text.strip()
    for choice in field.values:
        if fold(choice).text.strip() == plain:
            return Settled(choice)
    return Settled(value, problem="value_off_type")


def _settle_date(_: FieldSpec, value: str, source: Source) -> Settled:
    day = parse_date(value)
    if day is None:
        return Settled(value, problem="value_off_type")
    return _grounded(day.isoformat(), _find_day(day, source))


def _find_day(day: date, source: Source) -> Span | None:
    for written in source.dates:
        if day in written.days:
            return source.folded.span(written.start, written.end)
    return None


def _settle_money(_: FieldSpec, value: dict[str, str], source: Source) -> Settled:
    amount, currency = (fold(value[part]).text.strip() for part in ("amount", "currency"))
    code = next((code for code, signs in SIGNS.items() if currency in signs), currency.upper())
    if not AMOUNT.fullmatch(amount) or not CURRENCY.fullmatch(code):
        return Settled(value, problem="value_off_type")
    plain = amount.replace(",", "")
    settled = _ground_number({"amount": plain, "currency": code}, Decimal(plain), source)
    named = any(sign in source.folded.text for sign in SIGNS.get(code, (code.lower(),)))
    if settled.problem is None and not named:
        return replace(settled, span=None, problem="value_not_grounded")
    return settled


def _ground_number(value: Any, number: Decimal, source: Source) -> Settled:
    for written in source.numbers:
        if number.copy_abs() in written.values and (number >= 0 or _is_negative(written, source)):
            return _grounded(value, source.folded.span(written.start, written.end))
    return _grounded(value, None)


def _is_negative(written: Number, source: Source) -> bool:
    before = source.folded.text[: written.start].rstrip(" ¥$€£₩")
    return before[-1:] in MINUS if before else False


def _grounded(value: Any, span: Span | None) -> Settled:
    return Settled(value, span, None if span else "value_not_grounded")


def _is_finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)


SETTLERS: Final[Mapping[FieldType, Callable[[FieldSpec, Any, Source], Settled]]] = {
    "string": _settle_string,
    "integer": _settle_number,
    "number": _settle_number,
    "money": _settle_money,
    "date": _settle_date,
    "boolean": _settle_boolean,
    "enum": _settle_enum,
}
