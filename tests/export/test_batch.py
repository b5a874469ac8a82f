"""Exports of a batch on both databases: one form, the file's order, every record once."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from jobs import submit as handing
from jobs.errors import SettingError, SourceError
from jobs.export import FORMATS, Export, Format, Style, Wish
from jobs.export import batch as own
from jobs.export.columns import VIEW_KINDS
from jobs.job import JobStatus
from jobs.spec import Spec, parse_spec
from jobs.store import Database, batches, chunks
from jobs.store.batches import Batch
from tests.store.making import SPEC, all_hints, claim, drive, outcome

EXTRACT = """
name = "invoices"
[task]
kind = "extract"
[task.fields.vendor]
type = "string"
[task.fields.total]
type = "money"
[task.fields.id]
type = "integer"
[task.fields.label]
type = "date"
[input]
id = "id"
text = "text"
keep = ["store", "b"]
[route]
tiers = ["stub"]
"""
FILE = (
    "id,store,text,b,status,note,note\n"
    "000123,東京,where is it,2,-5,=1+1,x\n"
    'r2,大阪,"a\r\nb",3,,n,y\n'
    "r3,京都,,4,,empty,\n"
    "r4,京都,too few\n"
    "r5,京都,more,5,,too,many,columns\n"
    "r6,京都,fine,6,,@,\n"
).encode()
ANSWER = {"vendor": "青い扉", "total": {"amount": "-1200.50", "currency": "JPY"},
          "id": 7, "label": "2026-02-03"}  # fmt: skip


def submit(database: Database, path: Path, spec: Spec) -> Batch:
    handed = handing.hand_in(path, spec)
    return handing.submit(database, handed, language="en", wait=lambda _: None)


def answer(database: Database, output: Mapping[str, Any]) -> None:
    """Answer every row with the same output; the first one stays in review."""
    while hints := all_hints(database):
        lease = claim(database, hints[0])
        done = []
        for job in lease.jobs:
            status = JobStatus.REVIEW if job.source_id == "r6" else JobStatus.DONE
            made = outcome(job, status)
            done.append(replace(made, attempt=replace(made.attempt, output=output, label=None)))
        chunks.commit(database, lease, done)
    batches.close_finished(database)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with good rows and three rejects."""
    path = tmp_path / "rows.csv"
    path.write_bytes(FILE)
    return path


@pytest.fixture
def batch(database: Database, path: Path) -> Batch:
    """Its rows with extracted fields, one in review."""
    made = submit(database, path, parse_spec(EXTRACT, "invoices.toml"))
    answer(database, ANSWER)
    return batches.get(database, made.batch_id)


PLAIN = Wish()
CSV = Style("csv")


def export(database: Database, batch: Batch, wish: Wish = PLAIN, style: Style = CSV) -> bytes:
    stream = io.BytesIO()
    assert Export(database, batch, wish).write(stream, style) == ()
    return stream.getvalue()


