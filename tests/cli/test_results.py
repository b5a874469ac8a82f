"""`results` and `rejects`: formats, encodings, the input beside, and what is refused."""

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from jobs.store import open_database
from tests.cli.conftest import Call
from tests.store.making import drive


@pytest.fixture
def batch_id(call: Call, folder: Path) -> str:
    """A batch of two answered rows and one reject."""
    (folder / "rows.csv").write_text("id,text,note\nr1,where is it,𠮷\nr2,=money back,〜\nr3,,-5\n")
    told = call("submit", "rows.csv", "--spec", "spec.toml", "--json")
    database = open_database("sqlite:///sekisho.db")
    drive(database)
    database.close()
    return str(told.data["batch_id"])


def test_formats_by_suffix(call: Call, batch_id: str, folder: Path) -> None:
    """The file's suffix names the format; TSV is CSV with TAB."""
    for name in ("o.csv", "o.tsv", "o.jsonl", "o.parquet", "o.xlsx"):
        called = call("results", batch_id, "--out", name)
        assert (called.status, called.out, called.err) == (0, "", "")
    assert (folder / "o.csv").read_bytes().startswith(b"\xef\xbb\xbfrow_number,")
    assert (folder / "o.tsv").read_bytes().startswith(b"\xef\xbb\xbfrow_number\tsource_id")
    assert call("results", batch_id, "--format", "tsv").out.startswith("row_number\tsource_id")
    assert pq.read_table("o.parquet").column("label").to_pylist() == ["refund"] * 2
    assert load_workbook("o.xlsx").worksheets[0]["B3"].value == "r2"
    call("results", batch_id, "--json", "--out", "j.xlsx")  # a suffix is never belied by --json
    assert load_workbook("j.xlsx").worksheets[0]["B3"].value == "r2"
    assert {one.name[0] for one in folder.iterdir() if one.name.startswith(".")} <= {"."}


def test_every_record_beside_its_input(call: Call, batch_id: str, folder: Path) -> None:
    """All columns of the file and its rejects; a file that was moved is named."""
    called = call("results", batch_id, "--with-input", "--columns", "status,label")
    lines = list(csv.reader(io.StringIO(called.out)))
    assert lines == [
        ["id", "text", "note", "status", "label"],
        ["r1", "where is it", "𠮷", "done", "refund"],
        ["r2", "'=money back", "〜", "done", "refund"],
        ["r3", "", "-5", "rejected", ""],
    ]
    (folder / "rows.csv").rename(folder / "moved.csv")
    assert call("results", batch_id, "--with-input", "--json").code == "original_missing"
    assert call("results", batch_id, "--input", "spec.toml", "--json").code == "original_differs"
    moved = call("results", batch_id, "--input", "moved.csv", "--json")
    assert [json.loads(line)["note"] for line in moved.out.splitlines()] == ["𠮷", "〜", "-5"]
    kept = call("results", batch_id, "--input", "moved.csv", "--out", "moved.csv", "--json")
    assert kept.code == "out_is_needed"


def test_cp932_and_its_fallback(call: Call, batch_id: str, folder: Path) -> None:
    """CP932 where it can be; else UTF-8 with a mark, and that is said."""
    called = call("results", batch_id, "--out", "o.csv", "--encoding", "shift_jis")
    assert (called.status, called.err) == (0, "")
    assert (folder / "o.csv").read_bytes().decode("cp932").startswith("row_number,")
    arguments = ("results", batch_id, "--with-input", "--encoding", "cp932", "--out", "o.csv")
    called = call(*arguments)
    assert called.status == 0
    assert "1 records" in called.err
    assert "record 1 " in called.err
    assert "〜" in (folder / "o.csv").read_bytes().decode("utf-8-sig")


@pytest.mark.parametrize("kind", ["parquet", "xlsx"])
def test_a_terminal_gets_no_binary(
    call: Call, batch_id: str, kind: str, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """It is refused by name, unless the output is redirected."""
    assert folder
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout.isatty", lambda: True)
        called = call("results", batch_id, "--format", kind)
        assert (called.status, called.out) == (2, "")
        assert kind in called.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--format", "jsonl", "--encoding", "cp932"), "export_only_csv"),
        (("--format", "xlsx", "--delimiter", ";"), "export_only_csv"),
        (("--encoding", "utf-16"), "export_encoding_unknown"),
        (("--delimiter", "ab"), "export_delimiter_wrong"),
        (("--delimiter", "、"), "export_delimiter_wrong"),
        (("--columns", "nothing"), "export_columns_unknown"),
        (("--columns", ","), "export_columns_unknown"),
        (("--format", "yaml"), "format_unknown"),
    ],
)
def test_what_is_refused(call: Call, batch_id: str, arguments: tuple[str, ...], code: str) -> None:
    """What is unknown or does not go together is named, and no file is made."""
    format_ = ("--format", "csv") if "--format" not in arguments else ()
    called = call("results", batch_id, *arguments, *format_, "--out", "o", "--json")
    assert (called.status, called.code) == (2, code)
    assert not Path("o").exists()


def test_a_library_that_is_not_installed(
    call: Call, batch_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra to install is named."""
    monkeypatch.setitem(__import__("sys").modules, "jobs.export.parquet", None)
    called = call("results", batch_id, "--format", "parquet", "--out", "o", "--json")
    assert called.code == "format_needs_extra"
    assert "sekisho[parquet]" in called.err


def test_delimiters(call: Call, batch_id: str) -> None:
    """One character, or tab by its name."""
    for named, delimiter in (("tab", "\t"), (";", ";")):
        called = call("results", batch_id, "--delimiter", named, "--columns", "row_number,status")
        assert called.out.splitlines()[0] == f"row_number{delimiter}status"


def test_an_unfinished_batch_says_so(call: Call, folder: Path) -> None:
    """The lines as they stand now, and a word on stderr."""
    call("submit", "rows.csv", "--spec", "spec.toml")
    assert folder
    called = call("results", "latest")
    assert called.status == 0
    assert called.out.count("waiting") == 2
    assert "not finished" in called.err
