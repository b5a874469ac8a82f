"""A batch as an export: its results, its rejects, or every record beside its input."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from jobs.errors import SourceError
from jobs.export.answers import JsonColumn, encode, order_of, take
from jobs.export.columns import (
    REJECT_COLUMNS,
    RESULT_COLUMNS,
    VIEW_KINDS,
    Block,
    Column,
    Taken,
    choose_columns,
    make_unique,
    place_beside,
)
from jobs.export.join import join_originals
from jobs.export.landing import landing
from jobs.export.writer import MOST_ROWS, UNIQUE_NAMES, Style, make_writer, too_many_rows
from jobs.source import InputShape, SourceWarning
from jobs.source.original import Originals, hash_file, open_originals
from jobs.spec import Spec, restore_spec
from jobs.store import Database
from jobs.store.batches import Batch
from jobs.store.lines import Part, stream_columns
from jobs.store.results import tally

STANDARD: Final[dict[Part, Sequence[str]]] = {
    "results": RESULT_COLUMNS,
    "records": RESULT_COLUMNS,
    "rejects": REJECT_COLUMNS,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a batch is wanted: `columns` of ours, and the file it was read from beside them.

    With the file there is a line for each of its records, the rejected ones too.
    """

    part: Part = "results"
    columns: Sequence[str] | None = None
    original: Path | None = None


class Export:
    """An export of one batch, ready to be written once.

    Raises SettingError (columns) and SourceError (the original is not the file of the batch,
    or cannot be read) before anything is written.
    """

    def __init__(self, database: Database, batch: Batch, wish: Wish) -> None:
        self._database = database
        self._batch = batch
        self._original = wish.original
        self._spec: Spec = restore_spec(batch.spec)
        self._part: Part = "records" if wish.original is not None else wish.part
        self._taken = choose_columns(self._spec, STANDARD[self._part], wish.columns)
        self._originals: Originals | None = None
        if wish.original is not None:
            self._require_same(wish.original)
            self._originals = open_originals(wish.original, _shape_of(self._spec))

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns in their order, the input's first."""
        own = [taken.column for taken in self._taken]
        return place_beside(() if self._originals is None else self._originals.names, own)

    def write(self, stream: BinaryIO, style: Style) -> tuple[SourceWarning, ...]:
        """Write the whole export to a stream; return what is to be said of it."""
        self._refuse_too_many(style)
        columns = make_unique(self.columns) if style.kind in UNIQUE_NAMES else self.columns
        writer = make_writer(style, columns, stream)
        try:
            for block in self._blocks():
                writer.write(block)
            writer.finish()
            said = tuple(writer.warnings)
        finally:
            writer.close()
        if self._originals is None or self._original is None:
            return said
        self._require_same(self._original)  # a file that changed meanwhile was joined wrongly
        return (*said, *self._originals.warnings)

    def write_file(self, path: Path, style: Style) -> tuple[SourceWarning, ...]:
        """Write a whole file or none; return what is to be said of it."""
        with landing(path) as stream:
            return self.write(stream, style)

    def _refuse_too_many(self, style: Style) -> None:
        """Say so before an hour of writing, not after it."""
        limit = MOST_ROWS.get(style.kind)
        if limit is None or self._batch.records_read <= limit:
            return
        counted = tally(self._database, self._batch.batch_id)
        parts: dict[Part, int] = {
            "records": counted.rows,
            "results": counted.rows - counted.rejected,
            "rejects": counted.rejected,
        }
        if parts[self._part] > limit:
            raise too_many_rows(style.kind)

    def _require_same(self, original: Path) -> None:
        if hash_file(original) != self._batch.file_hash:
            batch = self._batch.batch_id
            raise SourceError("original_differs", file=str(original), batch=batch)

    def _blocks(self) -> Iterator[Block]:
        blocks = read_blocks(
            self._database, self._batch.batch_id, self._spec, self._taken, self._part
        )
        if self._originals is None:
            return blocks
        return join_originals(blocks, self._originals, str(self._original))


def read_blocks(
    database: Database, batch_id: str, spec: Spec, taken: Sequence[Taken], part: Part
) -> Iterator[Block]:
    """Yield a batch's lines with the columns that are taken, in the order of the file."""
    sources = tuple(dict.fromkeys(one.source for one in taken))
    order = order_of(spec)
    readers = {
        name: JsonColumn(order.get(name, ())) for name in sources if VIEW_KINDS[name] == "json"
    }
    for numbers, columns in stream_columns(database, batch_id, sources, part):
        found = dict(zip(sources, columns, strict=True))
        read = {name: reader.read(found[name]) for name, reader in readers.items()}
        values = {name: [value for value, _ in cells] for name, cells in read.items()}
        found |= {name: [shown for _, shown in cells] for name, cells in read.items()}
        yield Block(numbers, [_cells(one, values, found) for one in taken])


def _cells(
    taken: Taken, values: Mapping[str, Sequence[Any]], found: Mapping[str, Sequence[Any]]
) -> Sequence[Any]:
    if not taken.path:
        return found[taken.source]
    parts = take(values[taken.source], taken.path)
    if taken.column.kind != "json":
        return parts
    return [None if part is None else encode(part) for part in parts]


def _shape_of(spec: Spec) -> InputShape:
    section = spec.input
    return InputShape(**{name: getattr(section, name) for name in InputShape.__dataclass_fields__})
