"""Splits text into records of cells, as RFC 4180 has them, and never glues two together.

Python's csv module is not used: its field limit is one number for the whole process, its
default dialect glues a record with an unclosed quote to the next one, and its strict dialect
ends the file at the first stray quote. Here

- LF and CRLF end a record; CR alone does so only in a file whose first line ends with it, for
  else it is part of the text;
- a quote opens a cell only as its first character, and is text anywhere else;
- after a closing quote only a delimiter or a line end may follow. Where else one stands, the
  damage ends with the line if that is one line with an even number of quotes, the last of which
  closes a cell (stray_quote); else nobody knows where the record ends (unclosed_quote), and
  reading stops.

Memory: one piece of a line, and of each wanted cell at most `max_cell_chars` characters.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, TextIO

from jobs.source.encoding import MARK

PIECE_CHARS: Final = 1 << 16
NOTHING_LONG: Final[Mapping[int, int]] = MappingProxyType({})


class RawRecord(NamedTuple):
    """One record, not yet judged."""

    line: int
    """The physical line it starts on, from 1; 0 where no quote can be damaged."""
    cells: list[str]
    """Up to the last wanted column at least; a column that is not wanted may be empty here."""
    width: int
    """How many cells it has."""
    filled: int
    """How many cells it has up to its last one that is not empty."""
    long_chars: Mapping[int, int]
    """Length of the wanted cells that are over the limit; their cells are empty."""
    flaw: str | None
    """unclosed_quote, stray_quote, decode_error, nul_byte."""


def read_pieces(text: TextIO) -> Iterator[str]:
    """Yield physical lines with their line ends; long ones in pieces of PIECE_CHARS or so.

    `text` is opened with newline="", so that CR, LF and CRLF end a line and stand unchanged.
    """
    piece = text.readline(PIECE_CHARS).removeprefix("\ufeff")
    while piece:
        following = text.readline(PIECE_CHARS)
        if following == "\n" and piece[-1] == "\r":  # a CRLF cut in two
            piece += following
            following = text.readline(PIECE_CHARS)
        yield piece
        piece = following


def split_records(
    pieces: Iterable[str],
    delimiter: str,
    *,
    wanted: frozenset[int] | None,
    max_cell_chars: int,
    cr_ends_lines: bool,
    first_line: int = 1,
) -> Iterator[RawRecord]:
    """Yield the records of `pieces`; the last one may have the flaw unclosed_quote.

    `wanted` holds the column indexes (from 0) whose cells are needed; None: all of them.
    """
    record = _Assembly(delimiter, wanted, max_cell_chars)
    line = first_line
    for piece in pieces:
        ends_line = piece[-1] == "\n" or (cr_ends_lines and piece[-1] == "\r")
        stop = _line_stop(piece) if ends_line else len(piece)
        if not record.started and ends_line and '"' not in piece:  # most lines of most files
            if stop:
                yield _split_plain(piece, stop, delimiter, line)
            line += 1
            continue
        record.line = record.line or line
        line += ends_line
        if record.add(piece, stop):
            finished = record.finish()
            yield finished
            if finished.flaw == "unclosed_quote":
                return
            record = _Assembly(delimiter, wanted, max_cell_chars)
    if record.started:
        yield record.finish()


def _line_stop(piece: str) -> int:
    return len(piece) - (2 if piece.endswith("\r\n") else 1)


def _split_plain(piece: str, stop: int, delimiter: str, line: int) -> RawRecord:
    flaw = "decode_error" if MARK in piece else "nul_byte" if "\0" in piece else None
    return plain_record(piece[:stop].split(delimiter), line, flaw)


def plain_record(cells: list[str], line: int = 0, flaw: str | None = None) -> RawRecord:
    """Return a record whose cells are all short; its line matters only if it has a flaw."""
    width = filled = len(cells)
    while filled and not cells[filled - 1]:
        filled -= 1
    return RawRecord(line, cells, width, filled, NOTHING_LONG, flaw)


_QUOTED_TEXT: Final = re.compile('[^"]*+(?:""[^"]*+)*+')
_CELL_START, _PLAIN, _QUOTED, _QUOTE_CLOSED, _BROKEN = range(5)


class _Assembly:
    """One record being put together from pieces of lines."""

    def __init__(self, delimiter: str, wanted: frozenset[int] | None, max_cell_chars: int) -> None:
        self.line = 0
        self.started = False
        self._delimiter = delimiter
        self._wanted = wanted
        self._last_wanted = -1 if wanted is None else max(wanted)
        self._max_cell_chars = max_cell_chars
        self._state = _CELL_START
        self._cells: list[str] = []
        self._width = 0
        self._filled = 0
        self._long_chars: dict[int, int] = {}
        self._parts: list[str] = []
        self._chars = 0
        self._quotes = 0
        self._on_first_line = True
        self._broke_on_first_line = False
        self._last_quote_closes = False
        self._quote_ends_piece = False
        self._flaw: str | None = None

    def add(self, piece: str, stop: int) -> bool:
        """Take the next piece; return whether the record is complete.

        `stop` is where the line end begins in it, or its length where the line goes on.
        """
        self.started = True
        self._quotes += piece.count('"')
        if MARK in piece:
            self._flaw = "decode_error"
        elif "\0" in piece and self._flaw is None:
            self._flaw = "nul_byte"
        at = 0
        while at < len(piece):
            at = self._step(piece, at, stop)
        self._look_at_last_quote(piece, stop)
        if stop == len(piece):
            return False
        self._on_first_line = False
        return self._state != _QUOTED

    def _look_at_last_quote(self, piece: str, stop: int) -> None:
        """Note in a broken record whether the last quote so far is followed by what ends a cell."""
        if self._quote_ends_piece:
            self._last_quote_closes = stop == 0 or piece[0] == self._delimiter
        after = piece.rfind('"') + 1
        self._quote_ends_piece = self._state == _BROKEN and after == len(piece)
        if self._state == _BROKEN and after:
            self._last_quote_closes = after >= stop or piece[after] == self._delimiter

    def finish(self) -> RawRecord:
        """Return the record as it stands at the end of its last piece."""
        flaw = self._flaw
        if self._state == _QUOTED:
            flaw = "unclosed_quote"
        elif self._state == _BROKEN:
            sure = self._broke_on_first_line and self._quotes % 2 == 0 and self._last_quote_closes
            flaw = "stray_quote" if sure else "unclosed_quote"
        else:
            self._close_cell()
        return RawRecord(self.line, self._cells, self._width, self._filled, self._long_chars, flaw)

    def _step(self, piece: str, at: int, stop: int) -> int:
        """Read on from `at`; return where to go on."""
        if self._state == _CELL_START:
            self._state = _QUOTED if piece[at] == '"' else _PLAIN
            return at + 1 if self._state == _QUOTED else at
        if self._state == _PLAIN:
            end = piece.find(self._delimiter, at, stop)
            return self._end_part(piece, at, end, stop)
        if self._state == _QUOTED:
            end = _QUOTED_TEXT.match(piece, at).end()  # type: ignore[union-attr]  # it matches ""
            self._take(piece[at:end].replace('""', '"'))
            if end < len(piece):
                self._state = _QUOTE_CLOSED
            return end + 1
        if self._state == _QUOTE_CLOSED:
            return self._after_quote(piece, at, stop)
        return len(piece)

    def _end_part(self, piece: str, at: int, end: int, stop: int) -> int:
        if end < 0:
            self._take(piece[at:stop])
            return len(piece)
        self._take(piece[at:end])
        self._close_cell()
        self._state = _CELL_START
        return end + 1

    def _after_quote(self, piece: str, at: int, stop: int) -> int:
        if at >= stop:
            return len(piece)
        if piece[at] == '"':
            self._take('"')
            self._state = _QUOTED
        elif piece[at] == self._delimiter:
            self._close_cell()
            self._state = _CELL_START
        else:
            self._state = _BROKEN
            self._broke_on_first_line = self._on_first_line
        return at + 1

    def _take(self, part: str) -> None:
        self._chars += len(part)
        if self._chars > self._max_cell_chars:
            self._parts.clear()
        elif part and (self._wanted is None or self._width in self._wanted):
            self._parts.append(part)

    def _close_cell(self) -> None:
        column = self._width
        if self._wanted is None or column <= self._last_wanted:
            self._cells.append("".join(self._parts))
            needed = self._wanted is None or column in self._wanted
            if needed and self._chars > self._max_cell_chars:
                self._long_chars[column] = self._chars
        if self._chars:
            self._filled = column + 1
        self._width += 1
        self._chars = 0
        self._parts.clear()
