"""Reads Parquet files batch by batch. Needs the extra `parquet`.

Numbers, dates and truth values become text; lists, maps and structs are refused as columns, but
a field inside structs can be named by its dotted path.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.errors import SourceError
from jobs.source.columns import find_columns, find_repeated
from jobs.source.encoding import MARKING
from jobs.source.fields import FieldJudge, plain_digits
from jobs.source.opening import BrokenFile, open_file, unreadable
from jobs.source.reading import FileRecords
from jobs.source.record import InputShape, Reject, Row, SourceWarning

BATCH_ROWS: Final = 512
BUFFER_BYTES: Final = 1 << 20
TYPE_CHARS: Final = 60
UUID_TYPE: Final = "extension<arrow.uuid>"
NO_FRACTION: Final = re.compile(r"\.0+(?!\d)")


class Leaf(NamedTuple):
    """A column, or a field inside one of structs."""

    path: tuple[str, ...]
    type: Any

    @property
    def name(self) -> str:
        """The dotted path."""
        return ".".join(self.path)


class ParquetRecords(FileRecords):
    """The records of one Parquet file."""

    def __init__(self, path: Path, shape: InputShape) -> None:
        """Find the columns. Raises SourceError: parquet_broken, column_not_text, and as
        `find_columns`.
        """
        super().__init__(path)
        self._leaves = read_leaves(path)
        names = [leaf.name for leaf in self._leaves]
        places = find_columns(path, names, replace(shape, header=False))  # names are never content
        self._columns = {name: self._leaves[place] for name, place in places.items()}
        for name, leaf in self._columns.items():
            if not is_textual(leaf.type):
                kind = str(leaf.type)[:TYPE_CHARS]
                raise SourceError("column_not_text", file=str(path), column=name, kind=kind)
        self._judge = FieldJudge(shape, "decode_error")

    @property
    def warnings(self) -> tuple[SourceWarning, ...]:
        """Names that stand twice."""
        return tuple(
            SourceWarning("duplicate_header", {"file": str(self._path), "column": name})
            for name in find_repeated([leaf.name for leaf in self._leaves])
        )

    def _read(self) -> Iterator[Row | Reject]:
        for number, values in enumerate(read_values(self._path, self._columns), 1):
            yield self._judge.judge(number, values)


def read_leaves(path: Path) -> list[Leaf]:
    """Return the file's columns, and after each one the fields inside it."""
    try:
        with open_file(path) as opened, pq.ParquetFile(opened) as file:
            return list(_flatten(file.schema_arrow, ()))
    except (pa.ArrowException, OSError) as error:
        raise SourceError("parquet_broken", file=str(path)) from error


def _flatten(fields: Any, above: tuple[str, ...]) -> Iterator[Leaf]:
    for field in fields:
        path = (*above, field.name)
        yield Leaf(path, field.type)
        if pa.types.is_struct(field.type):
            yield from _flatten(field.type, path)


def is_textual(kind: Any) -> bool:
    """Tell whether values of a type can stand as text."""
    if pa.types.is_dictionary(kind):
        return is_textual(kind.value_type)
    if _is_string(kind) or _is_binary(kind) or pa.types.is_null(kind):
        return True
    if pa.types.is_nested(kind):
        return False
    try:
        pc.cast(pa.array([], kind), pa.string())
    except pa.ArrowException:
        return False
    return True


def _is_string(kind: Any) -> bool:
    of = pa.types
    return bool(of.is_string(kind) or of.is_large_string(kind) or of.is_string_view(kind))


def _is_binary(kind: Any) -> bool:
    of = pa.types
    return bool(
        of.is_binary(kind)
        or of.is_large_binary(kind)
        or of.is_binary_view(kind)
        or of.is_fixed_size_binary(kind)
    )


def read_values(path: Path, columns: Mapping[str, Leaf]) -> Iterator[dict[str, str | None]]:
    """Yield the values of the columns, a mapping for each row. Raises BrokenFile (an OSError)."""
    names = list(columns)
    try:
        with (
            open_file(path) as opened,
            pq.ParquetFile(opened, pre_buffer=False, buffer_size=BUFFER_BYTES) as file,
        ):
            wanted = [leaf.name for leaf in columns.values()]
            for batch in file.iter_batches(BATCH_ROWS, columns=wanted, use_threads=False):
                lists = [as_texts(_pick(batch, leaf.path)) for leaf in columns.values()]
                for values in zip(*lists, strict=True):
                    yield dict(zip(names, values, strict=True))
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, not what it holds
        raise BrokenFile("parquet_broken") from error


def _pick(batch: Any, path: tuple[str, ...]) -> Any:
    column = batch.column(path[0])
    for name in path[1:]:
        column = pc.struct_field(column, name)
    return column


def as_texts(column: Any) -> list[str | None]:
    """Return an array's values as text; NaN is no value."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_texts(column.dictionary_decode())
    if _is_string(kind):
        return _as_strings(column)
    if _is_binary(kind):
        return [of if of is None else of.decode("utf-8", MARKING) for of in column.to_pylist()]
    if str(kind) == UUID_TYPE:
        return [of if of is None else str(of) for of in column.to_pylist()]
    if pa.types.is_floating(kind):
        values = column.to_pylist()
        return [None if of is None or math.isnan(of) else plain_digits(of) for of in values]
    texts: list[str | None] = pc.cast(column, pa.string()).to_pylist()
    is_moment = pa.types.is_timestamp(kind) or pa.types.is_time(kind)
    return [_as_iso(of) if of and is_moment else of for of in texts]


def _as_strings(column: Any) -> list[str | None]:
    """Return strings; those that other programs wrote may be no UTF-8."""
    try:
        found: list[str | None] = column.to_pylist()
    except UnicodeDecodeError:
        return as_texts(column.cast(pa.large_binary()))
    return found


def _as_iso(moment: str) -> str:
    """Return a time as ISO 8601: Arrow puts a space before it, and zeros after it."""
    return NO_FRACTION.sub("", moment.replace(" ", "T", 1))


def look_at_parquet(path: Path, max_records: int) -> tuple[tuple[str, ...], list[list[str]]]:
    """Return the columns that can be text and their values in the first records."""
    columns = {leaf.name: leaf for leaf in read_leaves(path) if is_textual(leaf.type)}
    try:
        rows = [
            [value or "" for value in values.values()]
            for values in islice(read_values(path, columns), max_records)
        ]
    except OSError as error:
        raise unreadable(path, error) from error
    return tuple(columns), rows
