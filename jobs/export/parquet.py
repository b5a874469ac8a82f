"""Parquet: typed columns, times in UTC, JSON as text; row groups that keep memory flat."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, BinaryIO, Final

import pyarrow as pa
from pyarrow import parquet

from jobs.errors import SettingError
from jobs.export.columns import Block, Column, Kind
from jobs.export.writer import Style
from jobs.source import SourceWarning

GROUP_ROWS: Final = 65_536
GROUP_BYTES: Final = 32 << 20
TYPES: Final[Mapping[Kind, pa.DataType]] = {
    **dict.fromkeys(("text", "code", "cell", "json"), pa.string()),
    "integer": pa.int64(),
    **dict.fromkeys(("number", "usd"), pa.float64()),
    "amount": pa.decimal128(38, 9),
    "date": pa.date32(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("us", tz="UTC"),
}
MADE_FROM: Final[Mapping[Kind, Callable[[str], Any]]] = {
    "amount": Decimal,
    "date": date.fromisoformat,
}
UNFIT: Final = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, ValueError, ArithmeticError)


class ParquetWriter:
    """Writes one Parquet file; see `Writer`."""

    warnings: Sequence[SourceWarning] = ()

    def __init__(self, columns: Sequence[Column], stream: BinaryIO) -> None:
        self._columns = columns
        self._schema = pa.schema([(column.name, TYPES[column.kind]) for column in columns])
        self._file = parquet.ParquetWriter(stream, self._schema, compression="zstd")
        self._held: list[pa.RecordBatch] = []
        self._held_rows = 0
        self._held_bytes = 0

    def write(self, block: Block) -> None:
        """Hold some lines until they fill a row group."""
        arrays = [
            _array(column, cells, block.numbers)
            for column, cells in zip(self._columns, block.cells, strict=True)
        ]
        batch = pa.record_batch(arrays, schema=self._schema)
        self._held.append(batch)
        self._held_rows += batch.num_rows
        self._held_bytes += batch.nbytes
        if self._held_rows >= GROUP_ROWS or self._held_bytes >= GROUP_BYTES:
            self._write_group()

    def finish(self) -> None:
        """Write what is held, and the file's end."""
        self._write_group()
        self._file.close()

    def close(self) -> None:
        """End the file: what was abandoned is thrown away by its owner."""
        self._file.close()

    def _write_group(self) -> None:
        if self._held_rows:
            self._file.write_table(pa.Table.from_batches(self._held), self._held_rows)
        self._held = []
        self._held_rows = self._held_bytes = 0


def _array(column: Column, cells: Sequence[Any], numbers: Sequence[int]) -> pa.Array:
    try:
        return _convert(column, cells)
    except UNFIT:
        for number, cell in zip(numbers, cells, strict=True):
            try:
                _convert(column, [cell])
            except UNFIT as error:
                raise SettingError(
                    "export_value_unfit", format="parquet", column=column.name, record=number
                ) from error
        raise


def _convert(column: Column, cells: Sequence[Any]) -> pa.Array:
    make = MADE_FROM.get(column.kind)
    if make is not None:
        cells = [None if cell is None else make(cell) for cell in cells]
    return pa.array(cells, TYPES[column.kind])


def open_writer(style: Style, columns: Sequence[Column], stream: BinaryIO) -> ParquetWriter:
    """Begin a Parquet file."""
    del style
    return ParquetWriter(columns, stream)
