"""The last sentence ends, and every sentence is in the letters of its language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.spec import LanguageCode
from jobs.tasks.prose import has_foreign_sentence, is_unfinished
from tests.tasks.making import ANY_TEXT


@pytest.mark.parametrize(
    "points",
    [
        ["The shelves come on Tuesday and"],
        ["Sales rose by 12%,"],
        ["棚は火曜日に届き、"],
        ["棚は火曜日に届くので、鍵を"],
        ["The shelves come. Sales rose. The visitors from Hamburg will then"],
        ["The new shelves will come here on Tuesday.", "Sales rose by 12% to 1,500 in February.",
         "Two people will come"],
    ],
)  # fmt: skip
def test_an_unfinished_end_is_found(points: list[str]) -> None:
    """It breaks off in mid-clause, or has no full stop where all others have one."""
    assert is_unfinished(points)


@pytest.mark.parametrize(
    "points",
    [
        ["The shelves come.", "Sales rose."],
        ["Shelves on Tuesday", "12% more sales", "2 people ill"],
        ["Is it new?", "Yes (says the clerk)"],
        ["棚は火曜日に届く。", "売上は12%増"],
        ["『はい』と言った。", "「以上。」"],
        [],
    ],
)
def test_points_may_do_without_full_stops(points: list[str]) -> None:
    """Where no sentence has them, or the end is a quotation."""
    assert not is_unfinished(points)


@pytest.mark.parametrize(
    ("text", "language", "foreign"),
    [
        ("棚は火曜日に届く。The shelves come on Tuesday.", "ja", True),
        ("The shelves come. 棚は火曜日に届く。", "en", True),
        ("棚は火曜日に届く。\nWindows 11 と Excel", "ja", False),
        ("棚は火曜日に届く。\nThe log says OK now.", "ja", False),
        ("棚は火曜日に届く。\nhttps://example.com/a/long/path", "ja", False),
    ],
)
def test_foreign_sentences(text: str, language: LanguageCode, foreign: bool) -> None:
    """A sentence in other letters is found, unless it is a quotation or a name."""
    assert has_foreign_sentence(text, "棚。The log says OK now. 以上", language) == foreign


@given(st.lists(ANY_TEXT), ANY_TEXT)
def test_any_text_may_be_looked_at(points: list[str], source: str) -> None:
    """Nothing raises."""
    is_unfinished(points)
    has_foreign_sentence("\n".join(points), source, "ja")
