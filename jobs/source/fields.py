"""Judges a record of named values (JSON, Parquet, XLSX) by the rules that hold for every row."""

import math
from collections.abc import Mapping
from decimal import Decimal

from jobs.source.judge import is_empty, is_long_id
from jobs.source.record import InputShape, Params, Reject, Row
from jobs.source.split import PIECE_CHARS


class Number(str):
    """A number of a JSON file, with the digits it was written with."""

    __slots__ = ()


class Compound(str):
    """A list, an object or a boolean of a JSON file, as JSON."""

    __slots__ = ()


Values = Mapping[str, str | None]
"""What stands at each wanted name; None where nothing does."""
Flaw = tuple[str, Params]
"""Why a record is no row: a reason code, and what fills its words."""


class FieldJudge:
    """The rules for the records of one file."""

    def __init__(self, shape: InputShape, undecodable: str) -> None:
        """`undecodable` is the reason of values with surrogates: they are no text."""
        self._shape = shape
        self._texts = shape.texts
        self._keep = shape.keep
        self._is_joined = not isinstance(shape.text, str)
        self._undecodable = undecodable
        self._others = tuple(name for name in shape.wanted if name not in shape.texts)
        self._max_cell_chars = max(shape.max_text_chars, PIECE_CHARS)

    def judge(self, number: int, values: Values) -> Row | Reject:
        """Return the row, or the reject with the first reason that holds."""
        return self._judge_plain(number, values) or self._judge_odd(number, values)

    def _judge_plain(self, number: int, values: Values) -> Row | None:
        """Return the row that most records are at the first look; None where more is to be seen."""
        for value in values.values():
            if value and ("\0" in value or len(value) > self._max_cell_chars or not is_text(value)):
                return None
        source_id = str(number) if self._shape.id is None else values[self._shape.id]
        text = values[self._texts[0]]
        if self._is_joined or type(text) is not str or isinstance(source_id, Compound | None):
            return None
        source_id = str(source_id).strip()
        if len(text) > self._shape.max_text_chars or is_empty(source_id) or is_empty(text):
            return None
        if is_long_id(source_id):
            return None
        kept = tuple([(name, str(values[name] or "")) for name in self._keep])
        return Row(number, source_id, text, kept)

    def _judge_odd(self, number: int, values: Values) -> Row | Reject:
        source_id = self.read_id(number, values)
        flaw = self._form_flaw(values) or (None if source_id else self._id_flaw(values))
        if flaw or source_id is None:
            return Reject(number, source_id, *(flaw or ("missing_id", {})))
        if is_long_id(source_id):
            params = {"column": self._shape.id, "chars": len(source_id)}
            return Reject(number, None, "cell_too_long", params)
        flaw = self._text_flaw(values)
        if flaw:
            return Reject(number, source_id, *flaw)
        text = self._join(values) if self._is_joined else values[self._texts[0]] or ""
        if len(text) > self._shape.max_text_chars:
            return Reject(number, source_id, "text_too_long", self._too_long(len(text)))
        if is_empty(text):
            return Reject(number, source_id, "empty_text")
        return Row(
            number,
            source_id,
            text,
            tuple([(name, str(values[name] or "")) for name in self._keep]),
        )

    def read_id(self, number: int, values: Values) -> str | None:
        """Return the record's id, if it has one that is whole."""
        if self._shape.id is None:
            return str(number)
        value = values.get(self._shape.id)
        if value is None or isinstance(value, Compound) or len(value) > self._max_cell_chars:
            return None
        source_id = str(value).strip()
        if not source_id or is_empty(source_id) or "\0" in source_id or not is_text(source_id):
            return None
        return source_id

    def _form_flaw(self, values: Values) -> Flaw | None:
        """Return why a wanted value cannot be kept: no text, a NUL, an id or kept one too long."""
        for value in values.values():
            if value and not is_text(value):
                return self._undecodable, {}
            if value and "\0" in value:
                return "nul_byte", {}
        for name in self._others:
            value = values[name]
            if value and len(value) > self._max_cell_chars:
                return "cell_too_long", {"column": name, "chars": len(value)}
        return None

    def _id_flaw(self, values: Values) -> Flaw:
        value = values.get(self._shape.id or "")
        return ("id_not_string" if isinstance(value, Compound) else "missing_id"), {}

    def _text_flaw(self, values: Values) -> Flaw | None:
        found = [values[name] for name in self._texts]
        if any(isinstance(value, Number | Compound) for value in found):
            return "text_not_string", {}
        return ("missing_text", {}) if all(value is None for value in found) else None

    def _join(self, values: Values) -> str:
        """Return the parts that are not empty, each on lines of its own after its name."""
        parts = ((name, values[name] or "") for name in self._texts)
        return "\n".join(f"{name}: {part}" for name, part in parts if not is_empty(part))

    def _too_long(self, chars: int) -> Params:
        return {"chars": chars, "limit": self._shape.max_text_chars}


def is_text(value: str) -> bool:
    """Tell whether a string can be written as UTF-8: it has no half of a character."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def plain_digits(number: float) -> str:
    """Return a number without exponent and without a fraction of nothing: 1009, 0.1, 10000."""
    if not math.isfinite(number):
        return str(number)
    digits = format(Decimal(repr(number)), "f")
    return digits.removesuffix(".0")
