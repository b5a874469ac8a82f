"""The dirty input files of ../shared/data/messy, handed in: what stands in SQL afterwards."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select

from jobs.errors import SourceError
from jobs.job import BatchStatus, JobStatus
from jobs.spec import Spec, parse_spec
from jobs.store import Database, batches, checks, results
from jobs.store.batches import Batch
from jobs.submit import hand_in, submit
from jobs.tables import jobs, rejects
from jobs.texts import hash_text
from tests.source.messy import MESSY, REFUSED, all_expected, needs_messy, summary

pytestmark = needs_messy


def make_spec(read: Mapping[str, Any]) -> Spec:
    """A spec that reads a file as it is said to be read."""
    said = {
        "id": read.get("id_column", read.get("id_path", "id")),
        "text": read.get("text_column", read.get("text_path", "text")),
        "header": read.get("header"),
        "columns": read.get("columns"),
        "records": read.get("rows_path"),
    }
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in said.items()
        if value is not None
    ]
    task = 'name = "messy"\n[task]\nkind = "classify"\nlabels = ["a", "b"]\n'
    return parse_spec("\n".join([task, "[input]", *lines, '[route]\ntiers = ["stub"]\n']), "m.toml")


def load(database: Database, name: str, wanted: Mapping[str, Any]) -> Batch:
    """Hand a file in; nobody else is loading it."""

    def wait(_: float) -> None:
        raise AssertionError

    handed = hand_in(MESSY / name, make_spec(wanted["read"]))
    return submit(database, handed, language="en", wait=wait)


def test_messy_files_in_sql(database: Database) -> None:
    """Every record is the job or the reject it must be; a broken file is never complete."""
    expected = all_expected()
    expected.pop(REFUSED)
    for name, wanted in expected.items():
        batch = load(database, name, wanted)
        check(database, name, batch, wanted)
        assert load(database, name, wanted).batch_id == batch.batch_id
    assert len(batches.list_recent(database, 100)) == len(expected)
    assert checks.find_violations(database) == []


def check(database: Database, name: str, batch: Batch, wanted: Mapping[str, Any]) -> None:
    """Compare what stands in SQL with what is expected of the file."""
    broken = wanted["file_error"] is not None
    with database.read() as connection:
        rows = connection.execute(
            select(jobs).where(jobs.c.batch_id == batch.batch_id).order_by(jobs.c.row_number)
        ).all()
        bad = connection.execute(
            select(rejects)
            .where(rejects.c.batch_id == batch.batch_id)
            .order_by(rejects.c.row_number)
        ).all()
    assert [summary(row.source_id, row.text) for row in rows] == wanted["good"], name
    assert [(one.row_number, one.source_id or "", one.reason_code) for one in bad] == [
        (one["record"], one["id"] or "", one["reason"]) for one in wanted["rejected"]
    ], name
    assert all(f"{name}, record {one.row_number}" in one.reason for one in bad), name
    assert [row.text_hash for row in rows] == [hash_text(row.text) for row in rows], name
    numbers = [row.row_number for row in (*rows, *bad)]
    assert len(set(numbers)) == len(numbers), name
    if wanted["read"].get("format") != "jsonl":  # there they are lines, and blank ones have one
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), name
    counted = results.tally(database, batch.batch_id)
    assert (counted.rows, counted.rejected) == (
        wanted["n_good"] + wanted["n_rejected"],
        wanted["n_rejected"],
    ), name
    assert batch.records_read == counted.rows, name
    assert batch.file_error == wanted["file_error"], name
    assert {row.status for row in rows} <= {JobStatus.CANCELLED if broken else JobStatus.WAITING}, (
        name
    )
    ended = BatchStatus.OPEN if rows else BatchStatus.CLOSED
    assert batch.status is (BatchStatus.FAILED if broken else ended), name


def test_an_empty_file_leaves_nothing(database: Database) -> None:
    """A file of 0 bytes is refused before anything is written."""
    with pytest.raises(SourceError) as caught:
        load(database, REFUSED, {"read": {}})
    assert caught.value.code == all_expected()[REFUSED]["file_error"]
    assert batches.list_recent(database) == []
