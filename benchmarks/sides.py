"""The sides of `benchmarks.files`: our commands and their peers, each on a fresh database."""

import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.apart import SEKISHO, Ended, run_apart
from benchmarks.table import Run, Side
from jobs.store import open_database, schema
from tests.servers import Postgres

SPEC: Final = """
name = "measured"
[task]
kind = "classify"
labels = ["refund", "delivery", "praise"]
[input]
id = "id"
text = "text"
keep = ["store"]
[route]
tiers = ["smollm2-135m"]
"""
COPY: Final = """
import sys, psycopg
address, path = sys.argv[1:]
with psycopg.connect(address) as connection, open(path, "rb") as file:
    connection.execute("CREATE TABLE plain (id text, text text, store text, received_on text)")
    with connection.cursor().copy("COPY plain FROM STDIN (FORMAT csv, HEADER)") as copy:
        while part := file.read(1 << 18):
            copy.write(part)
"""
READ: Final = """
import csv, sqlite3, sys
path, query = sys.argv[1:]
found = sqlite3.connect(path).execute(query)
writer = csv.writer(sys.stdout)
writer.writerow([name for name, *_ in found.description])
writer.writerows(found)
"""
ATTEMPTS: Final = """
INSERT INTO attempts (job_id, batch_id, chunk_id, token, kind, tier, model_name, model_hash, output,
  label, signals, confidence, confidence_source, verdict, reason_code, reason, prompt_tokens,
  shared_tokens, output_tokens, device_ms, cost_nano_usd, created_at)
SELECT job_id, batch_id, chunk_id, 1, 'local', 0, 'smollm2-135m', 'f', '{"label":"refund"}',
  'refund', '{"margin":0.5}', 0.75, 'label_probability', 'keep', 'keep_all',
  'the gate keeps every answer', 20, 100, 1, 2.5, 40, created_at
FROM jobs
"""
RESULTS: Final = """
INSERT INTO results (job_id, batch_id, attempt_id, output, label, created_at, updated_at)
SELECT job_id, batch_id, attempt_id, output, label, created_at, created_at FROM attempts
"""
DONE: Final = """
UPDATE jobs SET status = 'done', cost_nano_usd = 40, finished_at = created_at,
  attempt_id = (SELECT attempt_id FROM attempts a WHERE a.job_id = jobs.job_id)
"""
LOADED: Final = """
SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM chunks), (SELECT count(*) FROM outbox)
"""


class SqliteSides:
    """One file, loaded into files of SQLite."""

    def __init__(self, path: Path, rows: int, folder: Path) -> None:
        self._path, self._rows, self._folder = path, rows, folder
        self._spec = write_spec(folder)
        self._number = count()

    def load_sqlite(self, _: int) -> Run:
        """Run `sekisho submit` on a new SQLite file."""
        database = self._fresh()
        ended = submit(self._path, self._spec, f"sqlite:///{database / 'sekisho.db'}")
        with closing(sqlite3.connect(database / "sekisho.db")) as connection:
            check_loaded(connection.execute(LOADED).fetchone(), self._rows)
        return self._end(database, ended)

    def load_by_sqlite_utils(self, _: int) -> Run:
        """Run `sqlite-utils insert --csv` on a new SQLite file."""
        database = self._fresh()
        command = (sys.executable, "-m", "sqlite_utils", "insert", database / "peer.db", "rows")
        return self._end(database, run_apart([*command, self._path, "--csv"]))

    def _fresh(self) -> Path:
        folder = self._folder / f"load-{next(self._number)}"
        folder.mkdir()
        return folder

    def _end(self, folder: Path, ended: Ended) -> Run:
        shutil.rmtree(folder)
        return as_run(self._rows, ended)


class PostgresSides:
    """The same file, loaded into databases of one server."""

    def __init__(self, path: Path, rows: int, folder: Path, postgres: Postgres) -> None:
        self._path, self._rows, self._postgres = path, rows, postgres
        self._spec = write_spec(folder)

    def load(self, _: int) -> Run:
        """Run `sekisho submit` on a new PostgreSQL database that has its tables."""
        with self._postgres.fresh_database() as name:
            url = self._postgres.url(name)
            with closing(open_database(url)) as database:
                schema.upgrade(database)
            ended = submit(self._path, self._spec, url)
            with psycopg.connect(_address(url)) as connection:
                check_loaded(connection.execute(LOADED).fetchone(), self._rows)
        return as_run(self._rows, ended)

    def load_by_copy(self, _: int) -> Run:
        """Send the file's bytes to COPY into a table without index or check."""
        with self._postgres.fresh_database() as name:
            address = _address(self._postgres.url(name))
            return as_run(self._rows, run_apart([sys.executable, "-c", COPY, address, self._path]))


def check_loaded(counted: tuple[int, int, int] | None, rows: int) -> None:
    """Raise ValueError unless every row is a job and every chunk is owed its message."""
    if counted is None or counted[0] != rows or not 0 < counted[1] == counted[2]:
        raise ValueError(counted)


@dataclass(frozen=True, slots=True)
class Shell:
    """What stands in for `sqlite3 -csv`: a name that says what it is, and its command."""

    name: str
    command: tuple[str, ...]


def find_shell() -> Shell:
    """Return the sqlite3 program, else a small Python program that does the same."""
    found = shutil.which("sqlite3")
    if found is not None:
        return Shell("sqlite3 -csv", (found, "-csv", "-header"))
    return Shell("Python's sqlite3 and csv.writer (no sqlite3 program here)",
                 (sys.executable, "-c", READ))  # fmt: skip


class ExportSides:
    """One batch with all its results, written by everybody."""

    def __init__(self, path: Path, rows: int, folder: Path) -> None:
        self._rows, self._folder = rows, folder
        self._database = folder / "sekisho.db"
        submit(path, write_spec(folder), f"sqlite:///{self._database}")
        with closing(sqlite3.connect(self._database)) as connection, connection:
            for statement in (ATTEMPTS, RESULTS, DONE):
                connection.execute(statement)

    def export(self, _: int) -> Run:
        """Run `sekisho results --format csv --out`."""
        out = self._folder / "own.csv"
        address = f"sqlite:///{self._database}"
        wanted = ("results", "latest", "--format", "csv", "--out", out, "--db", address)
        return as_run(self._rows, run_apart([*SEKISHO, *wanted]))

    def export_by(self, shell: Shell) -> Side:
        """Let the peer write every column of the view, in the same order."""
        query = "SELECT * FROM fct_results ORDER BY row_number"
        command = [*shell.command, str(self._database), query]

        def run(_: int) -> Run:
            return as_run(self._rows, run_apart(command, out=self._folder / "peer.csv"))

        return run


def submit(path: Path, spec: Path, address: str) -> Ended:
    """Run `sekisho submit`."""
    return run_apart([*SEKISHO, "submit", path, "--spec", spec, "--db", address])


def write_spec(folder: Path) -> Path:
    """Write the spec of the measured batch."""
    path = folder / "measured.toml"
    path.write_text(SPEC)
    return path


def as_run(rows: int, ended: Ended) -> Run:
    """Return what is told about a process that worked on so many rows."""
    return Run(rows, ended.seconds, facts={"resident_bytes": ended.resident_bytes})


def _address(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)
