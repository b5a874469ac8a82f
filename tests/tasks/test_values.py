"""Values: what a text says in a usual spelling is found, brought into its form, and grounded."""

import unicodedata
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jobs.spec import FieldSpec, FieldType
from jobs.tasks.folding import fold
from jobs.tasks.values import Settled, Source, plain_text, settle
from tests.tasks.making import ANY_TEXT
from tests.tasks.test_kanji import write as write_kanji

ERAS = (
    ("令和", "R", date(2019, 5, 1)),
    ("平成", "H", date(1989, 1, 8)),
    ("昭和", "S", date(1926, 12, 25)),
)
MONTHS = [date(2024, month, 1).strftime("%B") for month in range(1, 13)]
AROUND = st.sampled_from(
    [("", ""), ("The value is ", "."), ("値は「", "」です。"), ("ab: ", "\n次の行"), ("(", ")")]
)


def settle_one(kind: FieldType, value: Any, text: str, **more: Any) -> Settled:
    """A value of a field of one type, settled against a text."""
    return settle(FieldSpec(name="x", type=kind, **more), value, Source(text))


def widen(text: str) -> str:
    """The same in full-width characters."""
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


def spell_day(day: date) -> list[str]:
    """The usual spellings of a day."""
    name, short = MONTHS[day.month - 1], MONTHS[day.month - 1][:3]
    ending = {1: "st", 2: "nd", 3: "rd"}.get(
        day.day % 10 if day.day not in (11, 12, 13) else 0, "th"
    )
    spelled = [
        day.isoformat(),
        f"{day.year}/{day.month}/{day.day}",
        f"{day.year}.{day.month:02}.{day.day:02}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.year}年 {day.month}月 {day.day}日",
        f"{day:%Y%m%d}",
        f"{name} {day.day}, {day.year}",
        f"{short}. {day.day}{ending}, {day.year}",
        f"{day.day} {name} {day.year}",
        f"{day.day}{ending} of {name}, {day.year}",
        f"{day.day}-{short}-{day.year}",
        f"{day.month}/{day.day}/{day.year}",
        f"{day.day}.{day.month}.{day.year}",
        f"{write_digits(day.year)}年{write_kanji(day.month)}月{write_kanji(day.day)}日",
    ]
    for era, letter, first in ERAS:
        if day >= first and (era == "令和" or day < ERAS[0][2]):
            year = day.year - first.year + 1
            spelled.append(f"{era}{year}年{day.month}月{day.day}日")
            spelled.append(f"{letter}{year}.{day.month}.{day.day}")
            spelled.append(
                f"{era}{write_kanji(year)}年{write_kanji(day.month)}月{write_kanji(day.day)}日"
            )
            if year == 1:
                spelled.append(f"{era}元年{day.month}月{day.day}日")
    return spelled


def write_digits(number: int) -> str:
    return "".join("〇一二三四五六七八九"[int(digit)] for digit in str(number))


def spell_number(number: int) -> list[str]:
    """The usual spellings of a whole number that is not negative."""
    spelled = [str(number), f"{number:,}", f"{number} kg", f"{number}個"]
    if number:
        spelled.append(write_kanji(number))
    if number % 10_000 == 0 and number:
        spelled.append(f"{number // 10_000}万")
    elif number > 10_000:
        spelled.append(f"{number // 10_000}万{number % 10_000}")
    if number % 1000 == 0 and number:
        spelled.append(f"{number // 1000}k")
    return spelled


def spell_money(cents: int, code: str) -> list[str]:
    """The usual spellings of an amount in a currency that has cents, or of whole yen."""
    amount = f"{cents // 100:,}.{cents % 100:02}"
    if code == "JPY":
        whole = cents // 100
        spelled = [
            f"¥{whole:,}",
            f"{whole:,}円",
            f"{whole}円(税込)",
            f"JPY {whole}",
            f"{whole} yen",
        ]
        return [*spelled, f"{write_kanji(whole)}円"] if whole else spelled
    sign = {"USD": "$", "EUR": "€", "GBP": "£"}[code]
    german = amount.replace(",", " ").replace(".", ",").replace(" ", ".")
    return [
        f"{sign}{amount}",
        f"{amount} {code}",
        f"{code} {amount}",
        f"{german} {sign}",
        f"{amount}{sign}",
    ]


