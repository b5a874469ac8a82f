"""Parquet: typed columns that come back as they were, in row groups."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from jobs.errors import SettingError
from jobs.export import Block, Column, Style, make_writer
from jobs.export import parquet as own
from jobs.export.columns import Kind
from tests.export.writing import tricky, write

PARQUET = Style("parquet")
TIME = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)


def read(content: bytes) -> pa.Table:
    return parquet.read_table(io.BytesIO(content))


@settings(deadline=None)
@given(st.lists(tricky, min_size=1))
def test_texts_come_back(cells: list[str]) -> None:
    """Any text is read back as it was, formulas too."""
    content, _ = write((Column("a", "text"),), [[cells], [cells]], PARQUET)
    assert read(content).column("a").to_pylist() == cells * 2


@pytest.mark.parametrize(
    ("kind", "value", "type_name", "back"),
    [
        ("integer", 7, "int64", 7),
        ("number", 0.75, "double", 0.75),
        ("usd", 7e-9, "double", 7e-9),
        ("amount", "-1200.50", "decimal128(38, 9)", Decimal("-1200.50")),
        ("date", "2026-02-03", "date32[day]", date(2026, 2, 3)),
        ("boolean", True, "bool", True),
        ("time", TIME, "timestamp[us, tz=UTC]", TIME),
        ("json", '{"a": 1}', "string", '{"a": 1}'),
    ],
)
def test_columns_are_typed(kind: Kind, value: object, type_name: str, back: object) -> None:
    """Numbers, days and moments are what they are; JSON is text; nothing is null."""
    content, _ = write((Column("a", kind),), [[[value, None]]], PARQUET)
    table = read(content)
    assert str(table.schema.field("a").type) == type_name
    assert table.column("a").to_pylist() == [back, None]


@pytest.mark.parametrize(
    ("kind", "value"), [("integer", 2**63), ("amount", "about 5"), ("date", "2026-02-31")]
)
def test_a_value_without_room_is_an_error(kind: Kind, value: object) -> None:
    """The record and the column are named; nothing is rounded or left out."""
    with pytest.raises(SettingError) as caught:
        write((Column("a", kind),), [[[None, value]]], PARQUET)
    assert caught.value.code == "export_value_unfit"
    assert caught.value.params == {"format": "parquet", "column": "a", "record": 2}


def test_row_groups_bound_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are let go of group by group, by their number and by their bytes."""
    monkeypatch.setattr(own, "GROUP_ROWS", 10)
    content, _ = write((Column("a", "integer"),), [[range(4)]] * 6, PARQUET)
    found = parquet.ParquetFile(io.BytesIO(content)).metadata
    assert [found.row_group(at).num_rows for at in range(found.num_row_groups)] == [12, 12]
    monkeypatch.setattr(own, "GROUP_BYTES", 1)
    content, _ = write((Column("a", "integer"),), [[range(4)]] * 6, PARQUET)
    assert parquet.ParquetFile(io.BytesIO(content)).metadata.num_row_groups == 6


def test_an_empty_export_has_its_columns() -> None:
    """No lines are a file with a schema; a writer that is left leaves quietly."""
    content, _ = write((Column("a", "integer"),), [], PARQUET)
    assert read(content).schema.names == ["a"]
    writer = make_writer(PARQUET, (Column("a", "integer"),), io.BytesIO())
    writer.write(Block((1,), [[1]]))
    writer.close()
