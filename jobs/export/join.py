"""Results beside the records they came from: one line for each record of the file."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from jobs.errors import SourceError
from jobs.export.columns import Block
from jobs.source.original import Cells, Originals

PIECE_CHARS: Final = 1 << 22
"""Characters of input that stand in memory at once, or one record if it is longer."""


def join_originals(blocks: Iterable[Block], originals: Originals, file: str) -> Iterator[Block]:
    """Yield the blocks with the input's columns first.

    The blocks hold every record from the first one on; the file may hold more. Numbers may have
    gaps: in JSONL a blank line counts as a line. Raises SourceError (original_out_of_step) where
    file and lines do not have the same records.
    """
    records = iter(originals)
    for block in blocks:
        done = 0
        while done < len(block.numbers):
            numbers, taken = _take(records, len(block.numbers) - done)
            end = done + len(taken)
            expected = block.numbers[done:end]
            if not taken or tuple(expected) != tuple(numbers):
                raise SourceError("original_out_of_step", file=file, record=block.numbers[done])
            yield Block(
                expected,
                [*zip(*taken, strict=True), *(cells[done:end] for cells in block.cells)],
            )
            done = end


def _take(records: Iterator[tuple[int, Cells]], most: int) -> tuple[Sequence[int], Sequence[Cells]]:
    numbers: list[int] = []
    taken: list[Cells] = []
    chars = 0
    for number, cells in islice(records, most):
        numbers.append(number)
        taken.append(cells)
        chars += sum(len(cell) for cell in cells if cell)
        if chars >= PIECE_CHARS:
            break
    return numbers, taken