@st.composite
def spelled(draw: st.DrawFn) -> tuple[FieldType, Any, Any, str]:
    """A type, a value as a model gives it, its form, and a spelling of it."""
    kinds: list[FieldType] = ["date", "integer", "number", "money", "string"]
    kind = draw(st.sampled_from(kinds))
    form: Any
    if kind == "date":
        form = draw(st.dates(date(1930, 1, 1), date(2100, 12, 31)))
        return kind, form.isoformat(), form.isoformat(), draw(st.sampled_from(spell_day(form)))
    if kind == "integer":
        form = draw(st.integers(0, 10**11))
        return kind, form, form, draw(st.sampled_from(spell_number(form)))
    if kind == "number":
        number = Decimal(draw(st.integers(0, 10**7))).scaleb(-2)
        written = draw(
            st.sampled_from(
                [f"{number}", f"{number:,}", f"{number} %", f"{number}".replace(".", ",")]
            )
        )
        return kind, float(number), float(number), written
    if kind == "money":
        code = draw(st.sampled_from(["JPY", "USD", "EUR", "GBP"]))
        cents = draw(st.integers(0, 10**9))
        amount = f"{cents // 100}" if code == "JPY" else f"{cents // 100}.{cents % 100:02}"
        form = {"amount": amount, "currency": code}
        return kind, form, form, draw(st.sampled_from(spell_money(cents, code)))
    form = draw(st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=20))
    assume(form.strip() and fold(form).text.strip())
    return "string", form, plain_text(form), form


@given(one=spelled(), around=AROUND, wide=st.booleans())
def test_what_is_written_is_found(
    one: tuple[FieldType, Any, Any, str], around: tuple[str, str], wide: bool
) -> None:
    """In every type and spelling, in any width, whatever stands around it."""
    kind, value, form, written = one
    text = around[0] + (widen(written) if wide else written) + around[1]
    settled = settle_one(kind, value, text)
    assert (settled.value, settled.problem) == (form, None)
    assert settled.span is not None
    assert 0 <= settled.span[0] < settled.span[1] <= len(text)


@given(one=spelled())
def test_forms_are_final(one: tuple[FieldType, Any, Any, str]) -> None:
    """What was brought into its form stays as it is when that is done again."""
    kind, value, _, written = one
    once = settle_one(kind, value, written)
    again = settle_one(kind, once.value, written)
    assert again == once


@given(text=ANY_TEXT)
def test_plain_text_is_final(text: str) -> None:
    """NFKC with single spaces, once and for all."""
    plain = plain_text(text)
    assert plain_text(plain) == plain == unicodedata.normalize("NFKC", plain).strip()


@pytest.mark.parametrize(
    "text", ["2月5日", "February 5", "令和元年5月", "2026年2月", "5日", "Feb 2026"]
)
def test_half_a_date_is_none(text: str) -> None:
    """A day that the text does not say whole is not made up: the model's own is not grounded."""
    assert settle_one("date", "2026-02-05", text).problem == "value_not_grounded"
    assert settle_one("date", text, text).problem == "value_off_type"


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("12", "in 2012, 12 of them", (9, 11)),
        ("art", "party art", (6, 9)),
        ("art", "party", (1, 4)),
        ("港区", "東京都港区です", (3, 5)),
        ("(株)山田", "㈱山田 様", (0, 3)),
    ],
)
def test_a_string_is_a_word_of_its_own(value: str, text: str, shown: tuple[int, int]) -> None:
    """Where it is one in some place; a part of another word still stands in the text."""
    assert settle_one("string", value, text).span == shown


def test_a_part_of_a_number_is_not_in_the_text() -> None:
    """A string of digits is not found inside longer ones."""
    assert settle_one("string", "12", "2012 and 1234").problem == "value_not_grounded"


@pytest.mark.parametrize(
    ("pattern", "value", "problem"),
    [
        ("[A-Z]{2}-[0-9]+", "ＡＢ-１２", None),
        ("[A-Z]{2}-[0-9]+", "AB-12x", "value_off_pattern"),
        ("[Ａ-Ｚ]{2}-[０-９]+", "ＡＢ-１２", None),
    ],
)
def test_strings_meet_their_pattern(pattern: str, value: str, problem: str | None) -> None:
    """In their form or as they are written; a value that does not is kept with its problem."""
    settled = settle_one("string", value, f"code {value}.", pattern=pattern)
    assert (settled.value, settled.problem) == (plain_text(value), problem)
