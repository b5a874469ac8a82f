"""Cells of text: no cell becomes a formula, and numbers are plain digits."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings

from jobs.export.cells import (
    AS_TEXT,
    FORMULA_STARTS,
    escape,
    escape_all,
    is_negative,
    show_number,
    show_usd,
)
from jobs.export.columns import Kind
from tests.export.writing import tricky

TIME = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)


@settings(deadline=None)
@given(tricky)
def test_no_text_is_a_formula(text: str) -> None:
    """No text begins with a sign that a spreadsheet would calculate; others are unchanged."""
    shown = escape(text)
    assert not shown.startswith(FORMULA_STARTS)
    assert shown in (text, f"'{text}")
    assert escape_all([text, None, ""]) == [shown, None, ""]


@pytest.mark.parametrize("sign", ["\uff1d", "\uff0b", "\uff0d", "\uff20", "\N{MINUS SIGN}", "\n"])
def test_signs_in_full_width_begin_formulas(sign: str) -> None:
    """A Japanese spreadsheet calculates them as well; a line feed hides the sign after it."""
    assert escape(f"{sign}1+1") == f"'{sign}1+1"
    assert list(AS_TEXT["cell"]([f"{sign}5"])) == [f"'{sign}5"]


@settings(deadline=None)
@given(tricky)
def test_only_a_negative_number_of_the_input_begins_with_a_sign(text: str) -> None:
    """A cell of the input that begins with one is a plain negative number."""
    (shown,) = AS_TEXT["cell"]([text])
    assert not shown.startswith(FORMULA_STARTS) or is_negative(text)


@pytest.mark.parametrize("text", ["-5", "-0.5", "-12345.678"])
def test_negative_numbers(text: str) -> None:
    """What programs write for negative numbers is known for that."""
    assert is_negative(text)


@pytest.mark.parametrize(
    "text", ["-", "-05", "-5+1", "-1e5", "+5", "5", "-1\n", "-1.", "-" + "9" * 16]
)
def test_what_is_no_negative_number(text: str) -> None:
    """What a spreadsheet could calculate or change is none."""
    assert not is_negative(text)


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("integer", -5, -5),
        ("number", 0.000000007, "0.000000007"),
        ("number", -0.5, "-0.5"),
        ("number", 1.0, "1"),
        ("number", 3, "3"),
        ("usd", 7 / 1e9, "0.000000007"),
        ("usd", 0.0, "0"),
        ("usd", 1_234_567.000000001, "1234567.000000001"),
        ("amount", "-1200.50", "-1200.50"),
        ("amount", "-1+2", "'-1+2"),
        ("boolean", True, "true"),
        ("boolean", False, "false"),
        ("time", TIME, "2026-02-03T04:05:00+00:00"),
        ("json", '["-a"]', '["-a"]'),
        ("code", "done", "done"),
        ("cell", "-5", "-5"),
        ("text", "-5", "'-5"),
    ],
)
def test_values_are_plain_cells(kind: Kind, value: object, cell: object) -> None:
    """Numbers stay numbers without exponents, negative ones too; nothing is an empty cell."""
    assert list(AS_TEXT[kind]([value, None])) == [cell, None]


def test_numbers_are_shown_without_exponent() -> None:
    """The same for decimals, and money to the nano-dollar."""
    assert show_number(Decimal("0.0000000070")) == "0.000000007"
    assert show_usd(0.000375918) == "0.000375918"
