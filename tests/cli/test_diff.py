"""`diff` and `db views`: counts and lines of two batches; typed views from the command line."""

import csv
import io
import json
from pathlib import Path

import pytest

from jobs.job import Job, Outcome
from jobs.store import open_database
from tests.cli.conftest import Call
from tests.store.filled import EXTRACT, RECORD, answer_all, extracted, labelled


@pytest.fixture
def pair(call: Call, folder: Path) -> tuple[str, str]:
    """Two batches of the same rows; the second has another label for r2 and one row more."""
    ids = []
    for number, label in enumerate(("refund", "=delivery")):
        if number:
            with (folder / "rows.csv").open("a") as file:
                file.write("r3,new\n")
        told = call("submit", "rows.csv", "--spec", "spec.toml", "--json").data

        def answer(job: Job, label: str = label) -> Outcome:
            return labelled(job, label if job.source_id == "r2" else "refund")

        database = open_database("sqlite:///sekisho.db")
        answer_all(database, answer)
        database.close()
        ids.append(told["batch_id"])
    return ids[0], ids[1]


def test_a_batch_and_itself(call: Call, pair: tuple[str, str]) -> None:
    """Equal batches are exit 0."""
    told = call("diff", pair[0], pair[0], "--json")
    assert (told.status, told.data["same"], told.data["answer"]) == (0, 2, 0)
    assert told.data["label_changes"] == []


def test_counts(call: Call, pair: tuple[str, str]) -> None:
    """What differs is counted in words and as data; no answer is shown but labels."""
    told = call("diff", *pair, "--json")
    assert told.status == 1
    assert told.data == {
        "left": pair[0],
        "right": pair[1],
        "in_both": 2,
        "same": 1,
        "answer": 1,
        "status": 0,
        "only_left": 0,
        "only_right": 1,
        "other_text": 0,
        "label_changes": [{"from": "refund", "to": "=delivery", "rows": 1}],
    }
    plain = call("diff", pair[0][:8], "latest")
    assert plain.status == 1
    assert "refund  =delivery  1" in plain.out
    assert "where is it" not in plain.out


def test_lines(call: Call, pair: tuple[str, str]) -> None:
    """Asked for, every row that differs comes with its answers; formulas are escaped in CSV."""
    told = call("diff", *pair, "--format", "jsonl")
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert told.status == 1
    assert [(line["source_id"], line["difference"]) for line in lines] == [
        ("r2", "answer"),
        ("r3", "only_right"),
    ]
    assert lines[0]["right_output"] == {"label": "=delivery"}
    rows = list(csv.DictReader(io.StringIO(call("diff", *pair, "--format", "csv").out)))
    assert [row["right_label"] for row in rows] == ["'=delivery", "refund"]
    assert rows[1]["left_row_number"] == ""


def test_what_is_not_there(call: Call, pair: tuple[str, str]) -> None:
    """A batch or a format nobody knows is exit 2, by name."""
    assert call("diff", pair[0], "none", "--json").code == "batch_not_found"
    assert call("diff", *pair, "--format", "xlsx", "--json").code == "format_unknown"
    assert call("diff", pair[0]).status == 2


def test_views_of_extract_specs(call: Call, folder: Path) -> None:
    """They are made, made again, listed and dropped."""
    call("db", "upgrade")
    assert call("db", "views", "--json").data == {"views": []}
    assert "extract" in call("db", "views").out
    (folder / "invoices.toml").write_text(EXTRACT, encoding="utf-8")
    call("submit", "rows.csv", "--spec", "invoices.toml")
    database = open_database("sqlite:///sekisho.db")
    answer_all(database, lambda job: extracted(job, RECORD))
    database.close()
    (view,) = call("db", "views", "--json").data["views"]
    assert (view["view"], view["spec_name"]) == ("ext_invoices", "invoices")
    assert view["columns"]["total_currency"] == "field total (money, currency)"
    shown = call("db", "views")
    assert (shown.status, "ext_invoices" in shown.out, "支払先" in shown.out) == (0, True, True)
    assert call("db", "views", "--drop", "--json").data == {"dropped": ["ext_invoices"]}
    assert call("db", "views", "--drop").status == 0


def test_views_need_a_database(call: Call) -> None:
    """A database that is not there is named."""
    assert call("db", "views", "--json").code == "database_missing"
