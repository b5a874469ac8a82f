"""Splits whole lines with the csv module wherever that gives exactly what `split` gives.

The csv module takes blocks of lines in which nothing is odd: no damaged bytes, no NUL, no CR
without its LF. It is strict, so that it refuses a stray quote, and a cell that goes on after the
block; there the careful splitter takes one record, or what is left of an odd block. A cell is
never longer than a block, so that csv's own limit (131,072) and ours (at least PIECE_CHARS) are
out of reach. Files whose lines end with CR alone are not for this module.

Memory: one block and its cells.
"""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, TextIO, cast

from jobs.source.encoding import MARK
from jobs.source.split import PIECE_CHARS, RawRecord, split_records

BLOCK_BYTES: Final = PIECE_CHARS // 2
"""What is read at once; a block is at most twice as many characters, PIECE_CHARS."""

Portion = list[list[str]] | RawRecord
"""The cells of records that have no flaw, or one record that was split carefully."""


def read_blocks(text: TextIO, *, block_bytes: int = BLOCK_BYTES) -> Iterator[str]:
    """Yield a file's text in blocks that end with LF; a longer line in several blocks.

    Nothing may have been read from `text`. Whole lines before an OSError are yielded first.
    """
    decoder = codecs.getincrementaldecoder(text.encoding)(text.errors or "strict")
    opened = cast(io.BufferedIOBase, text.buffer)
    left, mark = "", "\ufeff"
    while data := opened.read1(block_bytes):
        block = left + decoder.decode(data)
        cut = block.rfind("\n") + 1
        if not cut and len(block) > block_bytes:
            cut = len(block) - block.endswith("\r")  # a CRLF is never cut in two
        if whole := block[:cut].removeprefix(mark):
            yield whole
        if cut:
            mark = ""
        left = block[cut:]
    last = (left + decoder.decode(b"", final=True)).removeprefix(mark)
    if last:
        yield last


def skip_line(blocks: Iterator[str]) -> Iterator[str]:
    """Leave the first line out; it is not longer than a block."""
    rest = next(blocks, "").partition("\n")[2]
    return chain([rest], blocks) if rest else blocks


def split_blocks(
    blocks: Iterable[str],
    delimiter: str,
    *,
    wanted: frozenset[int],
    max_cell_chars: int,
    first_line: int = 1,
) -> Iterator[Portion]:
    """Yield the records of `blocks` in portions; see `split_records` for the parameters."""
    coming = iter(blocks)
    line = first_line
    block = next(coming, "")
    while block:
        is_odd = _is_odd(block)
        records, taken = ([], 0) if is_odd else _split_regular(block, delimiter)
        if records:
            yield records
        line += block.count("\n", 0, taken)
        feed = _Feed(block, taken, coming)
        careful = split_records(
            feed,
            delimiter,
            wanted=wanted,
            max_cell_chars=max_cell_chars,
            cr_ends_lines=False,
            first_line=line,
        )
        while not feed.is_used_up:
            record = next(careful, None)
            if record is not None:
                yield record
                if record.flaw == "unclosed_quote":
                    return
            if not is_odd:
                break
        line += feed.lines
        block = feed.rest or next(coming, "")


def _is_odd(block: str) -> bool:
    return "\0" in block or MARK in block or block.count("\r") != block.count("\r\n")


def _split_regular(block: str, delimiter: str) -> tuple[list[list[str]], int]:
    """Return the cells of the first records, and where the first other record begins."""
    end = block.rfind("\n") + 1
    if '"' not in block:
        lines = block[:end].replace("\r\n", "\n").split("\n")
        return [line.split(delimiter) for line in lines if line], end
    records: list[list[str]] = []
    stream = io.StringIO(block[:end], newline="\n")
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    whole_lines = 0
    try:
        for cells in reader:
            if cells:
                records.append(cells)
            whole_lines = reader.line_num
    except csv.Error:
        stream.seek(0)
        end = sum(len(stream.readline()) for _ in range(whole_lines))
    return records, end


class _Feed:
    """Pieces of a block for the careful splitter, and of the next blocks if it needs more."""

    def __init__(self, block: str, at: int, coming: Iterator[str]) -> None:
        self._block, self._at, self._coming = block, at, coming
        self.lines = 0
        """How many lines have ended."""

    @property
    def is_used_up(self) -> bool:
        """Tell whether no piece of the present block is left."""
        return self._at == len(self._block)

    @property
    def rest(self) -> str:
        """What is left of the present block."""
        return self._block[self._at :]

    def __iter__(self) -> Iterator[str]:
        while not self.is_used_up or self._go_on():
            end = self._block.find("\n", self._at) + 1 or len(self._block)
            piece = self._block[self._at : end]
            self._at = end
            self.lines += piece[-1] == "\n"
            yield piece

    def _go_on(self) -> bool:
        self._block, self._at = next(self._coming, ""), 0
        return bool(self._block)
