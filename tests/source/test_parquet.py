"""Parquet: columns of any sensible type as text, fields inside structs by their path."""

import decimal
import uuid
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.errors import SourceError
from jobs.source import InputShape, Row, read_records
from jobs.source.look import look_at
from tests.source.reading import PLAIN, good, rejected


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.parquet"


def write(file: Path, columns: dict[str, Any], **options: Any) -> None:
    pq.write_table(pa.table(columns), file, **options)


def refusal(file: Path, shape: InputShape = PLAIN) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read_records(file, shape)
    assert caught.value.params["file"] == str(file)
    return caught.value


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (pa.array([1009, 2**62]), ["1009", str(2**62)]),
        (pa.array([1009.0, 1e20]), ["1009", "100000000000000000000"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([date(2026, 11, 20)] * 2), ["2026-11-20"] * 2),
        (pa.array([datetime(2026, 11, 20, 9)] * 2, pa.timestamp("s")), ["2026-11-20T09:00:00"] * 2),  # noqa: DTZ001
        (pa.array([decimal.Decimal("1.50")] * 2), ["1.50"] * 2),
        (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        (pa.array(["a", "b"], pa.large_string()), ["a", "b"]),
        (pa.array([b"\xe8\xa1\xa8", b"b"]), ["表", "b"]),
    ],
)
def test_types_as_text(file: Path, values: Any, shown: list[str]) -> None:
    """Numbers have plain digits, times are ISO 8601, bytes are UTF-8."""
    write(file, {"id": ["1", "2"], "text": values})
    assert [text for _, text in good(read_records(file, PLAIN))] == shown


def test_ids_may_be_uuids(file: Path) -> None:
    """They are sixteen bytes in the file and their usual digits as text."""
    own = uuid.UUID("12345678-1234-5678-1234-567812345678")
    write(file, {"id": pa.array([own.bytes], pa.uuid()), "text": ["a"]})
    assert good(read_records(file, PLAIN)) == [(str(own), "a")]


def test_times_name_their_zone(file: Path) -> None:
    """A moment with a zone keeps it."""
    zoned = pa.array([datetime(2026, 11, 20, 9, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    write(file, {"id": ["1"], "text": zoned})
    assert good(read_records(file, PLAIN))[0][1].startswith("2026-11-20T09:00:00Z")


def test_rules_of_rows(file: Path) -> None:
    """Nothing is text, NaN is no id, bytes that are no text are rejected; names match loosely."""
    write(
        file,
        {
            " ID ": [1.0, float("nan"), 3.0, 4.0, 5.0],
            "Ｔｅｘｔ": [b"x", b"x", None, b" ", b"\xff"],
            "k": [None, "b", "c", "d", "e"],
        },
    )
    records = read_records(file, InputShape("id", "text", keep=("k",)))
    assert next(iter(records)) == Row(1, "1", "x", (("k", ""),))
    assert rejected(records) == [
        (2, None, "missing_id"),
        (3, "3", "missing_text"),
        (4, "4", "empty_text"),
        (5, "5", "decode_error"),
    ]
    assert (records.encoding, records.delimiter, records.file_error) == (None, None, None)


def test_fields_inside_structs(file: Path) -> None:
    """A dotted path leads into structs; where one is missing there is no value."""
    rows = [{"no": "a", "of": {"n": 1}}, None, {"no": "c", "of": None}]
    write(file, {"ticket": pa.array(rows), "text": ["x", "y", "z"]})
    shape = InputShape("ticket.no", "text", keep=("ticket.of.n",))
    records = read_records(file, shape)
    assert good(records) == [("a", "x"), ("c", "z")]
    assert [dict(r.attributes) for r in records if isinstance(r, Row)] == [
        {"ticket.of.n": "1"},
        {"ticket.of.n": ""},
    ]
    assert rejected(records) == [(2, None, "missing_id")]


@pytest.mark.parametrize("name", ["text", "id", "kept"])
@pytest.mark.parametrize(
    "values",
    [
        pa.array([["a", "list"]]),
        pa.array([{"a": 1}]),
        pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int8())),
    ],
)
def test_lists_are_refused_by_column(file: Path, name: str, values: Any) -> None:
    """A column of lists, structs or maps is named; unwanted ones are nobody's business."""
    write(file, {"id": ["1"], "text": ["x"], "kept": ["k"], "more": values, name: values})
    error = refusal(file, InputShape("id", "text", keep=("kept",)))
    assert (error.code, error.params["column"]) == ("column_not_text", name)
    write(file, {"id": ["1"], "text": ["x"], "more": values})
    assert good(read_records(file, PLAIN)) == [("1", "x")]


def test_many_batches(file: Path) -> None:
    """Rows come in order over row groups and batches, the same on every pass."""
    rows = 5_000
    write(
        file, {"id": list(range(rows)), "text": [f"t{n}" for n in range(rows)]}, row_group_size=999
    )
    records = read_records(file, PLAIN)
    assert good(records) == [(str(n), f"t{n}") for n in range(rows)]
    first = iter(records)
    begun = [next(first) for _ in range(1_234)]
    assert list(records)[:1_234] == begun


def test_damage(file: Path) -> None:
    """A cut file is refused; one whose pages are damaged breaks when they are read."""
    rows = 20_000
    write(
        file,
        {"id": list(range(rows)), "text": [f"row {n * 7_919}" for n in range(rows)]},
        row_group_size=5_000,
    )
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    assert refusal(file).code == "parquet_broken"
    middle = len(whole) // 2
    file.write_bytes(whole[:middle] + b"\xff" * 20_000 + whole[middle + 20_000 :])
    records = read_records(file, PLAIN)
    found = good(records)
    assert records.file_error == "parquet_broken"
    assert len(found) < rows
    with pytest.raises(SourceError) as caught:
        look_at(file, rows)
    assert caught.value.code == "parquet_broken"


def test_missing_columns(file: Path) -> None:
    """A column that is not there is named before any record."""
    write(file, {"id": ["1"], "body": ["x"]})
    assert refusal(file).code == "column_missing"
    write(file, {"0": ["1"], "1": ["x"]})
    assert refusal(file).code == "column_missing"
