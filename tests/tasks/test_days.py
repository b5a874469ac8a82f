"""Days, months and weekdays of a summary stand in its source."""

import pytest
from hypothesis import given

from jobs.tasks.days import lost_days
from jobs.tasks.folding import fold
from tests.tasks.making import ANY_TEXT


def lose(summary: str, source: str) -> tuple[str, ...]:
    """Return the days of a summary that its source has not."""
    return lost_days(fold(summary).text, fold(source).text)


@pytest.mark.parametrize(
    ("summary", "source"),
    [
        ("On Tuesday.", "see you Tues., at nine"),
        ("火曜日に届く。", "届くのは(火)です"),
        ("On Tuesday.", "come on 10 March 2026"),
        ("March 10", "on the 10th of March"),
        ("3月10日", "the date is 2026-03-10"),
        ("10 March", "from 8 to 10 March"),
        ("in May", "it was may last year"),
        ("You may march on.", "go on"),
        ("11月5日まで", "11月2日から5日まで"),
        ("January 13", "in January, on the thirteenth"),
        ("三月", "3月です"),
        ("am 3. Mai", "on May 3"),
        ("Friday", "freitags geht es"),
    ],
)
def test_days_of_the_text_pass(summary: str, source: str) -> None:
    """Any spelling will do, and a weekday where there is a date to work it out from."""
    assert lose(summary, source) == ()


@pytest.mark.parametrize(
    ("summary", "source"),
    [
        ("On Wednesday.", "on Tuesday"),
        ("水曜日に届く。", "火曜日に届きます"),
        ("On Wednesday.", "come soon"),
        ("in August 1994", "in nineteen ninety four"),
        ("10 April", "on 10 March"),
        ("4月10日", "3月10日"),
        ("12 March", "on 10 March and on 12 April"),
        ("in May", "in June"),
    ],
)
def test_other_days_are_found(summary: str, source: str) -> None:
    """Another weekday, another month, or the day of another month."""
    assert lose(summary, source)


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_has_days_or_not(one: str, other: str) -> None:
    """Nothing raises, and a text has its own days."""
    lose(one, other)
    assert lose(one, one) == ()


def test_a_long_log_is_soon_read() -> None:
    """Thousands of dates and numbers take time in proportion to their count."""
    assert lose("June 6", "Mar  5 12:01:02 host app[12]: ok\n" * 5000)
