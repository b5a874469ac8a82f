"""The examples hold what their README promises: real variety, and specs that fit the data."""

import csv
import json
import os
import sqlite3
import subprocess
import sys
import tomllib
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
COLUMNS = ["ticket_id", "received_at", "store", "language", "message", "expected"]


@pytest.fixture(scope="module")
def tickets() -> list[dict[str, str]]:
    with (EXAMPLES / "tickets.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def read_spec(name: str) -> dict[str, Any]:
    return tomllib.loads((EXAMPLES / name).read_text(encoding="utf-8"))


def test_file_is_plain_utf_8_with_the_named_columns(tickets: list[dict[str, str]]) -> None:
    """The CSV is UTF-8 without a byte order mark, ends lines with LF and fills every column."""
    raw = (EXAMPLES / "tickets.csv").read_bytes()
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    assert all(list(row) == COLUMNS and all(row.values()) for row in tickets)


def test_half_of_many_tickets_are_japanese(tickets: list[dict[str, str]]) -> None:
    """There are at least 200 tickets and exactly half of them are Japanese."""
    languages = Counter(row["language"] for row in tickets)
    assert len(tickets) >= 200
    assert languages["ja"] == languages["en"] == len(tickets) / 2


def test_ids_are_unique_and_keep_leading_zeros(tickets: list[dict[str, str]]) -> None:
    """Every ticket_id is a string of its own that a number would shorten."""
    ids = [row["ticket_id"] for row in tickets]
    assert len(set(ids)) == len(ids)
    assert all(len(one) == 6 and one.isdigit() and one.startswith("0") for one in ids)
    assert int(ids[-1]) - int(ids[0]) >= len(ids)  # not contiguous


def test_expected_labels_are_the_labels_of_the_spec(tickets: list[dict[str, str]]) -> None:
    """Every expected label is one of the spec's, and every label has 15 tickets per language."""
    labels = [label["name"] for label in read_spec("tickets.toml")["task"]["labels"]]
    counts = Counter((row["expected"], row["language"]) for row in tickets)
    assert len(labels) == len(set(labels)) == 8
    assert counts == {(label, language): 15 for label in labels for language in ("en", "ja")}


@pytest.mark.parametrize("mark", ['"', "\n", ","])
def test_cells_need_a_real_csv_reader(tickets: list[dict[str, str]], mark: str) -> None:
    """At least 30 messages each hold a quote, a line break or a comma."""
    assert sum(mark in row["message"] for row in tickets) >= 30


def test_texts_are_unique_and_not_the_prompts_examples(tickets: list[dict[str, str]]) -> None:
    """No message stands twice, and none is an example that the model is shown."""
    texts = {row["message"] for row in tickets}
    labels = read_spec("tickets.toml")["task"]["labels"]
    shown = {example for label in labels for example in label["examples"]}
    assert len(texts) == len(tickets)
    assert len(shown) == 16
    assert not texts & shown


def test_specs_differ_only_in_name_and_gate() -> None:
    """The threshold spec is the plain one with another name and another gate."""
    plain, threshold = read_spec("tickets.toml"), read_spec("tickets_threshold.toml")
    assert (plain.pop("name"), threshold.pop("name")) == ("tickets", "tickets-threshold")
    assert plain.pop("gate") == {"mode": "keep_all"}
    assert threshold.pop("gate") == {"mode": "threshold", "threshold": 0.6}
    assert plain == threshold


def test_spec_reads_columns_that_the_file_has() -> None:
    """The id, the text and the kept columns of the spec are columns of the CSV."""
    source = read_spec("tickets.toml")["input"]
    assert {source["id"], source["text"], *source["keep"]} <= set(COLUMNS)


def run_accuracy(database: Path, language: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLES / "accuracy.py", "--db", database],
        env={**os.environ, "SEKISHO_LANG": language, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def write_results(path: Path, rows: list[tuple[str, str, str, str | None, float | None]]) -> None:
    """Write (spec_name, batch_id, language, label, confidence) rows; "refund" is always right."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "CREATE TABLE fct_results (spec_name TEXT, batch_id TEXT, row_number INTEGER,"
            " label TEXT, confidence REAL, attributes TEXT, created_at TEXT)"
        )
        for number, (spec, batch, language, label, confidence) in enumerate(rows, 1):
            kept = {"language": language, "store": "tokyo", "expected": "refund"}
            values = (spec, batch, number, label, confidence, json.dumps(kept), f"2026-02-{batch}")
            database.execute("INSERT INTO fct_results VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def test_accuracy_counts_the_latest_batch_only(tmp_path: Path) -> None:
    """The table shows the newest batch of the spec; unanswered rows count as rows only."""
    database = tmp_path / "sekisho.db"
    write_results(
        database,
        [
            ("tickets", "10", "en", "praise", 0.1),
            ("tickets", "11", "en", "refund", 0.9),
            ("tickets", "11", "en", "praise", 0.5),
            ("tickets", "11", "en", None, 0.2),
            ("tickets", "11", "ja", "refund", None),
            ("tickets-threshold", "12", "ja", "praise", 0.9),
        ],
    )
    done = run_accuracy(database)
    assert (done.returncode, done.stderr) == (0, "")
    head, _, english, japanese, total, note = done.stdout.splitlines()
    assert "11" in head
    assert english.split() == ["en", "3", "2", "1", "50.0%", "0.700"]
    assert japanese.split() == ["ja", "1", "1", "1", "100.0%", "-"]
    assert total.split() == ["total", "4", "3", "2", "66.7%", "0.700"]
    assert "SmolLM2-135M" in note
    assert "正解率" in run_accuracy(database, "ja").stdout


@pytest.mark.parametrize("state", ["no file", "no database", "no view", "no batch"])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_accuracy_says_in_one_line_what_is_missing(
    tmp_path: Path, state: str, language: str
) -> None:
    """Without a database, a view or a batch it prints one line, no traceback, and ends with 2."""
    database = tmp_path / "sekisho.db"
    if state == "no database":
        database.write_text("not a database, only words\n" * 50, encoding="utf-8")
    elif state == "no view":
        sqlite3.connect(database).close()
        database.touch()
    elif state == "no batch":
        write_results(database, [("other", "10", "en", "refund", 0.9)])
    done = run_accuracy(database, language)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert str(database) in done.stderr
    assert database.exists() == (state != "no file")
