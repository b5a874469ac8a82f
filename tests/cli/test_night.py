"""The options of a night, refused before anything is done; the endings of `run --json`."""

from pathlib import Path

import pytest

from jobs.store import open_database, run_locks, schema
from tests.cli.conftest import Call, count_batches
from tests.store.making import drive
from tests.test_report import KEYS

RUN = ("run", "rows.csv", "--spec", "spec.toml", "--json")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--deadline", "soon"), "deadline_wrong"),
        (("--deadline", "2020-01-01T00:00"), "deadline_past"),
        (("--lock", ""), "lock_name_wrong"),
        (("--page", "rows.csv"), "out_is_needed"),
        (("--page", "no/such/page.html"), "out_no_folder"),
        (("--out", "a.csv", "--page", "a.csv"), "out_is_needed"),
    ],
)
def test_wrong_options(call: Call, folder: Path, options: tuple[str, ...], code: str) -> None:
    """Each is exit 2 with its code, and no database is made."""
    told = call(*RUN, *options)
    assert (told.status, told.code) == (2, code)
    assert code == "lock_name_wrong" or options[-2] in told.err
    assert not (folder / "sekisho.db").exists()


def test_one_page_for_two_files(call: Call) -> None:
    """A page is of one batch."""
    told = call("run", "rows.csv", "rows.csv", "--spec", "spec.toml", "--page", "p.html", "--json")
    assert (told.status, told.code) == (2, "page_needs_one_file")


def test_a_night_that_overlaps_is_refused(call: Call, folder: Path) -> None:
    """Exit 3, who holds the lock, and nothing done; by name, or by the spec's."""
    database = open_database("sqlite:///sekisho.db")
    schema.upgrade(database)
    run_locks.take(database, "small")
    database.close()
    for options in (("--no-overlap",), ("--lock", "small")):
        told = call(*RUN, *options)
        assert (told.status, told.code) == (3, "run_overlaps")
        assert "process" in told.err
    assert count_batches(folder) == 0


def test_a_service_that_is_down_before_there_is_a_batch(call: Call, folder: Path) -> None:
    """The error alone is told."""
    told = call(*RUN, "--redis", f"unix://{folder}/none.sock")
    assert (told.status, list(told.data)) == (3, ["error"])
    assert told.code == "redis_fails"


def test_a_service_that_is_down_beside_a_batch_that_is_there(call: Call, folder: Path) -> None:
    """The batch is reported as it stands, with every key of the contract, beside the error."""
    call("submit", "rows.csv", "--spec", "spec.toml")
    down = ("--redis", f"unix://{folder}/none.sock")
    told = call(*RUN, *down, "--page", "page.html")
    assert (told.status, told.code) == (3, "redis_fails")
    assert list(told.data) == [*KEYS, "error"]
    assert (told.data["status"], told.data["rows"]) == ("open", 2)
    assert "no end yet" in (folder / "page.html").read_text("utf-8")
    (folder / "more.csv").write_text("id,text\nr1,a\n")
    both = call("run", "rows.csv", "more.csv", "--spec", "spec.toml", "--json", *down)
    assert [one["rows"] for one in both.data["batches"]] == [2]
    assert both.code == "redis_fails"


def test_an_interruption_is_told(call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 130, with the batch as it stands if there is one."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("workers.cli.run.run_files", interrupt)
    told = call(*RUN)
    assert (told.status, told.code, list(told.data)) == (130, "interrupted", ["error"])
    call("submit", "rows.csv", "--spec", "spec.toml")
    told = call(*RUN)
    assert (told.status, told.code) == (130, "interrupted")
    assert list(told.data) == [*KEYS, "error"]
    monkeypatch.setattr("workers.cli.run.prepare", interrupt)
    assert call(*RUN).code == "interrupted"
    assert folder


def test_a_disk_that_is_full_at_the_end(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch is reported beside the error: its rows are safe in SQL."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    call("submit", "rows.csv", "--spec", "spec.toml")
    database = open_database("sqlite:///sekisho.db")
    drive(database)
    database.close()
    monkeypatch.setattr("workers.cli.night.write_whole", fail)
    told = call(*RUN, "--page", "page.html")
    assert (told.status, told.code, told.data["done"]) == (3, "output_fails", 2)
    assert "No space left" in told.err
    assert not (folder / "page.html").exists()


def test_plan_and_status_show_the_deadline(call: Call, folder: Path) -> None:
    """In the spec's time zone for people, as a moment for programs; none is said to be none."""
    spec = folder / "spec.toml"
    spec.write_text('timezone = "Asia/Tokyo"\n' + spec.read_text())
    planned = call("plan", "rows.csv", "--spec", "spec.toml", "--deadline", "2999-01-01T06:00")
    assert "2999-01-01 06:00 Asia/Tokyo" in planned.out
    data = call("plan", "rows.csv", "--spec", "spec.toml", "--deadline", "2h", "--json").data
    assert data["deadline_at"].endswith("+00:00")
    call("submit", "rows.csv", "--spec", "spec.toml")
    assert call("status", "latest", "--json").data["deadline_at"] is None
    assert "deadline" not in call("status", "latest").out
    call("submit", "rows.csv", "--spec", "spec.toml", "--deadline", "2999-01-01T06:00")
    listed = call("status", "--json").data["batches"]
    assert [one["deadline_at"] for one in listed] == ["2998-12-31T21:00:00+00:00"]
    assert "2999-01-01 06:00 Asia/Tokyo" in call("status", "latest").out
    call("submit", "rows.csv", "--spec", "spec.toml", "--deadline", "none")
    assert call("status", "latest", "--json").data["deadline_at"] is None
