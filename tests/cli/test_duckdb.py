"""The DuckDB page: what it says is tried here, the extension only where it is installed."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import duckdb
import pytest

from jobs.store import Database
from tests.cli.conftest import Call
from tests.store.filled import fill

FOLDER: Final = Path(__file__).parent.parent.parent / "examples" / "analysts"
PAGES: Final = [
    (FOLDER / name).read_text(encoding="utf-8") for name in ("duckdb.md", "duckdb.ja.md")
]
BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""Exported lines, the attached file, and Python."""


def blocks(language: str, page: int = 0) -> list[str]:
    """The page's blocks of a language, SQL without comments."""
    found = [text for kind, text in BLOCK.findall(PAGES[page]) if kind == language]
    return [re.sub(r" -- .*$", "", text, flags=re.MULTILINE) for text in found]


@pytest.fixture
def place(sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a filled `sekisho.db`."""
    fill(sqlite)
    monkeypatch.chdir(tmp_path)
    assert (tmp_path / "sekisho.db").exists()
    return tmp_path


def test_both_pages_show_the_same() -> None:
    """English and Japanese differ in words and comments only."""
    for language in ("sh", "sql", "python"):
        assert blocks(language, 0) == blocks(language, 1)


def test_exported_lines_are_read_without_an_extension(place: Path, call: Call) -> None:
    """`sekisho results --format jsonl` is a table of DuckDB."""
    (export, attach) = blocks("sql")
    assert "ATTACH" in attach
    (command,) = blocks("sh")
    _, *words = command.split(" > ")[0].split()
    with closing(sqlite3.connect(place / "sekisho.db")) as connection:
        query = "SELECT batch_id FROM dim_batches WHERE file_name = 'rows.csv' AND review = 1"
        (batch_id,) = connection.execute(query).fetchone()
    words[words.index("latest")] = batch_id
    (place / "answers.jsonl").write_text(call(*words).out, encoding="utf-8")
    with duckdb.connect() as connection:
        found = connection.execute(export).fetchall()
    assert [(label, answers) for label, answers, _ in found] == [("delivery", 1), ("refund", 1)]


def test_the_file_is_attached_where_the_extension_is_there(place: Path) -> None:
    """The statements run as they stand, but for the download."""
    _, attach = blocks("sql")
    with duckdb.connect() as connection:
        try:
            connection.execute("LOAD sqlite")
        except duckdb.Error as error:
            pytest.skip(f"DuckDB's sqlite extension is not installed: {type(error).__name__}")
        found = connection.execute(attach.replace("INSTALL sqlite;", "")).fetchall()
    assert found[0] == ("tickets", "done", 5)


def test_python_reads_the_file_itself(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The program runs as it stands, beside an open database."""
    assert place
    (program,) = blocks("python")
    exec(compile(program, "duckdb.md", "exec"), {})  # noqa: S102 - the page's own program
    shown = capsys.readouterr().out
    assert "refund" in shown
