"""Rows of a program on their way into SQL: spooled to a file, read back like any other file.

The file is why loading can be resumed, and why equal rows are the same batch: its bytes are the
same for the same rows. It is CSV in UTF-8 with a header; its first column is empty, or holds
(as JSON) why the row is refused, so that every row ends as one job or one reject in its place.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, Final

from jobs.client.values import Refusal, Taken, take
from jobs.errors import ServiceError
from jobs.source import (
    InputShape,
    Params,
    Records,
    Reject,
    Row,
    SourceWarning,
    read_records,
)
from jobs.source.orphans import create, sweep
from jobs.spec import Spec
from jobs.store.batches import InputFile
from jobs.submit import Handed, shape_of

FOLDER: Final = "spool"
PREFIX: Final = "rows-"
MARK_COLUMN: Final = "refused"
PLACEHOLDER: Final = "-"
BLOCK_LINES: Final = 16
NEEDS_QUOTES: Final = re.compile('[",\r\n]')


@contextmanager
def spooled(
    rows: Iterable[object], spec: Spec, state_folder: Path, *, name: str, limit: int | None
) -> Iterator[Handed]:
    """Write rows to a file of their own, which is gone after the block; memory stays flat.

    With a `limit` only that many rows are taken from the iterable. What the iterable raises is
    raised, and nothing is left. Files of processes that were killed are removed here. Raises
    ServiceError where no file can be written.
    """
    folder = state_folder / FOLDER
    layout = _Layout.of(shape_of(spec))
    with _refusing(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stream, path = create(folder, PREFIX, ".csv")
    try:
        sweep(folder, PREFIX)
        digest, size_bytes = _write(rows, layout, stream, limit, folder)
        file = InputFile(name, str(path), digest, size_bytes)
        yield Handed(path, file, spec, limit, lambda: SpooledRecords(path, layout))
    finally:
        path.unlink(missing_ok=True)
        with suppress(OSError):  # what there was no room for is gone with the file
            stream.close()


@contextmanager
def _refusing(folder: Path) -> Iterator[None]:
    """Say of a folder that nothing can be written there."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ServiceError("spool_unusable", folder=str(folder), reason=reason) from error


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the rows of one spec stand in their file."""

    wanted: InputShape
    """What the spec asks of a row."""
    mark: str
    """The name of the first column: none of the spec's."""

    @classmethod
    def of(cls, wanted: InputShape) -> "_Layout":
        """Lay out the rows of a spec."""
        mark = MARK_COLUMN
        while mark in wanted.wanted:
            mark += "_"
        return cls(wanted, mark)

    @property
    def written(self) -> InputShape:
        """How the file itself is read."""
        wanted = self.wanted  # what it says of files is not said of this one
        return InputShape(
            id=wanted.id,
            text=wanted.text,
            keep=(*wanted.keep, self.mark),
            format="csv",
            encoding="utf-8",
            delimiter=",",
            max_text_chars=wanted.max_text_chars,
        )


def _write(
    rows: Iterable[object], layout: _Layout, stream: IO[bytes], limit: int | None, folder: Path
) -> tuple[str, int]:
    """Write the header and every row; return the file's hash and its size."""
    digest = hashlib.sha256()
    size_bytes = 0
    lines = _lines(rows, layout, limit)
    while block := "".join(islice(lines, BLOCK_LINES)).encode():
        digest.update(block)
        with _refusing(folder):
            size_bytes += stream.write(block)
    with _refusing(folder):
        stream.flush()
    return digest.hexdigest(), size_bytes


def _lines(rows: Iterable[object], layout: _Layout, limit: int | None) -> Iterator[str]:
    wanted = layout.wanted
    yield _line((layout.mark, *wanted.wanted))
    for row in islice(rows, limit):
        taken = take(row, wanted)
        yield _line(("", *taken.cells) if isinstance(taken, Taken) else _marked(taken, layout))


def _marked(refusal: Refusal, layout: _Layout) -> tuple[str, ...]:
    """Return cells that read as a row, so that the mark among them is read too."""
    said = {"code": refusal.code, "id": refusal.source_id, "params": dict(refusal.params)}
    mark = json.dumps(said, ensure_ascii=True)
    return (mark, *(PLACEHOLDER for _ in layout.wanted.wanted))


def _line(cells: Iterable[str]) -> str:
    return ",".join(_quote(cell) for cell in cells) + "\n"


def _quote(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if NEEDS_QUOTES.search(cell) else cell


class SpooledRecords:
    """The records of a spool file: those of any CSV file, with its refusals put back."""

    def __init__(self, path: Path, layout: _Layout) -> None:
        """Open the file; raises SourceError if somebody has removed it."""
        self._records: Records = read_records(path, layout.written)
        self._has_ids = layout.wanted.id is not None

    @property
    def encoding(self) -> str | None:
        """The codec the file is read with."""
        return self._records.encoding

    @property
    def delimiter(self) -> str | None:
        """The character between cells."""
        return self._records.delimiter

    @property
    def file_error(self) -> str | None:
        """The code of what makes the file as a whole unsound."""
        return self._records.file_error

    @property
    def file_error_params(self) -> Params:
        """What fills the words of `file_error`."""
        return self._records.file_error_params

    @property
    def warnings(self) -> tuple[SourceWarning, ...]:
        """Nothing: the header is ours, and rows have no columns to spare."""
        return ()

    def __iter__(self) -> Iterator[Row | Reject]:
        """Read the file from its start."""
        return (self._restore(record) for record in self._records)

    def _restore(self, record: Row | Reject) -> Row | Reject:
        if isinstance(record, Reject):
            return record
        *attributes, (_, mark) = record.attributes
        if not mark:
            return replace(record, attributes=tuple(attributes))
        said = json.loads(mark)
        number = record.record_number
        source_id = said["id"] if self._has_ids else str(number)
        return Reject(number, source_id, said["code"], said["params"])
