"""When an answer is called a circle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.engines.llama.repetition import (
    CHECK_TOKENS,
    MAX_PERIOD,
    MIN_ROUNDS,
    MIN_TOKENS,
    goes_in_circles,
)

pieces = st.lists(st.integers(0, 3), min_size=1, max_size=MAX_PERIOD)


def first_seen(tokens: list[int]) -> int | None:
    """Return after how many tokens a writer that looks at each of them stops."""
    sizes = range(1, len(tokens) + 1)
    return next((size for size in sizes if goes_in_circles(tokens[:size])), None)


@given(before=st.lists(st.integers(4, 9), max_size=40), piece=pieces)
def test_a_piece_over_and_over_is_found(before: list[int], piece: list[int]) -> None:
    """Whatever stands before it, a circle is found by the first look after enough of it."""
    tokens = before + piece * 200
    found = first_seen(tokens[:400])
    enough = len(before) + max(MIN_TOKENS, MIN_ROUNDS * len(piece))
    assert found is not None
    assert found < enough + CHECK_TOKENS


@given(piece=pieces, rounds=st.integers(1, MIN_ROUNDS - 1))
def test_a_few_rounds_are_no_circle(piece: list[int], rounds: int) -> None:
    """What is said less than four times with words of its own around it is an answer."""
    tokens = [*range(100, 180), *(piece * rounds), *range(200, 200 + CHECK_TOKENS)]
    assert first_seen(tokens) is None


@given(tokens=st.lists(st.integers(0, 5), max_size=MIN_TOKENS - 1))
def test_short_answers_are_never_a_circle(tokens: list[int]) -> None:
    """Below the least number of tokens nothing is looked at."""
    assert not goes_in_circles(tokens)


@given(size=st.integers(0, 600))
def test_what_always_changes_is_no_circle(size: int) -> None:
    """Words that count up repeat nothing."""
    assert not goes_in_circles(list(range(size)))


@pytest.mark.parametrize("period", [MAX_PERIOD + 1, 2 * MAX_PERIOD + 3])
def test_long_pieces_are_not_looked_for(period: int) -> None:
    """A longer piece, said again, may be meant so."""
    assert first_seen(list(range(period)) * 20) is None


def test_only_the_end_counts() -> None:
    """A circle that was left is one no more."""
    tokens = [1] * 47 + [2]
    assert len(tokens) == MIN_TOKENS
    assert not goes_in_circles(tokens)
