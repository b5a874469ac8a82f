"""The benchmark of files: its input, its processes, its sides on a few rows. Nothing is timed."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.apart import run_apart
from benchmarks.files import parse
from benchmarks.invented import HEADER, Ids, write_rows
from benchmarks.sides import READ, ExportSides, Shell, SqliteSides, check_loaded, find_shell
from jobs.source import InputShape, Row, read_records


@pytest.mark.parametrize("ids", ["ascending", "scattered"])
def test_the_invented_file_has_every_kind_of_cell(tmp_path: Path, ids: Ids) -> None:
    """English and Japanese, quotes and commas, ids that are all different: every record is good."""
    path = tmp_path / "rows.csv"
    write_rows(path, 2_000, ids)
    rows = list(read_records(path, InputShape(id="id", text="text", keep=("store",))))
    assert all(isinstance(row, Row) for row in rows)
    names = [str(row.source_id) for row in rows]
    assert len(set(names)) == len(names) == 2_000
    assert (names == sorted(names)) is (ids == "ascending")
    text = path.read_text("utf-8")
    assert text.splitlines()[0] == ",".join(HEADER)
    assert '""' in text
    assert "円" in text or "机" in text
    with path.open(encoding="utf-8", newline="") as file:
        assert [line["id"] for line in csv.DictReader(file)] == names


def test_a_process_tells_its_time_and_memory(tmp_path: Path) -> None:
    """The output goes into the file; a process that fails is no measurement."""
    out = tmp_path / "out"
    ended = run_apart([sys.executable, "-c", "import os; print(os.environ['A'])"],
                      out=out, environment={"A": "b"})  # fmt: skip
    assert out.read_text() == "b\n"
    assert ended.seconds > 0
    with pytest.raises(subprocess.CalledProcessError):
        run_apart([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_load_that_lost_something_is_no_measurement() -> None:
    """Every row is a job, and every chunk is owed its message."""
    check_loaded((5, 1, 1), 5)
    for counted in (None, (4, 1, 1), (5, 1, 0), (5, 0, 0)):
        with pytest.raises(ValueError, match=r"None|\("):
            check_loaded(counted, 5)


def test_the_command_line() -> None:
    """The works and sizes have defaults."""
    given = parse(["--rows", "10", "--works", "load", "--ids", "scattered"])
    assert (given.rows, given.works, given.ids, given.repeats) == (10, "load", "scattered", 5)
    assert parse([]).rows == 1_000_000


@pytest.mark.integration
@pytest.mark.heavy
def test_the_sides_do_the_same_work(tmp_path: Path) -> None:
    """Both load every row, and both export every result; the stand-in for sqlite3 too."""
    path = tmp_path / "rows.csv"
    write_rows(path, 300)
    loads = SqliteSides(path, 300, tmp_path)
    assert loads.load_sqlite(0).amount == loads.load_by_sqlite_utils(0).amount == 300
    exports = ExportSides(path, 300, tmp_path)
    exports.export(0)
    own = read_ids(tmp_path / "own.csv")
    for shell in (find_shell(), Shell("program", (sys.executable, "-c", READ))):
        exports.export_by(shell)(0)
        assert read_ids(tmp_path / "peer.csv") == own == [f"c{n:08d}" for n in range(1, 301)]


def read_ids(path: Path) -> list[str]:
    """The ids of an exported file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [line["source_id"] for line in csv.DictReader(file)]
