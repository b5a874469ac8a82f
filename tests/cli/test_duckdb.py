"""The DuckDB page: what it says is tried here, the extension only where it is installed."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import duckdb
import pytest

from jobs.store import Database
from jobs.views import view_sql
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
    export, attach, _ = blocks("sql")
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
    _, attach, asked = blocks("sql")
    with duckdb.connect() as connection:
        try:
            connection.execute("LOAD sqlite")
        except duckdb.Error as error:
            pytest.skip(f"DuckDB's sqlite extension is not installed: {type(error).__name__}")
        found = connection.execute(attach.replace("INSTALL sqlite;", "")).fetchall()
        months = connection.execute(asked).fetchall()
    assert found[0] == ("tickets", "done", 5)
    assert len(months) == 2


AS_DUCKDB: Final = {"DATETIME": "TIMESTAMP", "DATE": "DATE", "FLOAT": "DOUBLE", "JSON": "VARCHAR"}


def copy_table(source: sqlite3.Connection, target: duckdb.DuckDBPyConnection, name: str) -> None:
    """Make a table of DuckDB as its extension would show it."""
    columns = source.execute(f"PRAGMA table_info({name})").fetchall()
    kinds = {one[1]: one[2].split("(")[0] for one in columns}
    types = {
        column: "BIGINT" if "INT" in kind or kind == "BOOLEAN" else AS_DUCKDB.get(kind, "VARCHAR")
        for column, kind in kinds.items()
    }
    declared = ", ".join(f'"{column}" {kind}' for column, kind in types.items())
    target.execute(f"CREATE TABLE {name} ({declared})")
    marks = ", ".join("?" * len(types))
    for row in source.execute(f"SELECT * FROM {name}"):  # noqa: S608 - ours
        target.execute(f"INSERT INTO {name} VALUES ({marks})", row)  # noqa: S608 - ours


@pytest.mark.parametrize(
    "view", ["fct_results", "fct_results_latest", "fct_attempts", "fct_rejects", "fct_costs_daily"]
)
def test_duckdb_understands_the_views_itself(place: Path, view: str) -> None:
    """As the extension does it: DuckDB works out the text of a view of SQLite."""
    with (
        closing(sqlite3.connect(place / "sekisho.db")) as source,
        duckdb.connect() as connection,
    ):
        for table in ("batches", "jobs", "attempts", "results", "rejects"):
            copy_table(source, connection, table)
        connection.execute(view_sql(view, "sqlite"))
        counted = f"SELECT COUNT(*) FROM {view}"  # noqa: S608 - ours
        assert connection.execute(counted).fetchone() == source.execute(counted).fetchone()
        if view in ("fct_results", "fct_attempts", "fct_costs_daily"):
            summed = f"SELECT ROUND(SUM(cost_usd) * 1000000000) FROM {view}"  # noqa: S608 - ours
            assert connection.execute(summed).fetchone() == source.execute(summed).fetchone()


def test_python_reads_the_file_itself(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The program runs as it stands, beside an open database."""
    assert place
    (program,) = blocks("python")
    exec(compile(program, "duckdb.md", "exec"), {})  # noqa: S102 - the page's own program
    shown = capsys.readouterr().out
    assert "refund" in shown
