"""The dirty input files of ../shared/data/messy come out as their expected.json says."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import NotBuiltError, SourceError
from jobs.source import InputShape, Reject, Row, read_records

SHARED = Path(
    os.environ.get("SEKISHO_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data"
)
MESSY = SHARED / "messy"
DELIMITED = (
    "00_header_only.csv",
    "01_cp932_excel.csv",
    "02_utf8_bom_crlf.csv",
    "03_utf16le_bom.csv",
    "03b_excel_unicode_text.txt",
    "04_semicolon_embedded.csv",
    "04b_sep_line.csv",
    "05_ragged_rows.csv",
    "06_empty_text.csv",
    "07_nul_byte.csv",
    "08_duplicate_ids.csv",
    "09_huge_cell.csv",
    "14_mixed_utf8_cp932.csv",
    "15_formula_cells.csv",
    "16_euc_jp.csv",
    "17_unclosed_quote.csv",
    "18_no_header.csv",
    "18b_header_variants.csv",
)
FOUND_IN_SQL = ("duplicate_id_same", "duplicate_id_conflict")

pytestmark = pytest.mark.skipif(not MESSY.is_dir(), reason="no ../shared/data/messy here")


def expected(name: str) -> dict[str, Any]:
    whole: dict[str, dict[str, Any]] = json.loads((MESSY / "expected.json").read_text("utf-8"))
    return whole[name]


def shape_of(read: dict[str, Any]) -> InputShape:
    return InputShape(
        id=read.get("id_column", "id"),
        text=read.get("text_column", "text"),
        header=read.get("header", True),
        columns=tuple(read.get("columns", ())),
    )


def summary(row: Row) -> dict[str, object]:
    digest = hashlib.sha256(row.text.encode()).hexdigest()[:16]
    return {"id": row.source_id, "text_sha256_16": digest, "chars": len(row.text)}


@pytest.mark.parametrize("name", DELIMITED)
def test_messy_file(name: str) -> None:
    """Rows, rejects, warnings, encoding, delimiter and file error are the expected ones."""
    wanted = expected(name)
    records = read_records(MESSY / name, shape_of(wanted["read"]))
    read = list(records)
    duplicates = [r["record"] for r in wanted["rejected"] if r["reason"] in FOUND_IN_SQL]
    rows = [r for r in read if isinstance(r, Row) and r.record_number not in duplicates]
    rejects = [r for r in read if isinstance(r, Reject)]

    assert [summary(row) for row in rows] == wanted["good"]
    assert [(r.record_number, r.source_id or "", r.reason_code) for r in rejects] == [
        (r["record"], r["id"], r["reason"])
        for r in wanted["rejected"]
        if r["reason"] not in FOUND_IN_SQL
    ]
    for reject, told in zip(
        rejects, (r for r in wanted["rejected"] if r["reason"] not in FOUND_IN_SQL), strict=True
    ):
        for key in told.keys() & {"columns", "chars", "line"}:
            assert reject.params[key] == told[key]
    assert records.file_error == wanted["file_error"]
    assert records.encoding == wanted["read"]["encoding"]
    assert records.delimiter == wanted["read"]["delimiter"]
    assert [r.record_number for r in read] == list(range(1, len(read) + 1))
    assert [
        {"warning": w.code, **{k: v for k, v in w.params.items() if k in ("record", "column")}}
        for w in records.warnings
    ] == wanted["warnings"]


def test_empty_file() -> None:
    """A file of 0 bytes is refused with the file error empty_file."""
    with pytest.raises(SourceError) as caught:
        read_records(MESSY / "00_empty_file.csv", InputShape("id", "text"))
    assert caught.value.code == expected("00_empty_file.csv")["file_error"]


def test_no_header() -> None:
    """A file without a header line is refused by default, and none of its cells is shown."""
    with pytest.raises(SourceError) as caught:
        read_records(MESSY / "18_no_header.csv", InputShape("id", "text"))
    assert caught.value.code == "header_missing"
    assert set(caught.value.params) == {"file"}


@pytest.mark.parametrize(
    "name", sorted(p.name for p in MESSY.glob("1*") if p.suffix in (".json", ".jsonl", ".gz"))
)
def test_formats_not_built(name: str) -> None:
    """JSON, JSONL and gzip are refused by name until they are built."""
    with pytest.raises(NotBuiltError) as caught:
        read_records(MESSY / name, InputShape("id", "text"))
    assert caught.value.code == "source_format_not_built"
