"""Amounts of money: the number, its sign, and the currency that may be meant."""

from typing import Any

import pytest

from jobs.spec import FieldSpec
from jobs.tasks.money import read_amount, read_currency
from jobs.tasks.values import Source, settle

TOTAL = FieldSpec(name="total", type="money")


def find(amount: str, code: str, text: str) -> tuple[Any, str | None]:
    """Where an amount was found, as written, and what is wrong."""
    settled = settle(TOTAL, {"amount": amount, "currency": code}, Source(text))
    return (text[slice(*settled.span)] if settled.span else None), settled.problem


@pytest.mark.parametrize(
    ("amount", "code", "text", "written"),
    [
        ("12000", "JPY", "代金は1万2千円です", "1万2千円"),
        ("12000", "JPY", "代金は一万二千円です", "一万二千円"),
        ("1200", "JPY", "合計 ￥１，２００（税込）", "￥１，２００"),
        ("1200", "JPY", "税込1,200円", "1,200円"),
        ("1200", "JPY", "1,200 yen", "1,200 yen"),
        ("1200", "JPY", "Amount (JPY): 1,200", "1,200"),
        ("1234.56", "EUR", "Summe 1.234,56 €", "1.234,56 €"),
        ("1234.56", "EUR", "€1,234.56", "€1,234.56"),
        ("12.5", "GBP", "£12.50", "£12.50"),
        ("12500", "USD", "USD 12.5k", "USD 12.5k"),
        ("1500000", "USD", "$1.5 million", "$1.5 million"),
        ("-1200", "JPY", "▲1,200円", "▲1,200円"),
        ("-5", "USD", "a refund of -$5", "-$5"),
        ("100", "USD", "300円 100ドル", "100ドル"),
        ("5", "CAD", "$5 (CAD)", "$5"),
        ("5", "AUD", "A$5", "A$5"),
        ("5", "SEK", "5 kr", "5 kr"),
        ("9.90", "CHF", "CHF 9.90", "CHF 9.90"),
        ("80", "CNY", "80元", "80元"),
        ("80", "CNY", "¥80", "¥80"),
    ],
)
def test_amounts_are_found_with_their_sign(amount: str, code: str, text: str, written: str) -> None:
    """The usual spellings of an amount, before or behind its sign, in any width."""
    assert find(amount, code, text) == (written, None)


@pytest.mark.parametrize(
    ("amount", "code", "text"),
    [
        ("300", "USD", "300円 100ドル"),
        ("5", "CAD", "$5"),
        ("5", "USD", "A$5"),
        ("1200", "JPY", "▲1,200円"),
        ("-1200", "JPY", "1,200円"),
        ("5", "USD", "5"),
    ],
)
def test_another_currency_or_sign_is_another_amount(amount: str, code: str, text: str) -> None:
    """A number that stands in the text is not enough, where its sign says something else."""
    assert find(amount, code, text) == (None, "value_not_grounded")


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1,200", "1200"),
        ("1.234,56", "1234.56"),
        ("1万2千", "12000"),
        ("-5", "-5"),
        ("▲5.50", "-5.50"),
        ("007", "7"),
        ("-0", "0"),
        ("1.200", "1.200"),
        ("about 5", None),
        ("5 usd", None),
        ("", None),
        ("1e5", None),
    ],
)
def test_amounts_become_plain_digits(written: str, amount: str | None) -> None:
    """A form that may be read in one way is; cents stay as they are written."""
    assert read_amount(written) == amount
    assert amount is None or read_amount(amount) == amount


@pytest.mark.parametrize(
    ("written", "code"),
    [("¥", "JPY"), ("円", "JPY"), ("usd", "USD"), ("sek", "SEK"), ("coins", None), ("", None)],
)
def test_currencies_become_codes(written: str, code: str | None) -> None:
    """Signs and names are the currency they usually mean; three letters are a code."""
    assert read_currency(written) == code
