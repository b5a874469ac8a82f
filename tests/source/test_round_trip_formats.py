"""What is written as JSON, JSONL, XLSX or Parquet is read back the same."""

import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.source import InputShape, Reject, Row, read_records
from jobs.source.judge import is_empty

Rows = list[tuple[str, str, str]]
TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
FILLED = TEXT.filter(lambda text: not is_empty(text) and not is_empty(text.strip()))
ROWS = st.lists(st.tuples(FILLED, FILLED, TEXT), max_size=6)
CELLS = st.text(
    st.characters(min_codepoint=32, exclude_characters="\x7f_\ufffe\uffff", codec="utf-8"),
    max_size=20,
)
FILLED_CELLS = CELLS.filter(lambda text: not is_empty(text) and not text.startswith("="))
SHAPE = InputShape(id="id", text="text", keep=("note",))


def as_read(rows: Rows) -> list[Row]:
    return [
        Row(number, source_id.strip(), text, (("note", note),))
        for number, (source_id, text, note) in enumerate(rows, 1)
    ]


def round_trip(
    rows: Rows, name: str, write: Callable[[Path], object], shape: InputShape = SHAPE
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        records = read_records(path, shape)
        assert list(records) == as_read(rows)
        assert (records.file_error, records.warnings) == (None, ())


@pytest.mark.heavy
@settings(max_examples=150, deadline=None)
@given(
    ROWS,
    st.sampled_from(("json", "jsonl", "nested")),
    st.booleans(),
    st.sampled_from((None, 0, 2)),
    st.sampled_from(("utf-8", "utf-8-sig", "utf-16")),
    st.booleans(),
)
def test_json(
    rows: Rows, kind: str, ascii_only: bool, indent: int | None, encoding: str, packed: bool
) -> None:
    """With any escapes, white space, mark and compression."""
    dicts = [dict(zip(("id", "text", "note"), row, strict=True)) for row in rows]
    shape = SHAPE
    if kind == "jsonl":
        content = "\n".join(json.dumps(one, ensure_ascii=ascii_only) for one in dicts) or "\n"
    elif kind == "json":
        content = json.dumps(dicts, ensure_ascii=ascii_only, indent=indent)
    else:
        shape = InputShape(id="id", text="text", keep=("note",), records="a.b")
        whole = {"x": dicts, "a": {"y": "]", "b": dicts, "z": [dicts]}, "b": None}
        content = json.dumps(whole, ensure_ascii=ascii_only, indent=indent)
    data = content.encode(encoding)
    suffix = "jsonl" if kind == "jsonl" else "json"
    round_trip(
        rows,
        f"rows.{suffix}",
        lambda path: path.write_bytes(gzip.compress(data) if packed else data),
        shape,
    )


@pytest.mark.heavy
@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(1, 3))
def test_parquet(rows: Rows, group_rows: int) -> None:
    """In row groups of any size."""
    columns = [pa.array([row[at] for row in rows], pa.string()) for at in range(3)]
    table = pa.table(dict(zip(("id", "text", "note"), columns, strict=True)))
    round_trip(
        rows, "rows.parquet", lambda path: pq.write_table(table, path, row_group_size=group_rows)
    )


@pytest.mark.heavy
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(FILLED_CELLS, FILLED_CELLS, FILLED_CELLS), max_size=6))
def test_xlsx(rows: Rows) -> None:
    """As string cells, whatever they look like."""
    workbook = openpyxl.Workbook()
    for row in [("id", "text", "note"), *rows]:
        workbook.worksheets[0].append(row)
    round_trip(rows, "rows.xlsx", workbook.save)


@pytest.mark.heavy
@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80), st.sampled_from(("json", "jsonl")))
def test_any_bytes_are_read_or_rejected(noise: bytes, suffix: str) -> None:
    """Whatever bytes follow a good record, it stays good and every other one has a reason."""
    begin = b"[" if suffix == "json" else b""
    between = b"," if suffix == "json" else b"\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows.{suffix}"
        path.write_bytes(begin + b'{"id": "1", "text": "a"}' + between + noise)
        records = read_records(path, InputShape(id="id", text="text", encoding="utf-8"))
        found = list(records)
        assert found[0] == Row(1, "1", "a", ())
        assert all(isinstance(record, Row | Reject) for record in found)
        assert list(records) == found
