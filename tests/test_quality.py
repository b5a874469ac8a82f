"""`make eval`: rows drawn evenly, specs that are specs, shapes checked; no data, no fuss."""

import io
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from benchmarks.quality import (
    CASES,
    DATA,
    HEAD,
    Case,
    Record,
    Sums,
    classify,
    draw,
    extract_shape,
    is_valid,
    read_rows,
    tell,
)
from jobs.spec import parse_spec

ROWS: Sequence[Record] = [{"label": "b", "text": "x"}, {"label": 'a "quoted"'}, {"label": "oos"}]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}-{case.language}")
def test_every_case_makes_a_spec(case: Case) -> None:
    """Of the task its file is for."""
    text = f'name = "x"\n[input]\ntext = "text"\n[task]\n{case.task(ROWS)}\n'
    assert parse_spec(text, "x.toml").task.kind[0] == case.file[0]


def test_both_languages_have_every_task() -> None:
    """English and Japanese sources."""
    found = {(case.file[:3], case.language[:2]) for case in CASES}
    assert found == {
        (task, language) for task in ("cls", "ext", "tra", "sum") for language in ("en", "ja")
    }


def test_labels_are_those_of_the_file() -> None:
    """Each once; the one that means none of them becomes `other`."""
    told = classify(ROWS, other="oos")
    assert 'labels = ["a \\"quoted\\"", "b"]' in told
    assert "other = true" in told


@pytest.mark.parametrize(("rows", "count"), [(100, 7), (5, 10), (3, 3)])
def test_rows_are_drawn_evenly(rows: int, count: int) -> None:
    """The first one, no row twice, as many as there are."""
    drawn = [row["n"] for row in draw([{"n": number} for number in range(rows)], count)]
    assert len(drawn) == min(rows, count) == len(set(drawn))
    assert drawn[0] == 0
    assert drawn == sorted(drawn)


@pytest.mark.parametrize(
    ("record", "valid"),
    [
        ({"a": "x", "b": ["y"]}, True),
        ({"a": None, "b": []}, True),
        ({"a": "x"}, False),
        ({"a": ["x"], "b": []}, False),
        ({"a": "x", "b": [1]}, False),
        ({"a": "x", "b": [], "c": 1}, False),
        ([], False),
    ],
)
def test_records_are_compared_with_their_shape(record: Any, valid: bool) -> None:
    """Exactly the fields, each with its type."""
    shape = extract_shape(
        '[task.fields."a"]\ntype = "string"\n[task.fields."b"]\ntype = "list"\nitems = "string"'
    )
    assert shape == {"a": False, "b": True}
    assert is_valid(record, shape) is valid


@pytest.mark.parametrize(
    ("sums", "status"), [(Sums(0, 2, 2), 0), (Sums(1, 2, 2), 1), (Sums(0, 2, 1), 1)]
)
def test_what_must_hold_decides_the_exit_status(sums: Sums, status: int) -> None:
    """A lost row or an invalid record is a failure; both are printed."""
    said = io.StringIO()
    with redirect_stdout(said):
        assert tell("small", [["-"] * len(HEAD)], [sums]) == status
    assert f"rows lost: {sums.lost}" in said.getvalue()
    assert f"({sums.valid} of {sums.records})" in said.getvalue()
    assert said.getvalue().count("| --- ") == len(HEAD)


def test_without_data_nothing_is_measured(tmp_path: Path) -> None:
    """It says so and ends well."""
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.quality", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0
    assert "nothing was measured" in told.stdout


def test_the_data_has_what_the_cases_take() -> None:
    """Files, gold columns and rows."""
    if not DATA.is_dir():
        pytest.skip("no ../shared/data")
    for case in CASES:
        rows = read_rows(DATA / case.file)
        taken = [row for row in rows if all(row.get(k) == v for k, v in case.take.items())]
        assert len(taken) > 30
        assert all(row.get(case.gold) not in (None, "") for row in taken)
