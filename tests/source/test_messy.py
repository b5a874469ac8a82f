"""The dirty input files of ../shared/data/messy come out as their expected.json says."""

from typing import Any

import pytest

from jobs.errors import SourceError
from jobs.source import InputShape, Reject, Row, read_records
from tests.source.messy import EXPECTED, MESSY, REFUSED, all_expected, needs_messy, summary

FOUND_IN_SQL = ("duplicate_id_same", "duplicate_id_conflict")

pytestmark = needs_messy


def shape_of(read: dict[str, Any]) -> InputShape:
    return InputShape(
        id=read.get("id_column", read.get("id_path", "id")),
        text=read.get("text_column", read.get("text_path", "text")),
        header=read.get("header", True),
        columns=tuple(read.get("columns", ())),
        records=read.get("rows_path"),
    )


@pytest.mark.parametrize("name", sorted(all_expected().keys() - {REFUSED}))
def test_messy_file(name: str) -> None:
    """Rows, rejects, warnings, encoding, delimiter and file error are the expected ones."""
    wanted = all_expected()[name]
    records = read_records(MESSY / name, shape_of(wanted["read"]))
    read = list(records)
    duplicates = [r["record"] for r in wanted["rejected"] if r["reason"] in FOUND_IN_SQL]
    rows = [r for r in read if isinstance(r, Row) and r.record_number not in duplicates]
    rejects = [r for r in read if isinstance(r, Reject)]
    told = [r for r in wanted["rejected"] if r["reason"] not in FOUND_IN_SQL]

    assert [summary(row.source_id, row.text) for row in rows] == wanted["good"]
    assert [(r.record_number, r.source_id or "", r.reason_code) for r in rejects] == [
        (r["record"], r["id"] or "", r["reason"]) for r in told
    ]
    for reject, one in zip(rejects, told, strict=True):
        for key in one.keys() & {"columns", "chars", "line"}:
            assert reject.params[key] == one[key]
    assert len(rows) == wanted["n_good"]
    assert len(rejects) + len(duplicates) == wanted["n_rejected"]
    assert records.file_error == wanted["file_error"]
    assert records.encoding == wanted["read"]["encoding"]
    assert records.delimiter == wanted["read"].get("delimiter")
    numbers = [r.record_number for r in read]
    if wanted["read"].get("format") == "jsonl":
        assert numbers == sorted(set(numbers))  # physical lines: blank ones leave gaps
    else:
        assert numbers == list(range(1, len(read) + 1))
    assert [
        {"warning": w.code, **{k: v for k, v in w.params.items() if k in ("record", "column")}}
        for w in records.warnings
    ] == wanted["warnings"]
    assert list(records) == read


def test_all_files_are_looked_at() -> None:
    """No file of the folder is left out."""
    files = {path.name for path in MESSY.iterdir()} - {"README.md", EXPECTED.name}
    assert files == set(all_expected())


def test_empty_file() -> None:
    """A file of 0 bytes is refused with the file error empty_file."""
    with pytest.raises(SourceError) as caught:
        read_records(MESSY / REFUSED, InputShape("id", "text"))
    assert caught.value.code == all_expected()[REFUSED]["file_error"]


def test_no_header() -> None:
    """A file without a header line is refused by default, and none of its cells is shown."""
    with pytest.raises(SourceError) as caught:
        read_records(MESSY / "18_no_header.csv", InputShape("id", "text"))
    assert caught.value.code == "header_missing"
    assert set(caught.value.params) == {"file"}
