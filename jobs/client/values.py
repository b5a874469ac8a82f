"""Judges the values of a row that a program hands in: what text each one is, if it is any.

The rules are those of JSON files, so that the same row ends the same way by either road: an id
may be a number and becomes its digits, a text must be text, what is missing is said to be.
"""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from numbers import Number
from typing import Any, Final

from jobs.source import InputShape, Params

_ABSENT: Final = object()
SURROGATES: Final = re.compile("[\ud800-\udfff]")


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


class _NotPlainError(Exception):
    """A value is of a kind that has no text of its own."""


def take(row: object, shape: InputShape) -> Taken | Refusal:
    """Return a row's values as texts, or the first reason why it has none; raises nothing.

    Whether a text is empty or too long, or an id is empty, is judged later, as in any file.
    """
    if not isinstance(row, Mapping):
        return Refusal("not_an_object", None)
    cells: dict[str, str] = {}
    source_id: str | None = None
    for name in shape.wanted:  # the id comes first, so that later refusals can name it
        is_text, value = name in shape.texts, _find(row, name)
        flaw = _text_flaw(value, shape) if is_text else None
        try:
            cells[name] = _show(value)
        except _NotPlainError:
            flaw = flaw or "value_not_plain"
        flaw = flaw or _char_flaw(cells[name])
        if flaw is not None:
            params = {"column": name} if flaw == "value_not_plain" else {}
            return Refusal(flaw, source_id, params)
        if name == shape.id:
            source_id = cells[name].strip() or None
            if source_id is None:
                return Refusal("missing_id", None)
    if all(_is_missing(_find(row, name)) for name in shape.texts):
        return Refusal("missing_text", source_id)
    return Taken(tuple(cells.values()))


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
    """Tell None, an absent column, and what data frames put for either: NaN and NaT."""
    if value is None or value is _ABSENT:
        return True
    try:
        return isinstance(value, Number | date) and value != value  # noqa: PLR0124 - only NaN differs
    except ArithmeticError:  # a signalling NaN
        return True


def _text_flaw(value: object, shape: InputShape) -> str | None:
    """Return why a value is no text; of several text columns some may be missing."""
    if _is_missing(value):
        return "missing_text" if isinstance(shape.text, str) else None
    return None if isinstance(value, str) else "text_not_string"


def _char_flaw(text: str) -> str | None:
    if "\0" in text:
        return "nul_byte"
    return "lone_surrogate" if SURROGATES.search(text) else None


def _show(value: object) -> str:
    """Return the text of a value; raises _NotPlainError if it has none."""
    if isinstance(value, str):
        return str.__str__(value)
    if _is_missing(value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        if isinstance(value, date | time):
            return value.isoformat()
        if isinstance(value, Number | uuid.UUID):
            return str(value)
        if isinstance(value, dict | list | tuple):
            return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise _NotPlainError from error
    raise _NotPlainError
