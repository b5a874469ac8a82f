"""Joining: lines and records keep step, whatever the sizes of blocks and pieces."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.errors import SourceError
from jobs.export import Block, join
from jobs.source import SourceWarning
from jobs.source.original import Cells


class Listed:
    """Originals that stand in a list."""

    names = ("a", "b")
    warnings: tuple[SourceWarning, ...] = ()

    def __init__(self, records: Sequence[Cells], numbers: Sequence[int] = ()) -> None:
        self._records = records
        self._numbers = numbers or range(1, len(records) + 1)

    def __iter__(self) -> Iterator[tuple[int, Cells]]:
        return zip(self._numbers, self._records, strict=True)


def make_blocks(sizes: Sequence[int]) -> Iterator[Block]:
    first = 1
    for size in sizes:
        numbers = tuple(range(first, first + size))
        yield Block(numbers, [[f"own {number}" for number in numbers]])
        first += size


@settings(deadline=None)
@given(st.lists(st.integers(1, 9), max_size=5), st.integers(1, 40), st.integers(0, 3))
def test_each_line_stands_beside_its_record(sizes: list[int], piece: int, more: int) -> None:
    """Every line has its own record, once, in order; records after the batch are not read."""
    count = sum(sizes)
    records = [(f"a{number}", None) for number in range(1, count + more + 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(join, "PIECE_CHARS", piece)
        joined = list(join.join_originals(make_blocks(sizes), Listed(records), "f"))
    lines = [
        (n, *row)
        for one in joined
        for n, row in zip(one.numbers, zip(*one.cells, strict=True), strict=True)
    ]
    assert lines == [(n, f"a{n}", None, f"own {n}") for n in range(1, count + 1)]


def test_a_file_that_ends_early_is_an_error() -> None:
    """Lines are never put beside the wrong record or none."""
    with pytest.raises(SourceError) as caught:
        list(join.join_originals(make_blocks([2, 2]), Listed([("a", "b")] * 3), "f"))
    assert caught.value.code == "original_out_of_step"


def test_a_record_without_a_line_is_an_error() -> None:
    """A gap in the lines would move all that follow."""
    blocks = [Block((1, 3), [["x", "y"]])]
    with pytest.raises(SourceError) as caught:
        list(join.join_originals(blocks, Listed([("a", "b")] * 3), "f"))
    assert caught.value.code == "original_out_of_step"


def test_numbers_may_have_gaps() -> None:
    """The blank lines of a JSONL have numbers but are no records."""
    blocks = [Block((1, 3), [["x", "y"]]), Block((7,), [["z"]])]
    originals = Listed([("a", None), ("b", None), ("c", None)], numbers=(1, 3, 7))
    joined = [(one.numbers, one.cells[0]) for one in join.join_originals(blocks, originals, "f")]
    assert joined == [((1, 3), ("a", "b")), ((7,), ("c",))]
