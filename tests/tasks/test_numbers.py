"""Numbers agree by what they mean: figures, words, kanji, times, fractions, years."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.tasks.folding import fold
from jobs.tasks.numbers import find_numbers, find_spelled, invented_numbers, lost_numbers
from tests.tasks.making import ANY_TEXT


def lose(wanted: str, found: str) -> list[str]:
    """Return the numbers of the first text that the second has not."""
    text = fold(wanted).text
    return [text[one.start : one.end] for one in lost_numbers(text, fold(found).text)]


def invent(summary: str, source: str) -> list[str]:
    """Return the numbers of a summary that its source has not."""
    text = fold(summary).text
    return [text[one.start : one.end] for one in invented_numbers(text, fold(source).text)]


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ("1992", "in nineteen ninety two"),
        ("2004", "in January two thousand and four"),
        ("2008", "on November twentieth two thousand eight"),
        ("2004", "in twenty oh four"),
        ("125", "one hundred and twenty-five, or one twenty five"),
        ("120", "one twenty over eighty"),
        ("22.5", "twenty two point five"),
        ("0.1", "point one"),
        ("12.50", "at twelve and a half euros"),
        ("12.5", "under twelve fifty"),
        ("50 million", "fifty million euros"),
        ("590,000", "five hundred ninety thousand"),
        ("1,200,000", "1.2 million"),
        ("70s", "in her seventies"),
        ("1990s", "in the nineteen nineties"),
        ("50-year-old", "I completed five decades"),
        ("24", "two dozen"),
        ("1993", "the '93 workshop"),
        ("5/92", "in May nineteen ninety two"),
        ("7:30", "at half past seven"),
        ("5:45 p.m.", "um 17.45 Uhr"),
        ("17:30", "at 5.30pm"),
        ("14:00", "at 2 pm"),
        ("午後3時", "15:00"),
        ("6 months", "half a year"),
        ("1 1/2 packs", "one and a half packs"),
        ("50%", "half of them"),
        ("type 2", "type II"),
        ("3万5千円", "三万五千円"),
        ("3千万", "30 million"),
        ("30%", "3割"),
        ("35%", "三割五分、つまり3割5分"),
        ("2時30分", "2時半"),
        ("2.5年", "2年半"),
        ("2人", "夫婦で"),
        ("2人", "ふたりで"),
        ("1日", "three per day"),
        ("2倍", "doubling"),
        ("20年間", "two decades"),
        ("200万", "two million"),
        ("12", "noon"),
        ("5月3日", "May 3"),
        ("3.5.2026", "May 3, 2026"),
        ("2026-05-03", "3 May 2026"),
        ("3亿", "三亿"),
        ("2곳", "두 곳"),
        ("5개", "다섯 개"),
    ],
)
def test_spellings_agree(figures: str, words: str) -> None:
    """What is said in figures is found in words, and the other way round in other figures."""
    assert lose(figures, words) == []


@pytest.mark.parametrize(
    ("wanted", "found", "lost"),
    [
        ("1995", "in nineteen ninety two", ["1995"]),
        ("2005", "two thousand and four", ["2005"]),
        ("52", "fifty-eight", ["52"]),
        ("22.7", "twenty two point five", ["22.7"]),
        ("60 million", "fifty million", ["60 million"]),
        ("3億", "3万", ["3億"]),
        ("4割", "30%", ["4"]),
        ("17:45", "at half past seven", ["17", "45"]),
        ("15", "three days", ["15"]),
        ("15:20", "13:20, in the afternoon", ["15"]),
        ("00", "nothing", ["00"]),
        ("2/3", "a half", ["2/3"]),
        ("5 bags", "it may rain in March", ["5"]),
    ],
)
def test_other_numbers_are_lost(wanted: str, found: str, lost: list[str]) -> None:
    """An equivalent spelling is no licence: another number is still another one."""
    assert ("".join(lose(wanted, found)) or None) == "".join(lost).replace("/", "")


def test_summaries_say_numbers_in_words_too() -> None:
    """Counts in words are looked for; one, two, ordinals and halves are seldom counts."""
    source = "They have eight dogs and 四匹の猫, 二十三人, and 3 birds."
    assert invent("Eight dogs, three birds.", source) == []
    assert invent("Nine dogs, twenty-five birds, 二十四人.", source) == [
        "nine",
        "twenty-five",
        "二十四",
    ]
    assert invent("Third, half of them and one or two others, 十分に.", source) == []


def test_the_numbers_of_a_list_are_no_facts() -> None:
    """Items count from 1, two of them at least; a number in their place is one."""
    assert invent("1. Jaw pain. 2. Fever. 3. Cough.", "jaw pain, fever, cough") == []
    assert invent("1) 熱がある\n2) 咳が出る", "熱と咳") == []
    assert invent("Pain in 2. finger", "pain in a finger") == ["2"]
    assert invent("1. Pain. 4. Fever.", "a pain and fever") == ["4"]


@given(st.integers(3, 10**15), st.text("abc .,", max_size=20))
def test_a_number_states_itself_and_no_other(number: int, words: str) -> None:
    """A whole number is found with its separators, and not where it is one more."""
    source = f"{words} we saw {number:,} of those {words}"
    assert invent(f"There were {number}.", source) == []
    assert invent(f"There were {number + 1}.", source) != []


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_has_numbers_or_not(one: str, other: str) -> None:
    """Nothing raises, spans lie in the text, and a text has all its own numbers."""
    text = fold(one).text
    for number in (*find_numbers(text), *find_spelled(text)):
        assert 0 <= number.start < number.end <= len(text)
        assert all(value >= 0 for value in number.values)
    assert lost_numbers(text, text) == ()
    invented_numbers(text, fold(other).text)


@given(
    st.lists(
        st.sampled_from(
            ["one", "twenty", "oh", "point", "hundred", "and", "thousand", "half", "a", "five"]
        )
    )
)
def test_any_run_of_words_is_read(words: list[str]) -> None:
    """However number words follow each other, values come out; long runs end."""
    found = find_spelled(" ".join(words * 20))
    assert all(isinstance(value, Decimal) for one in found for value in one.values)


@pytest.mark.parametrize("words", ["一" * 5000 + "十", "九" * 5000, "one " + "and " * 5000])
def test_a_run_without_an_end_is_no_number_and_no_error(words: str) -> None:
    """Python refuses to read so many digits; a row may hold them."""
    lost_numbers("5", words)
    invented_numbers(words, words)


def test_minutes_of_many_full_hours_are_soon_told() -> None:
    """A timetable takes time in proportion to its length."""
    assert len(lost_numbers("at 10:00 x " * 5000, "x")) == 5000


def test_a_full_stop_ends_a_number_of_kanji_and_digits() -> None:
    """The digits before it belong to the number; before a decimal point they are another's."""
    assert [str(*one.values) for one in find_numbers("It is 1万1.")] == ["10001"]
    assert {str(v) for one in find_numbers("1万 1.5") for v in one.values} == {"10000", "1.5"}
