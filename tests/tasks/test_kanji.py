"""Numbers in kanji."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.tasks.kanji import DIGITS, find_kanji, read_kanji

WRITTEN = {number: character for character, number in reversed(DIGITS.items())}


def write(number: int) -> str:
    """A number below a thousand billion as a newspaper writes it."""
    text = ""
    for scale, word in ((10**8, "億"), (10**4, "万"), (1, "")):
        part, number = divmod(number, scale)
        if part:
            text += write_small(part) + word
    return text


def write_small(number: int) -> str:
    text = ""
    for unit, word in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, unit)
        if digit and word and digit == 1:
            text += word
        elif digit:
            text += WRITTEN[digit] + word
    return text


@given(st.integers(1, 10**12 - 1))
def test_a_number_is_read_as_it_is_written(number: int) -> None:
    """Units and scales add up."""
    assert read_kanji(write(number)) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("二〇二六", 2026),
        ("一万二千", 12_000),
        ("壱万", 10_000),
        ("三億五百万", 305_000_000),
        ("十", 10),
        ("万", 10_000),
        ("十二", 12),
        ("12", None),
        ("", None),
        ("一" * 41, None),
    ],
)
def test_spellings(text: str, number: int | None) -> None:
    """Digit by digit, with units, in legal characters; other characters are none of them."""
    assert read_kanji(text) == number


def test_numbers_are_found_where_they_stand() -> None:
    """Each run of characters is one number."""
    found = find_kanji("代金一万二千円、三個")
    assert [(one.start, one.end, *one.values) for one in found] == [
        (2, 6, Decimal(12_000)),
        (8, 9, Decimal(3)),
    ]
