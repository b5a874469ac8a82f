"""The records of a file as they stand there, with all of their columns, rejects too.

For joining results with what was handed in: nothing is judged, every record has a line.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from jobs.source import InputShape, Records, Row, SourceWarning, read_records
from jobs.source.delimited import DelimitedRecords
from jobs.source.encoding import MARK
from jobs.source.opening import open_file, unreadable

CELL_CHARS: Final = 1 << 20
"""A longer cell is left out; the limit of the spec's texts goes before it, if it is higher."""
HASH_BYTES: Final = 1 << 20
UNREADABLE: Final = "\N{REPLACEMENT CHARACTER}"
Cells = Sequence[str | None]


class Originals(Protocol):
    """The records of one file, in file order."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns by the names they have in the file."""

    @property
    def warnings(self) -> tuple[SourceWarning, ...]:
        """What could not be given; complete once the pass has ended."""

    def __iter__(self) -> Iterator[tuple[int, Cells]]:
        """Read the file from its start: each record's number and cells, as many as `names`."""


def hash_file(path: Path) -> str:
    """Return the sha256 of a file's bytes in hex; raises SourceError if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open_file(path) as stream:
            while part := stream.read(HASH_BYTES):
                digest.update(part)
    except OSError as error:
        raise unreadable(path, error) from error
    return digest.hexdigest()


def open_originals(path: Path, shape: InputShape) -> Originals:
    """Open a file for its records as they stand there.

    A delimited file gives all of its columns; of other formats come those that their reader
    names, else those of the spec. Raises SourceError as `read_records` does.
    """
    records = read_records(path, shape)
    if isinstance(records, DelimitedRecords):
        return DelimitedOriginals(records, shape)
    names = tuple(dict.fromkeys(getattr(records, "names", None) or shape.wanted))
    return KeptOriginals(read_records(path, replace(shape, keep=names)), names)


class DelimitedOriginals:
    """The records of a delimited file: short ones filled up, longer ones cut to the header.

    Bytes that are no text, and NUL, become U+FFFD; only rejects have them.
    """

    def __init__(self, records: DelimitedRecords, shape: InputShape) -> None:
        self._records = records
        self._limit = max(shape.max_text_chars, CELL_CHARS)
        self._left_out = 0
        self._first = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The header, or the columns of the spec."""
        return self._records.names

    @property
    def warnings(self) -> tuple[SourceWarning, ...]:
        """How many cells were too long to be given."""
        if not self._left_out:
            return ()
        told = {"count": self._left_out, "record": self._first, "limit": self._limit}
        return (SourceWarning("original_cells_left_out", told),)

    def __iter__(self) -> Iterator[tuple[int, Cells]]:
        """Read the file from its start."""
        width = len(self.names)
        self._left_out = self._first = 0
        for number, record in enumerate(self._records.read_cells(self._limit), 1):
            if record.long_chars:
                self._first = self._first or number
                self._left_out += len(record.long_chars)
            cells = record.cells
            if record.flaw:
                cells = [cell.replace(MARK, UNREADABLE).replace("\0", UNREADABLE) for cell in cells]
            if len(cells) != width:
                cells = [*cells[:width], *[""] * (width - len(cells))]
            yield number, cells


class KeptOriginals:
    """The records of any format by way of its rows; a reject has no cells."""

    warnings: tuple[SourceWarning, ...] = ()

    def __init__(self, records: Records, names: tuple[str, ...]) -> None:
        self.names = names
        self._records = records

    def __iter__(self) -> Iterator[tuple[int, Cells]]:
        """Read the file from its start."""
        nothing: Cells = (None,) * len(self.names)
        for record in self._records:
            cells = nothing
            if isinstance(record, Row):
                kept = dict(record.attributes)
                cells = [kept.get(name) for name in self.names]
            yield record.record_number, cells
