"""Judges the values of a row that a program hands in: what text each one is, if it is any.

The rules are those of JSON files, so that the same row ends the same way by either road: an id
may be a number and becomes its digits, a text must be text, what is missing is said to be.
"""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from math import isfinite
from numbers import Number
from typing import Any, Final

from jobs.source import InputShape, Params

_ABSENT: Final = object()
SURROGATES: Final = re.compile("[\ud800-\udfff]")
DATA_FRAME_NA: Final = "NAType"
"""The type of `pandas.NA`, which says nothing of itself when it is compared."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row is none: a reason code with what fills its words, and the row's id if known."""

    code: str
    source_id: str | None
    params: Params = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """A row whose values are texts, in the order of `InputShape.wanted`."""

    cells: tuple[str, ...]


def take(row: object, shape: InputShape) -> Taken | Refusal:
    """Return a row's values as texts, or the first reason why it has none; raises nothing.

    First characters nobody can keep, then the id, the text, the kept columns. Whether a text is
    empty or anything too long is judged later, as in any file.
    """
    if not isinstance(row, Mapping):
        return Refusal("not_an_object", None)
    values = {name: _find(row, name) for name in shape.wanted}
    cells = {name: _show(value) for name, value in values.items()}
    source_id = None if shape.id is None else _read_id(values[shape.id], cells[shape.id])
    characters = next(filter(None, (_char_flaw(cell or "") for cell in cells.values())), None)
    if characters:
        return Refusal(characters, source_id)
    if shape.id is not None and source_id is None:
        odd = cells[shape.id] is None or _is_compound(values[shape.id])
        return Refusal("id_not_string" if odd else "missing_id", None)
    flaw = _text_flaw([values[name] for name in shape.texts])
    if flaw:
        return Refusal(flaw, source_id)
    plain = {name: cell for name, cell in cells.items() if cell is not None}
    for name in (name for name in cells if name not in plain):
        return Refusal("value_not_plain", source_id, {"column": name})
    return Taken(tuple(plain.values()))


def _text_flaw(texts: Sequence[object]) -> str | None:
    """Return why these are no text; of several columns some may be missing."""
    if any(not isinstance(text, str) and not _is_missing(text) for text in texts):
        return "text_not_string"
    return "missing_text" if all(_is_missing(text) for text in texts) else None


def _read_id(value: object, cell: str | None) -> str | None:
    """Return the id of a row, if it has one that is whole."""
    if cell is None or _is_compound(value) or _char_flaw(cell):
        return None
    return cell.strip() or None


def _is_compound(value: object) -> bool:
    """Tell what is a value of JSON but neither a text nor a number."""
    return isinstance(value, bool | dict | list | tuple)


def _find(row: Mapping[Any, Any], name: str) -> object:
    """Return a column's value, or that at a dotted path in it."""
    found = row.get(name, _ABSENT)
    if found is not _ABSENT or "." not in name:
        return found
    found = row
    for part in name.split("."):
        found = found.get(part, _ABSENT) if isinstance(found, Mapping) else _ABSENT
    return found


def _is_missing(value: object) -> bool:
    """Tell None, an absent column, and what data frames put for either: NaN, NaT and NA."""
    if value is None or value is _ABSENT or type(value).__name__ == DATA_FRAME_NA:
        return True
    try:
        return isinstance(value, Number | date) and value != value  # noqa: PLR0124 - only NaN differs
    except ArithmeticError:  # a signalling NaN
        return True


def _char_flaw(text: str) -> str | None:
    if SURROGATES.search(text):
        return "lone_surrogate"
    return "nul_byte" if "\0" in text else None


def _show(value: object) -> str | None:
    """Return the text of a value; None if it is of a kind that has none of its own."""
    if isinstance(value, str):
        return str.__str__(value)
    if _is_missing(value):
        return ""
    try:
        return _show_plain(value)
    except (ValueError, TypeError, RecursionError):  # without an end, or of odd parts
        return None


def _show_plain(value: object) -> str | None:
    if _is_compound(value):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return _digits(value)
    return str(value) if isinstance(value, Number | uuid.UUID) else None


def _digits(number: float) -> str:
    """Return a number without exponent and without a fraction of nothing: 1009, 0.1, 10000."""
    shown = float.__repr__(number)
    return format(Decimal(shown), "f").removesuffix(".0") if isfinite(number) else shown
