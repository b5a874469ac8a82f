"""Two evaluations: better, worse, or not to be told apart."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.evaluate import compare

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def lines(values: list[float]) -> list[list[Any]]:
    """Saved scores of rows r0, r1, ..."""
    return [[f"r{number}", value, int(value > 0.5)] for number, value in enumerate(values)]


def test_one_that_is_always_better_is_better() -> None:
    """Both ways round; rows that only one has do not count."""
    good, bad = lines([0.9] * 40), lines([0.1] * 40)
    found = compare(bad, [*good, ["only", 0.0, 0]])
    assert (found.winner, found.rows) == ("right", 40)
    assert (found.only_left_right, found.only_right_right) == (0, 40)
    assert compare(good, bad).winner == "left"


def test_chance_is_no_winner() -> None:
    """As many rows better as worse."""
    one, other = lines([1.0, 0.0] * 20), lines([0.0, 1.0] * 20)
    assert compare(one, other).winner == "neither"


def test_nothing_shared() -> None:
    """No rows, no winner."""
    found = compare(lines([1.0]), [["x", 1.0, 1]])
    assert (found.rows, found.winner, found.score.value) == (0, "neither", None)


@settings(deadline=None)
@given(SCORES)
def test_an_evaluation_is_not_better_than_itself(values: list[float]) -> None:
    """The difference is 0."""
    found = compare(lines(values), list(reversed(lines(values))))
    assert (found.winner, found.score.value) == ("neither", 0.0)


@settings(deadline=None)
@given(SCORES, SCORES)
def test_the_other_way_round_the_other_wins(one: list[float], other: list[float]) -> None:
    """The comparison is antisymmetric."""
    swapped = {"left": "right", "right": "left", "neither": "neither"}
    assert (
        compare(lines(one), lines(other)).winner
        == swapped[compare(lines(other), lines(one)).winner]
    )
