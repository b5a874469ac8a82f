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

    The blocks hold every record from 1 on; the file may hold more. Raises SourceError
    (original_out_of_step) if the file is read as fewer records, or a record is not there.
    """
    records = iter(originals)
    expected = 1
    for block in blocks:
        if block.numbers != tuple(range(expected, expected + len(block.numbers))):
            raise SourceError("original_out_of_step", file=file, record=expected)
        done = 0
        while done < len(block.numbers):
            taken = _take(records, len(block.numbers) - done)
            if not taken:
                raise SourceError("original_out_of_step", file=file, record=expected + done)
            end = done + len(taken)
            yield Block(
                block.numbers[done:end],
                [*zip(*taken, strict=True), *(cells[done:end] for cells in block.cells)],
            )
            done = end
        expected += done


def _take(records: Iterator[Cells], most: int) -> Sequence[Cells]:
    taken: list[Cells] = []
    chars = 0
    for cells in islice(records, most):
        taken.append(cells)
        chars += sum(len(cell) for cell in cells if cell)
        if chars >= PIECE_CHARS:
            break
    return taken
