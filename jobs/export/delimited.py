"""CSV, as RFC 4180 has it, for spreadsheets: formulas escaped, numbers as plain digits.

Cells are quoted column by column: Python's csv module looks at each character of each cell.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, BinaryIO, Final

from jobs.export.cells import AS_TEXT, escape
from jobs.export.columns import Block, Column, Kind
from jobs.export.encoding import Cp932Out, TextOut, Utf8Out
from jobs.export.writer import Style
from jobs.source import SourceWarning

USUAL_DELIMITERS: Final = ",;\t|"
PLAIN: Final[frozenset[Kind]] = frozenset(
    {"code", "integer", "number", "usd", "date", "boolean", "time"}
)
"""Kinds whose cells hold no quote, no line end and none of the usual delimiters."""
Show = Callable[[Sequence[Any]], Sequence[Any]]


class CsvWriter:
    """Writes one CSV; see `Writer`."""

    def __init__(self, columns: Sequence[Column], out: TextOut, delimiter: str) -> None:
        self._show = [_shower(column, delimiter, alone=len(columns) == 1) for column in columns]
        self._out = out
        between = delimiter.replace("%", "%%")
        self._line = f"{between.join(['%s'] * len(columns))}\r\n"
        names = _shower(Column("", "cell"), delimiter, alone=len(columns) == 1)
        header = names([escape(column.name) for column in columns])
        out.write(self._line % tuple(header), lambda: [(0, "".join(header))])

    @property
    def warnings(self) -> Sequence[SourceWarning]:
        """What is to be said of the encoding."""
        return self._out.warnings

    def write(self, block: Block) -> None:
        """Write some lines."""
        shown = [show(cells) for show, cells in zip(self._show, block.cells, strict=True)]
        line = self._line

        def records() -> Iterable[tuple[int, str]]:
            rows = zip(*shown, strict=True)
            return zip(block.numbers, ("".join(map(str, row)) for row in rows), strict=True)

        self._out.write("".join([line % row for row in zip(*shown, strict=True)]), records)

    def finish(self) -> None:
        """Complete the stream."""
        self._out.finish()

    def close(self) -> None:
        """Let go of the encoder's own file."""
        self._out.close()


def _shower(column: Column, delimiter: str, *, alone: bool) -> Show:
    """Return what makes cells of a column ready to stand between delimiters.

    All cells are quoted where a line could be empty, or a delimiter be part of a number.
    """
    show = AS_TEXT[column.kind]
    signs = (delimiter, '"', "\n", "\r")

    def fill(cells: Sequence[Any]) -> Sequence[Any]:
        return ["" if cell is None else cell for cell in show(cells)]

    def quote_some(cells: Sequence[Any]) -> Sequence[Any]:
        filled = fill(cells)
        joined = "\0".join(filled)
        if not any(sign in joined for sign in signs):
            return filled
        return [_quote(cell) if _needs(cell, delimiter) else cell for cell in filled]

    def quote_all(cells: Sequence[Any]) -> Sequence[Any]:
        return ["" if cell is None else _quote(str(cell)) for cell in show(cells)]

    if alone or delimiter not in USUAL_DELIMITERS:
        return lambda cells: [cell or '""' for cell in quote_all(cells)]
    if column.kind == "json":
        return quote_all
    return fill if column.kind in PLAIN else quote_some


def _needs(cell: str, delimiter: str) -> bool:
    return '"' in cell or delimiter in cell or "\n" in cell or "\r" in cell


def _quote(cell: str) -> str:
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'


def open_writer(style: Style, columns: Sequence[Column], stream: BinaryIO) -> CsvWriter:
    """Begin a CSV."""
    out: TextOut
    if style.encoding == "cp932":
        out = Cp932Out(stream)
    else:
        out = Utf8Out(stream, mark=style.encoding == "utf-8-sig")
    return CsvWriter(columns, out, style.delimiter)
