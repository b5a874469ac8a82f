"""Texts, numbers, dates and languages are compared by what they mean, not how they are written."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.tasks.dates import find_dates, parse_date
from jobs.tasks.folding import fold
from jobs.tasks.languages import detect_language, fits_language, repeats, split_sentences
from jobs.tasks.numbers import find_numbers, find_spelled, lost_numbers
from jobs.tasks.signals import describe, token_logprobs
from jobs.words import LANGUAGES, catalogue
from tests.tasks.making import ANY_TEXT, write


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("Ｔｏｔａｌ:　ＡＢＣ", "total: abc", "Ｔｏｔａｌ:　ＡＢＣ"),
        ("a \n\t b", "A B", "a \n\t b"),
        ("ｶﾞｽ料金", "ガス", "ｶﾞｽ"),
        ("か\u3099す", "がす", "か\u3099す"),
        ("㈱みなと", "(株)みなと", "㈱みなと"),
        ("Straße 5", "STRASSE", "Straße"),
    ],
)
def test_a_value_is_found_as_it_was_written(text: str, value: str, found: str) -> None:
    """Width, case, marks and white space do not hide a value; the span is of the written text."""
    span = fold(text).find(value)
    assert span is not None
    assert text[slice(*span)] == found


@given(ANY_TEXT | st.text("aBß İéŉ\u00a8\u2026ガハー１Ａ漢㈱ﾊﾞ\u3000\t\x1c", max_size=30))
def test_a_text_folded_as_a_whole_is_folded_by_its_characters(text: str) -> None:
    """Short cuts make no difference: each folded character has its place in the written text."""
    folded = fold(text)
    pieces = [text[slice(*folded.span(at, at + 1))] for at in range(len(folded.text))]
    assert "".join(dict.fromkeys([*pieces, ""])) or not folded.text
    assert len(folded.text) == len(pieces)
    assert all(one in fold(piece).text for one, piece in zip(folded.text, pieces, strict=True))
    if folded.text:
        assert folded.span(0, len(folded.text)) == (0, len(text))


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_every_text_finds_itself(before: str, value: str, after: str) -> None:
    """Spans lie in the text and hold what was looked for."""
    text = before + " " + value + " " + after
    span = fold(text).find(value)
    assert (span is None) == (not fold(value).text.strip())
    if span is not None:
        assert 0 <= span[0] < span[1] <= len(text)
        assert fold(value).text.strip() in fold(text[slice(*span)]).text


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,200", [{1200, Decimal("1.2")}]),
        ("1,234,567.89", [{Decimal("1234567.89")}]),
        ("1.234.567,89", [{Decimal("1234567.89")}]),
        ("3.5", [{Decimal("3.5")}]),
        ("1億2,000万円", [{120_000_000}]),
        ("1.2 million", [{1_200_000}]),
        ("令和8年", [{8, 2026}]),
        ("2026.3.5", [{2026}, {3}, {5}]),
        ("9:30", [{9}, {30}]),
        ("12 000 kg", [{12000, 12, 0}]),
        ("no digits", []),
    ],
)
def test_numbers_have_the_values_they_may_mean(text: str, values: list[set[Decimal]]) -> None:
    """A spelling that can be read in two ways has both values."""
    assert [number.values for number in find_numbers(fold(text).text)] == values


def test_numbers_may_be_words() -> None:
    """Small numbers in four languages, months among them."""
    text = fold("sixty-two, drei, Mars, 二十三, 二〇二六").text
    values = {value for number in find_spelled(text) for value in number.values}
    assert {62, 3, 23, 2026} <= values


@given(st.integers(0, 10**30), ANY_TEXT, ANY_TEXT)
def test_a_number_agrees_with_itself(number: int, before: str, after: str) -> None:
    """A number is not lost where it stands with separators or in full width."""
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in str(number))
    assert not lost_numbers(str(number), fold(f"{number:,} x").text)
    assert not lost_numbers(fold(f"{number:,}").text, fold(f"x {wide}円").text)
    lost_numbers(fold(before).text, fold(after).text)


@pytest.mark.parametrize(
    "text",
    ["2026-02-05", "2026/2/5", "２０２６年２月５日", "令和8年2月5日", "R8.2.5", "5 Feb 2026",
     "February 5th, 2026", "5. Februar 2026", "5 février 2026", "20260205", "2026년 2월 5일",
     "05/02/2026"],
)  # fmt: skip
def test_dates_are_read(text: str) -> None:
    """The same day in many spellings, found at its whole length."""
    (found,) = (one for one in find_dates(fold(f"am {text}.").text) if date(2026, 2, 5) in one.days)
    assert found.end - found.start == len(fold(text).text)
    assert parse_date(text) == (None if "/02/" in text else date(2026, 2, 5))


@given(ANY_TEXT)
def test_any_text_may_be_asked_for_dates(text: str) -> None:
    """Nothing that looks like a date raises."""
    parse_date(text)


@given(st.dates(min_value=date(1000, 1, 1)))
def test_a_day_is_its_iso_form(day: date) -> None:
    """A day with a year of four digits is read back."""
    assert parse_date(day.isoformat()) == day


@pytest.mark.parametrize(
    ("text", "language"),
    [("棚は火曜日に届く。", "ja"), ("API を ON にする", "ja"), ("会议9点开始。", "zh"),
     ("회의는 9시에", "ko"), ("The meeting", None), ("12:30", None), ("", None)],
)  # fmt: skip
def test_languages_by_their_letters(text: str, language: str | None) -> None:
    """Japanese, Chinese and Korean are told by their letters, others are not."""
    assert detect_language(text) == language
    assert fits_language(text, "en") == (language is None)


def test_repetition() -> None:
    """A doubled sentence and a loop are found, unless the source has them too."""
    assert repeats("The shelf came. The shelf came.", "The shelf came.")
    assert not repeats("The shelf came. The shelf came.", "棚が届いた。棚が届いた。")
    assert repeats("very very very very very good", "good")
    assert not repeats("5,000,000,000,000 ----------", "x")


def test_sentences() -> None:
    """Full stops end sentences, decimal points and quotes do not."""
    assert len(split_sentences("It is 3.5 m. Is it? Yes.\nNo!")) == 4
    assert split_sentences("「はい。」と言った。以上！") == ["「はい。」と言った。", "以上！"]


def test_tokens_that_touch_a_span_count() -> None:
    """Half a token is a token; no token at all, or one without a number, is unknown."""
    tokens = write("abcdef", -1.0, -2.0, -3.0).tokens
    assert token_logprobs(tokens, [(1, 3)]) == (-1.0, -2.0)
    assert token_logprobs(tokens, [(6, 9)]) is None
    assert token_logprobs(write("ab", float("nan")).tokens, [(0, 2)]) is None
    assert token_logprobs(write("ab", float("-inf")).tokens, [(0, 2)]) == (-100.0,)
    assert describe([-1.0, -2.0, -3.0])["q50"] == -2.0


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_problem_has_words(language: str) -> None:
    """Each code that a task can give as a problem has words in both languages."""
    folder = Path(__file__).parents[2] / "jobs" / "tasks"
    source = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    prefixes = "answer_|value|numbers|names_|dates_|summary_|too_many|scores|not_translated|wrong"
    prefixes += "|repetition|length_off"
    codes = set(re.findall(rf'"((?:{prefixes})[a-z_]*|no_answer)"', source)) - {"value", "values"}
    assert len(codes) >= 23
    assert codes <= set(catalogue("ja" if language == "ja" else "en"))
