"""What `run`, `submit`, `plan` and `init` take: every format, patterns, standard input."""

import gzip
import io
import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Call, count_batches

ROWS = [{"id": "r1", "text": "where is it"}, {"id": "r2", "text": "money back"}]


def give_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Let standard input hold these bytes."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def write_formats(folder: Path) -> dict[str, Path]:
    """The same two rows in every format there is."""
    workbook = openpyxl.Workbook()
    for row in (["id", "text"], *[list(row.values()) for row in ROWS]):
        workbook.worksheets[0].append(row)
    workbook.save(folder / "x.xlsx")
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "p.parquet")
    (folder / "j.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    (folder / "j.json").write_text(json.dumps(ROWS))
    return {
        suffix: folder / f"{suffix[0]}.{suffix}" for suffix in ("xlsx", "parquet", "jsonl", "json")
    }


def test_every_format_is_handed_in(call: Call, folder: Path) -> None:
    """Workbooks, Parquet, JSON and JSONL become batches of their rows."""
    for path in write_formats(folder).values():
        told = call("submit", path.name, "--spec", "spec.toml", "--json").data
        assert (told["rows"], told["rejected"], told["file_error"]) == (2, 0, None)
        looked = call("plan", path.name, "--spec", "spec.toml", "--json").data
        assert (looked["rows"], looked["rejected"]) == (2, 0)
    with closing(sqlite3.connect(folder / "sekisho.db")) as connection:
        found = connection.execute(
            "SELECT source_id, count(*) FROM fct_results GROUP BY 1"
        ).fetchall()
    assert sorted(found) == [("r1", 4), ("r2", 4)]


def test_a_spec_is_drafted_for_every_format(call: Call, folder: Path) -> None:
    """`init` finds id and text, and the spec it writes reads the file."""
    for suffix, path in write_formats(folder).items():
        told = call(
            "init", path.name, "--task", "summarize", "--out", f"{suffix}.toml", "--json"
        ).data
        assert (told["id"], told["text"]) == ("id", "text")
        handed = call("submit", path.name, "--spec", f"{suffix}.toml", "--json").data
        assert (handed["rows"], handed["rejected"]) == (2, 0)


def test_a_spec_is_drafted_for_nested_json(call: Call, folder: Path) -> None:
    """`init` finds where the list of records stands, and the paths inside them."""
    items = [{"ticket": {"no": row["id"]}, "body": {"text": row["text"]}} for row in ROWS]
    (folder / "n.json").write_text(json.dumps({"meta": {"tags": [1]}, "data": {"items": items}}))
    told = call("init", "n.json", "--task", "summarize", "--json").data
    assert (told["id"], told["text"]) == ("ticket.no", "body.text")
    assert (
        call("spec", "check", "n.toml", "--json").data["spec"]["input"]["records"] == "data.items"
    )
    assert call("submit", "n.json", "--spec", "n.toml", "--json").data["rows"] == 2


def test_patterns(call: Call, folder: Path) -> None:
    """A pattern the shell left alone is its files; one that matches nothing is refused."""
    for name in ("a1.csv", "a2.csv"):
        (folder / name).write_text(f"id,text\n{name},x\n")
    told = call("submit", "a?.csv", "--spec", "spec.toml", "--json").data
    assert [batch["rows"] for batch in told["batches"]] == [1, 1]
    none = call("submit", "b*.csv", "--spec", "spec.toml", "--json")
    assert (none.status, none.code) == (2, "glob_no_match")
    several = call("plan", "a?.csv", "--spec", "spec.toml", "--json")
    assert (several.status, several.code) == (2, "one_file_wanted")


def test_standard_input(call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is piped in is one batch, the same one when it is piped in again."""
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
    batches = set()
    for _ in range(2):
        give_input(monkeypatch, lines)
        told = call("submit", "-", "--spec", "spec.toml", "--json").data
        assert (told["rows"], told["rejected"]) == (2, 0)
        batches.add(told["batch_id"])
    assert len(batches) == count_batches(folder) == 1
    give_input(monkeypatch, lines)
    assert call("plan", "-", "--spec", "spec.toml", "--json").data["rows"] == 2
    give_input(monkeypatch, b"")
    empty = call("submit", "-", "--spec", "spec.toml", "--json")
    assert (empty.status, empty.code) == (2, "empty_file")
    monkeypatch.setattr(sys, "stdin", None)  # as Python has it when it was closed
    closed = call("submit", "-", "--spec", "spec.toml", "--json")
    assert (closed.status, closed.code) == (2, "empty_file")


def test_a_name_that_is_no_text(call: Call, folder: Path) -> None:
    """A pattern may lead to a name no database can hold: it is refused, nothing is made."""
    Path(os.fsdecode(os.fsencode(folder) + b"/a\xff.csv")).write_text("id,text\nr1,x\n")
    refused = call("submit", "a*.csv", "--spec", "spec.toml", "--json")
    assert (refused.status, refused.code) == (2, "argument_undecodable")
    assert count_batches(folder) == 0


def test_a_missing_extra_is_named(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its package a format is refused, with what to install."""
    write_formats(folder)
    for path, module, extra in (
        ("x.xlsx", "openpyxl", "excel"),
        ("p.parquet", "pyarrow", "parquet"),
    ):
        with monkeypatch.context() as patch:
            for name in [name for name in sys.modules if name.startswith("jobs.source.")]:
                if name.rpartition(".")[2] in ("xlsx", "sheet", "parquet"):
                    patch.delitem(sys.modules, name)
            for name in [name for name in sys.modules if f"{name}.".startswith(f"{module}.")]:
                patch.setitem(sys.modules, name, None)
            called = call("submit", path, "--spec", "spec.toml")
            assert called.status == 2
            assert f"sekisho[{extra}]" in called.err


def test_a_cut_file_never_ends_as_complete(call: Call, folder: Path) -> None:
    """Its batch fails with the reason, its whole rows cancelled; --partial takes them."""
    lines = "".join(
        json.dumps({"id": str(n), "text": f"row {n * 7919}"}) + "\n" for n in range(9_999)
    )
    (folder / "cut.jsonl.gz").write_bytes(gzip.compress(lines.encode())[:-9_000])
    called = call("submit", "cut.jsonl.gz", "--spec", "spec.toml", "--json")
    assert (called.status, called.data["status"]) == (2, "failed")
    assert called.data["file_error"] == "gzip_truncated"
    assert "cut.jsonl.gz" in called.err  # the reason, in words
    told = call("submit", "cut.jsonl.gz", "--spec", "spec.toml", "--partial", "--json").data
    assert (told["status"], told["file_error"]) == ("open", "gzip_truncated")
    assert 0 < told["rows"] < 9_999
