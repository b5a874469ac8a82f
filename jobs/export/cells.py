"""Cells of text: numbers as plain digits, and nothing that a spreadsheet would calculate."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from jobs.export.columns import Kind

FORMULA_STARTS: Final = (
    *("=", "+", "-", "@", "\t", "\r", "\n"),
    # A Japanese spreadsheet takes the full-width signs for the same; CP932 makes one of U+2212.
    *("\uff1d", "\uff0b", "\uff0d", "\uff20", "\N{MINUS SIGN}"),
)
_STARTS: Final = frozenset(FORMULA_STARTS)
NEGATIVE: Final = re.compile(r"-(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
"""A negative number as programs write it: a spreadsheet shows it as it is."""
MOST_DIGITS: Final = 15
"""What a spreadsheet keeps of a number."""

Cells = Sequence[Any]


def show_number(value: float | Decimal) -> str:
    """Return a number as plain decimal digits: no exponent, no trailing zeros."""
    text = format(Decimal(repr(value)) if isinstance(value, float) else value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def escape(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def escape_all(cells: Cells) -> Cells:
    """Escape a column of texts."""
    return [cell if not cell or cell[0] not in _STARTS else f"'{cell}" for cell in cells]


def escape_unlike_numbers(cells: Cells) -> Cells:
    """Escape a column of texts, negative numbers apart: they are what they say."""
    return [
        cell if not cell or cell[0] not in _STARTS or is_negative(cell) else f"'{cell}"
        for cell in cells
    ]


def is_negative(text: str) -> bool:
    """Tell a negative number that a spreadsheet keeps as it is."""
    return len(text) <= MOST_DIGITS + 1 and NEGATIVE.fullmatch(text) is not None


def _numbers(cells: Cells) -> Cells:
    shown = [None if cell is None else repr(cell) for cell in cells]
    joined = "\0".join([text for text in shown if text is not None]) + "\0"
    if "e" not in joined and ".0\0" not in joined:
        return shown
    return [
        text if text is None or (text[-2:] != ".0" and "e" not in text) else show_number(cell)
        for text, cell in zip(shown, cells, strict=True)
    ]


def show_usd(value: float) -> str:
    """Return dollars as plain digits; what is below a nano-dollar is rounding of the float."""
    return f"{value:.9f}".rstrip("0").rstrip(".")


def _dollars(cells: Cells) -> Cells:
    return [None if cell is None else show_usd(cell) for cell in cells]


def _times(cells: Cells) -> Cells:
    return [None if cell is None else show_time(cell) for cell in cells]


def show_time(value: datetime) -> str:
    """Return a moment as ISO 8601 with its offset."""
    return value.isoformat()


def _booleans(cells: Cells) -> Cells:
    return [None if cell is None else "true" if cell else "false" for cell in cells]


def _as_they_are(cells: Cells) -> Cells:
    return cells


AS_TEXT: Final[Mapping[Kind, Callable[[Cells], Cells]]] = {
    "text": escape_all,
    "code": _as_they_are,
    "cell": escape_unlike_numbers,
    "integer": _as_they_are,
    "number": _numbers,
    "usd": _dollars,
    "amount": escape_unlike_numbers,
    "date": escape_all,
    "boolean": _booleans,
    "json": _as_they_are,  # it begins with a bracket
    "time": _times,
}
"""How the columns of each kind stand in CSV."""
