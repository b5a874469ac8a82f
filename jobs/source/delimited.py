"""Reads CSV and TSV files: any delimiter, encoding and line end, memory flat at any size."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TextIO

from jobs.errors import SourceError
from jobs.source.blocks import Portion, read_blocks, skip_line, split_blocks
from jobs.source.content import open_content
from jobs.source.dialect import check_shape, choose_dialect, duplicate_names
from jobs.source.encoding import MARKING, choose_encoding
from jobs.source.judge import Judge
from jobs.source.opening import unreadable
from jobs.source.reading import FileRecords
from jobs.source.record import InputShape, Params, Reject, Row, SourceWarning, TextFormat
from jobs.source.split import PIECE_CHARS, RawRecord, read_pieces, split_records


class DelimitedRecords(FileRecords):
    """The records of one delimited text file; see `Records`."""

    def __init__(self, path: Path, shape: InputShape, text_format: TextFormat) -> None:
        """Decide how the file is read. Raises SourceError before any record is read."""
        check_shape(path, shape)
        super().__init__(path)
        self._shape = shape
        self._encoding = choose_encoding(path, shape.encoding)
        fixed = shape.delimiter or ("\t" if text_format == "tsv" else None)
        try:
            with self._open_text(softly=True) as text:
                self._dialect = choose_dialect(path, read_pieces(text), shape, fixed)
        except OSError as error:
            raise unreadable(path, error) from error
        self._judge = Judge(shape, self._dialect.columns, len(self._dialect.names))
        self._start_pass()

    @property
    def encoding(self) -> str:
        """The codec the file is read with."""
        return self._encoding

    @property
    def delimiter(self) -> str:
        """The character between cells."""
        return self._dialect.delimiter

    @property
    def names(self) -> tuple[str, ...]:
        """All columns by the names they have in the file, or in the spec."""
        return self._dialect.names

    @property
    def warnings(self) -> tuple[SourceWarning, ...]:
        """Duplicate header names, and how many records end in extra empty columns."""
        found = [
            SourceWarning("duplicate_header", {"file": str(self._path), "column": name})
            for name in (duplicate_names(self._dialect) if self._shape.header else ())
        ]
        if self._trailing_count:
            params: Params = {
                "file": str(self._path),
                "record": self._first_trailing,
                "count": self._trailing_count,
            }
            found.append(SourceWarning("trailing_empty_columns", params))
        return tuple(found)

    def _read(self) -> Iterator[Row | Reject]:
        self._start_pass()
        with self._open_text() as text:
            for number, found in enumerate(self._pick(text), 1):
                if isinstance(found, Row):
                    yield found
                else:
                    judged = self._judge.judge(number, found)
                    self._note(number, found, judged)
                    yield judged

    def read_cells(self, max_cell_chars: int) -> Iterator[RawRecord]:
        """Read the file from its start: every record with the cells that have a name, not judged.

        Raises SourceError (file_unreadable).
        """
        dialect = self._dialect
        try:
            with self._open_text() as text:
                records = split_records(
                    islice(read_pieces(text), dialect.hint_lines, None),
                    dialect.delimiter,
                    wanted=frozenset(range(len(dialect.names))),
                    max_cell_chars=max_cell_chars,
                    cr_ends_lines=dialect.cr_ends_lines,
                    first_line=1 + dialect.hint_lines,
                )
                yield from islice(records, 1 if self._shape.header else 0, None)
        except OSError as error:
            raise unreadable(self._path, error) from error

    def _start_pass(self) -> None:
        self._first_trailing = 0
        self._trailing_count = 0

    @contextmanager
    def _open_text(self, *, softly: bool = False) -> Iterator[TextIO]:
        with (
            open_content(self._path, softly=softly) as opened,
            io.TextIOWrapper(opened, self._encoding, errors=MARKING, newline="") as text,
        ):
            yield text

    def _pick(self, text: TextIO) -> Iterator[Row | RawRecord]:
        """Yield every record after the header: a row already, or still to be judged."""
        number, skipped = 1, self._shape.header
        for portion in self._split(text):
            if isinstance(portion, RawRecord):
                if not skipped:
                    yield portion
                    number += 1
            else:
                records = portion[skipped:]
                yield from self._judge.pick_rows(number, records)
                number += len(records)
            skipped = False

    def _split(self, text: TextIO) -> Iterator[Portion]:
        dialect = self._dialect
        wanted = frozenset(dialect.columns.values())
        max_cell_chars = max(self._shape.max_text_chars, PIECE_CHARS)
        first_line = 1 + dialect.hint_lines
        if dialect.cr_ends_lines:
            return split_records(
                islice(read_pieces(text), dialect.hint_lines, None),
                dialect.delimiter,
                wanted=wanted,
                max_cell_chars=max_cell_chars,
                cr_ends_lines=True,
                first_line=first_line,
            )
        blocks = read_blocks(text)
        return split_blocks(
            skip_line(blocks) if dialect.hint_lines else blocks,
            dialect.delimiter,
            wanted=wanted,
            max_cell_chars=max_cell_chars,
            first_line=first_line,
        )

    def _note(self, number: int, record: RawRecord, judged: Row | Reject) -> None:
        if record.width > len(self._dialect.names) and isinstance(judged, Row):
            self._first_trailing = self._first_trailing or number
            self._trailing_count += 1
        if record.flaw == "unclosed_quote":
            self._fault = SourceError(
                record.flaw, file=str(self._path), record=number, line=record.line
            )
