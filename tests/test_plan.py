"""Planning: rows become chunks in order, within the budget, none lost or doubled."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.job import NewJob
from jobs.plan import CHUNK_ROWS, CHUNK_TOKENS, estimate_tokens, plan_chunks


def make_rows(tokens: list[int]) -> list[NewJob]:
    """Rows of these sizes."""
    return [NewJob(number, f"r{number}", "", {}, size) for number, size in enumerate(tokens, 1)]


@given(st.lists(st.integers(1, 50), max_size=80), st.integers(1, 10), st.integers(1, 100))
def test_chunks_hold_every_row_once_in_order(
    tokens: list[int], max_rows: int, max_tokens: int
) -> None:
    """Put together again the chunks are the rows, and each keeps both limits."""
    rows = make_rows(tokens)
    planned = list(plan_chunks(iter(rows), max_rows=max_rows, max_tokens=max_tokens))
    assert [row for chunk in planned for row in chunk] == rows
    for chunk in planned:
        assert 1 <= len(chunk) <= max_rows
        assert len(chunk) == 1 or sum(row.estimated_tokens for row in chunk) <= max_tokens


@given(st.lists(st.integers(1, 50), max_size=80), st.integers(1, 10), st.integers(1, 100))
def test_no_chunk_ends_early(tokens: list[int], max_rows: int, max_tokens: int) -> None:
    """A chunk is followed by a row that would not have fitted."""
    planned = list(plan_chunks(make_rows(tokens), max_rows=max_rows, max_tokens=max_tokens))
    for chunk, after in pairwise(planned):
        size = sum(row.estimated_tokens for row in (*chunk, after[0]))
        assert len(chunk) == max_rows or size > max_tokens


def test_the_usual_limits() -> None:
    """Without limits named a chunk has at most 128 rows and 16,384 tokens."""
    assert [len(chunk) for chunk in plan_chunks(make_rows([1] * 300))] == [128, 128, 44]
    assert (CHUNK_ROWS, CHUNK_TOKENS) == (128, 16_384)
    assert list(plan_chunks([])) == []


@pytest.mark.parametrize("text", ["", "a", "words of a customer", "お問い合わせ", "\ud800"])
def test_every_text_has_a_size(text: str) -> None:
    """An estimate is at least one token, for odd text too."""
    assert estimate_tokens(text) >= 1


@given(st.text(), st.text())
def test_longer_texts_are_not_smaller(one: str, two: str) -> None:
    """Text put after text never lowers the estimate."""
    assert estimate_tokens(one + two) >= estimate_tokens(one)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 3)), max_size=80),
    st.integers(1, 10),
    st.integers(1, 100),
)
def test_the_rows_of_a_chunk_begin_at_one_tier(
    sizes: list[tuple[int, int]], max_rows: int, max_tokens: int
) -> None:
    """Each tier has the chunks that its rows alone would have had, so equal rows stay in order."""
    rows = [
        NewJob(number, f"r{number}", "", {}, size, start_tier=tier)
        for number, (size, tier) in enumerate(sizes, 1)
    ]
    planned = list(plan_chunks(rows, max_rows=max_rows, max_tokens=max_tokens))
    for tier in {row.start_tier for row in rows}:
        own = [row for row in rows if row.start_tier == tier]
        alone = list(plan_chunks(own, max_rows=max_rows, max_tokens=max_tokens))
        assert [chunk for chunk in planned if chunk[0].start_tier == tier] == alone
    assert sum(map(len, planned)) == len(rows)