def csv_lines(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_csv_is_the_same_on_both_databases(database: Database, batch: Batch) -> None:
    """Fields are columns in the order of the spec; JSON has one order of keys and one form."""
    content = export(database, batch)
    first, second, last = csv_lines(content)
    assert content.decode("utf-8-sig").splitlines()[0] == (
        "row_number,source_id,status,label,vendor,total_amount,total_currency,id,field_label,"
        "confidence,suggested_output,output,tier,model,verdict,reason_code,reason,cost_usd,"
        "attributes"
    )
    assert first == {
        "row_number": "1",
        "source_id": "000123",
        "status": "done",
        "label": "",
        "vendor": "青い扉",
        "total_amount": "-1200.50",
        "total_currency": "JPY",
        "id": "7",
        "field_label": "2026-02-03",
        "confidence": "0.75",
        "suggested_output": "",
        "output": '{"vendor": "青い扉", "total": {"amount": "-1200.50", "currency": "JPY"},'
        ' "id": 7, "label": "2026-02-03"}',
        "tier": "0",
        "model": "stub",
        "verdict": "keep",
        "reason_code": "keep_all",
        "reason": "kept",
        "cost_usd": "0.000000007",
        "attributes": '{"store": "東京", "b": "2"}',
    }
    assert second["row_number"] == "2"
    assert (last["row_number"], last["status"], last["vendor"], last["output"]) == (
        "6", "review", "", "",
    )  # fmt: skip
    assert json.loads(last["suggested_output"]) == ANSWER


def test_other_formats_say_the_same(database: Database, batch: Batch) -> None:
    """JSON Lines, Parquet and XLSX hold the same lines, each with its own types."""
    objects = [
        json.loads(line) for line in export(database, batch, style=Style("jsonl")).splitlines()
    ]
    assert [one["output"] for one in objects] == [ANSWER, ANSWER, None]
    assert (objects[0]["total_amount"], objects[0]["id"]) == ("-1200.50", 7)
    assert objects[0]["cost_usd"] == 7e-9
    table = pq.read_table(io.BytesIO(export(database, batch, style=Style("parquet"))))
    assert [str(one) for one in table.column("total_amount").to_pylist()] == [
        "-1200.500000000", "-1200.500000000", "None",
    ]  # fmt: skip
    assert table.column("source_id").to_pylist() == ["000123", "r2", "r6"]
    sheet = load_workbook(io.BytesIO(export(database, batch, style=Style("xlsx")))).worksheets[0]
    assert [cell.value for cell in sheet[2]][:8] == [
        1, "000123", "done", None, "青い扉", -1200.5, "JPY", 7,
    ]  # fmt: skip


def test_every_record_beside_its_input(database: Database, batch: Batch, path: Path) -> None:
    """The file's columns come first, ours give way to equal names, rejects have their reason."""
    content = export(database, batch, Wish(original=path))
    header, *lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert header[:12] == [
        "id", "store", "text", "b", "status", "note", "note",
        "row_number", "source_id", "sekisho_status", "label", "vendor",
    ]  # fmt: skip
    assert "sekisho_id" in header
    assert [line[:3] for line in lines] == [
        ["000123", "東京", "where is it"],
        ["r2", "大阪", "a\r\nb"],
        ["r3", "京都", ""],
        ["r4", "京都", "too few"],
        ["r5", "京都", "more"],
        ["r6", "京都", "fine"],
    ]
    assert lines[0][4:7] == ["-5", "'=1+1", "x"]
    assert lines[5][5] == "'@"
    assert [line[7] for line in lines] == ["1", "2", "3", "4", "5", "6"]
    at = header.index("sekisho_status"), header.index("reason_code")
    assert [tuple(line[place] for place in at) for line in lines] == [
        ("done", "keep_all"),
        ("done", "keep_all"),
        ("rejected", "empty_text"),
        ("rejected", "too_few_columns"),
        ("rejected", "too_many_columns"),
        ("review", "keep_all"),
    ]


def test_names_of_the_input_are_unique_where_they_must_be(
    database: Database, batch: Batch, path: Path
) -> None:
    """A second column of one name has a number in JSON Lines and Parquet."""
    wish = Wish(original=path, columns=("status",))
    names = ["id", "store", "text", "b", "status", "note", "note_2", "sekisho_status"]
    first = json.loads(export(database, batch, wish, Style("jsonl")).splitlines()[0])
    assert list(first) == names
    assert (first["note"], first["note_2"]) == ("=1+1", "x")
    table = pq.read_table(io.BytesIO(export(database, batch, wish, Style("parquet"))))
    assert table.schema.names == names
    assert table.num_rows == 6


def test_another_file_is_refused(database: Database, batch: Batch, path: Path) -> None:
    """What is joined is the file the batch was read from, also at the end of the writing."""
    kept = Export(database, batch, Wish(original=path))
    path.write_bytes(FILE + b"r7,a,b,c,d,e,f\n")
    with pytest.raises(SourceError) as caught:
        Export(database, batch, Wish(original=path))
    assert caught.value.code == "original_differs"
    with pytest.raises(SourceError) as caught:
        kept.write_file(path.with_name("out.csv"), Style("csv"))
    assert caught.value.code == "original_differs"
    assert not path.with_name("out.csv").exists()


def test_rejects_alone(database: Database, batch: Batch) -> None:
    """A reject has number, id, code and words."""
    lines = csv_lines(export(database, batch, Wish("rejects")))
    assert [(line["row_number"], line["source_id"], line["reason_code"]) for line in lines] == [
        ("3", "r3", "empty_text"),
        ("4", "r4", "too_few_columns"),
        ("5", "r5", "too_many_columns"),
    ]
    assert list(lines[0]) == ["row_number", "source_id", "reason_code", "reason"]


def test_moments_and_tags(database: Database, path: Path) -> None:
    """Columns that are not shown else: moments are in UTC, tags are JSON."""
    made = submit(database, path, parse_spec(SPEC, "small.toml"))
    drive(database)
    batch = batches.get(database, made.batch_id)
    wish = Wish(columns=("finished_at", "created_at", "tags", "fields", "label"))
    (first, *_) = csv_lines(export(database, batch, wish))
    assert first["created_at"].endswith("+00:00")
    assert (first["tags"], first["fields"], first["label"]) == ('{"team": "desk"}', "", "refund")
    table = pq.read_table(io.BytesIO(export(database, batch, wish, Style("parquet"))))
    assert str(table.schema.field("finished_at").type) == "timestamp[us, tz=UTC]"


@pytest.mark.parametrize("kind", FORMATS.values())
def test_every_column_can_be_chosen(
    database: Database, batch: Batch, path: Path, kind: Format
) -> None:
    """All columns of the view, of jobs and of rejects, have a form in every format."""
    for wish in (Wish(), Wish("rejects"), Wish(original=path)):
        content = export(database, batch, replace(wish, columns=tuple(VIEW_KINDS)), Style(kind))
        assert content


def test_an_open_batch_is_shown_as_it_stands(database: Database, path: Path) -> None:
    """Rows without a result are there with their status."""
    batch = submit(database, path, parse_spec(EXTRACT, "invoices.toml"))
    lines = csv_lines(export(database, batch))
    assert [line["status"] for line in lines] == ["waiting"] * 3
    assert {line["vendor"] + line["output"] for line in lines} == {""}
    beside = csv_lines(export(database, batch, Wish(original=path)))
    assert len(beside) == 6


def test_more_rows_than_a_sheet_has(
    database: Database, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said before anything is written; rejects count only where they are written."""
    monkeypatch.setattr(own, "MOST_ROWS", {"xlsx": 3})
    export(database, batch, style=Style("xlsx"))
    monkeypatch.setattr(own, "MOST_ROWS", {"xlsx": 2})
    with pytest.raises(SettingError) as caught:
        export(database, batch, style=Style("xlsx"))
    assert caught.value.code == "export_too_many_rows"
