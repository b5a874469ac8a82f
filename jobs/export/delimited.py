"""CSV, as RFC 4180 has it, for spreadsheets: formulas escaped, numbers as plain digits."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from jobs.export.cells import AS_TEXT, escape
from jobs.export.columns import Block, Column
from jobs.export.encoding import Cp932Out, TextOut, Utf8Out
from jobs.export.writer import Style
from jobs.source import SourceWarning


class CsvWriter:
    """Writes one CSV; see `Writer`."""

    def __init__(self, columns: Sequence[Column], out: TextOut, delimiter: str) -> None:
        self._show = [AS_TEXT[column.kind] for column in columns]
        self._out = out
        self._buffer = io.StringIO(newline="")
        self._csv = csv.writer(self._buffer, delimiter=delimiter, lineterminator="\r\n")
        names = [escape(column.name) for column in columns]
        self._csv.writerow(names)
        out.write(self._take_text(), lambda: [(0, "".join(names))])

    @property
    def warnings(self) -> Sequence[SourceWarning]:
        """What is to be said of the encoding."""
        return self._out.warnings

    def write(self, block: Block) -> None:
        """Write some lines."""
        shown = [show(cells) for show, cells in zip(self._show, block.cells, strict=True)]
        self._csv.writerows(zip(*shown, strict=True))

        def records() -> Iterable[tuple[int, str]]:
            rows = zip(*shown, strict=True)
            return zip(block.numbers, ("".join(map(str, row)) for row in rows), strict=True)

        self._out.write(self._take_text(), records)

    def finish(self) -> None:
        """Complete the stream."""
        self._out.finish()

    def close(self) -> None:
        """Let go of the encoder's own file."""
        self._out.close()

    def _take_text(self) -> str:
        text = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return text


def open_writer(style: Style, columns: Sequence[Column], stream: BinaryIO) -> CsvWriter:
    """Begin a CSV."""
    out: TextOut
    if style.encoding == "cp932":
        out = Cp932Out(stream)
    else:
        out = Utf8Out(stream, mark=style.encoding == "utf-8-sig")
    return CsvWriter(columns, out, style.delimiter)
