"""The commands that need no worker: data on stdout, the contract's keys, the exit status."""

import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jobs.store import Database, open_database, schema
from tests.cli.conftest import Call, count_batches
from tests.execute.executing import answer_owed
from tests.store.making import drive
from workers.cli import app
from workers.engines.stub import StubEngine
from workers.journal import Journal

SUBMIT_KEYS = ["batch_id", "status", "rows", "rejected", "file_error"]


@pytest.fixture
def batch_id(call: Call, folder: Path) -> str:
    """A batch of two answered rows and two rejects."""
    with (folder / "rows.csv").open("a") as file:
        file.write("r3,\nr1,where is it\n")
    told = call("submit", "rows.csv", "--spec", "spec.toml", "--json")
    database = open_database("sqlite:///sekisho.db")
    drive(database)
    database.close()
    return str(told.data["batch_id"])


def test_submit_tells_the_contracts_keys(call: Call, folder: Path) -> None:
    """The same file is the same batch; rejects make the exit status 1."""
    told = call("submit", "rows.csv", "--spec", "spec.toml", "--json")
    assert (told.status, list(told.data)) == (0, SUBMIT_KEYS)
    assert (told.data["status"], told.data["rows"], told.data["file_error"]) == ("open", 2, None)
    again = call("submit", "rows.csv", "--spec", "spec.toml", "--json")
    assert again.data == told.data
    (folder / "bad.csv").write_text("id,text\nr1,\nr2,a\n")
    both = call("submit", "rows.csv", "bad.csv", "--spec", "spec.toml", "--json")
    assert both.status == 1
    assert [one["rejected"] for one in both.data["batches"]] == [0, 1]
    plain = call("submit", "rows.csv", "--spec", "spec.toml")
    assert told.data["batch_id"] in plain.out
    assert plain.out.count("\n") == 1


def test_submit_with_a_limit(call: Call, folder: Path) -> None:
    """Only the first records are taken, and it is said that there may be more."""
    told = call("submit", "rows.csv", "--spec", "spec.toml", "--limit", "1", "--json")
    assert (told.status, told.data["rows"]) == (0, 1)
    assert "first 1 records of rows.csv" in told.err
    more = call("submit", "rows.csv", "--spec", "spec.toml", "--limit", "9", "--json")
    assert (more.data["rows"], more.err) == (2, "")
    assert more.data["batch_id"] != told.data["batch_id"]
    assert call("submit", "rows.csv", "--spec", "spec.toml", "--limit", "0").status == 2
    assert count_batches(folder) == 2


def test_submit_of_a_broken_file(call: Call, folder: Path) -> None:
    """A file that breaks off is exit 2 with its error; with --partial its good rows are taken."""
    (folder / "rows.csv").write_text('id,text\nr1,a\nr2,"never closed\n')
    told = call("submit", "rows.csv", "--spec", "spec.toml", "--json")
    assert (told.status, told.data["status"]) == (2, "failed")
    assert told.data["file_error"] == "unclosed_quote"
    kept = call("submit", "rows.csv", "--spec", "spec.toml", "--json", "--partial")
    assert kept.data["status"] == "open"
    assert kept.data["batch_id"] != told.data["batch_id"]


def test_submit_with_force(call: Call, folder: Path) -> None:
    """With --force the same file is a new batch."""
    first = call("submit", "rows.csv", "--spec", "spec.toml", "--json")
    second = call("submit", "rows.csv", "--spec", "spec.toml", "--json", "--force")
    assert first.data["batch_id"] != second.data["batch_id"]
    assert count_batches(folder) == 2


def test_status(call: Call, batch_id: str) -> None:
    """All batches, or one by a beginning of its id or as the latest, in words and as data."""
    listed = call("status", "--json").data["batches"]
    one = call("status", batch_id[:6], "--json")
    assert (one.status, one.data) == (0, listed[0])
    assert call("status", "latest", "--json").data == one.data
    assert (one.data["done"], one.data["rejected"], one.data["status"]) == (2, 2, "closed")
    assert batch_id in call("status").out
    assert "closed" in call("status", batch_id).out
    assert call("status", batch_id, "--follow", "--json").data == one.data


def test_status_of_nothing(call: Call) -> None:
    """An empty database says so on stdout."""
    call("db", "upgrade")
    assert "sekisho.db" in call("status").out
    assert call("status", "--json").data == {"batches": []}


def test_results_as_csv_and_jsonl(call: Call, batch_id: str, folder: Path) -> None:
    """Results go to stdout or a file, in both formats, in the order of the file."""
    lines = list(csv.DictReader(io.StringIO(call("results", batch_id).out)))
    assert [line["source_id"] for line in lines] == ["r1", "r2"]
    assert [line["label"] for line in lines] == ["refund"] * 2
    objects = [json.loads(line) for line in call("results", batch_id, "--json").out.splitlines()]
    assert [one["output"] for one in objects] == [{"label": "refund"}] * 2
    called = call("results", batch_id, "--out", "o.jsonl")
    assert (called.status, called.out) == (0, "")
    assert (folder / "o.jsonl").read_text().splitlines() == call(
        "results", batch_id, "--format", "jsonl"
    ).out.splitlines()


@pytest.mark.parametrize("name", ["yaml", "doc"])
def test_formats_that_are_not_there(call: Call, batch_id: str, name: str) -> None:
    """A format that is unknown is refused and no file is made."""
    for command in ("results", "rejects"):
        called = call(command, batch_id, "--format", name, "--out", "o")
        assert (called.status, called.out) == (2, "")
        assert name in called.err
    assert not Path("o").exists()


def test_rejects(call: Call, batch_id: str) -> None:
    """Every reject has its number, id, code and words."""
    lines = list(csv.DictReader(io.StringIO(call("rejects", batch_id).out)))
    assert [(line["row_number"], line["reason_code"]) for line in lines] == [
        ("3", "empty_text"),
        ("4", "duplicate_id_same"),
    ]
    assert all("rows.csv" in line["reason"] for line in lines)


def test_a_rows_life(call: Call, batch_id: str) -> None:
    """A row is shown with its text and attempts, by number or id; a reject with its reason."""
    by_number = call("row", batch_id, "2", "--json").data
    assert by_number["text"] == "=money back"
    assert len(by_number["attempts"]) == 1
    assert call("row", batch_id, "--id", "r2", "--json").data == by_number
    assert "money back" in call("row", batch_id, "2").out
    assert "equal prompt" not in call("row", batch_id, "2").out
    assert call("row", batch_id, "3", "--json").data["reason_code"] == "empty_text"


def test_a_row_from_the_cache_says_so(call: Call, batch_id: str, folder: Path) -> None:
    """And from which model; `status` counts it."""
    with closing(sqlite3.connect(folder / "sekisho.db")) as connection, connection:
        connection.execute("UPDATE attempts SET kind = 'cache' WHERE job_id = 1")
    said = call("row", batch_id, "1").out
    assert "nothing was computed. stub gave this answer to an equal prompt" in said
    assert call("row", batch_id, "1", "--json").data["attempts"][0]["kind"] == "cache"
    assert call("status", batch_id, "--json").data["cached"] == 1
    assert call("status", "--json").data["batches"][0]["cached"] == 1


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (["99"], "row_not_found"),
        (["9" * 40], "row_not_found"),
        (["--id", "none"], "row_id_not_found"),
        ([], "row_needs_one_key"),
        (["1", "--id", "r1"], "row_needs_one_key"),
    ],
)
def test_a_row_that_is_not_there(call: Call, batch_id: str, key: list[str], code: str) -> None:
    """A row is named by one key, and must be there."""
    called = call("row", batch_id, *key, "--json")
    assert (called.status, called.code) == (2, code)


def test_spec_check(call: Call, folder: Path) -> None:
    """A good spec is called good, with its hash and every default as data."""
    assert call("spec", "check", "spec.toml").status == 0
    data = call("spec", "check", "spec.toml", "--json").data
    assert data["spec"]["gate"] == {"mode": "keep_all", "threshold": 0.8}
    assert data["spec_hash"][:12] in call("spec", "check", "spec.toml").out
    (folder / "spec.toml").write_text("name = 1\n")
    bad = call("spec", "check", "spec.toml", "--json")
    assert (bad.status, bad.data["error"]["params"]["line"]) == (2, "1")
    assert not (folder / "sekisho.db").exists()


def test_db_upgrade_and_check(call: Call, batch_id: str) -> None:
    """A current and sound database is 0; a broken invariant is a finding with its name."""
    assert call("db", "upgrade", "--json").data["revision"] == schema.head_revision()
    good = call("db", "check", "--json")
    assert (good.status, good.data) == (0, {"differences": [], "violations": {}})
    database: Database = open_database("sqlite:///sekisho.db")
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM results")
    database.close()
    bad = call("db", "check", "--json")
    assert (bad.status, bad.data["violations"]) == (1, {"done_without_result": 2})
    assert "done_without_result" in call("db", "check").out
    assert batch_id


def test_db_check_of_an_empty_file(call: Call, folder: Path) -> None:
    """A database without tables is told how to get them."""
    (folder / "sekisho.db").touch()
    called = call("db", "check", "--json")
    assert (called.status, called.code) == (2, "database_not_upgraded")


def test_doctor(call: Call) -> None:
    """Findings are listed in words and as data; a bad one makes the exit status 1."""
    called = call("doctor", "--json")
    assert called.status == 1  # two of the test's models are bad on purpose
    bad = {one["name"] for one in called.data["findings"] if not one["good"]}
    assert {"model gone", "model words"} <= bad
    assert len(call("doctor").out.splitlines()) == len(called.data["findings"])


def test_an_interrupt_is_130(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends any command with 130 and without a traceback."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("workers.cli.inspect.read_spec", interrupt)
    called = call("spec", "check", "spec.toml")
    assert (called.status, called.out) == (130, "")
    assert "Traceback" not in called.err


def test_help_is_exit_0(call: Call) -> None:
    """Help names every command that is built, and none that is not."""
    called = call("--help")
    assert called.status == 0
    for name in ("run", "submit", "status", "results", "rejects", "row", "worker", "dispatch"):
        assert f" {name} " in called.out
    assert not any(f"  {name} " in called.out for name in app.NOT_BUILT)
    workers = call("worker", "--help").out
    assert all(f" {name} " in workers for name in ("local", "cloud"))


def test_words_are_in_the_language(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """With SEKISHO_LANG=ja errors are Japanese, their codes the same."""
    monkeypatch.setenv("SEKISHO_LANG", "ja")
    called = call("status", "b0", "--json")
    assert called.code == "database_missing"
    assert "データベース" in called.err


CLOUDY = """
cloud = "claude-haiku-5-5"
[policy]
data_class = "open"
budget_usd = 1
"""


def test_the_doctor_looks_at_a_specs_cloud(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing key and a silent address are findings before any row is answered."""
    (folder / "spec.toml").write_text((folder / "spec.toml").read_text() + CLOUDY)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    told = call("doctor", "--spec", "spec.toml", "--json")
    found = {one["name"]: one for one in told.data["findings"]}
    assert told.status == 1
    assert found["cloud policy"]["good"]
    assert found["cloud price"]["good"]
    assert not found["cloud key"]["good"]
    assert not found["cloud address"]["good"]
    assert (
        "!!  cloud key: ANTHROPIC_API_KEY is not set" in call("doctor", "--spec", "spec.toml").out
    )


def test_what_is_handed_in_for_an_unknown_cloud_is_refused(call: Call, folder: Path) -> None:
    """`submit` refuses what no sender could ever ask, and says of a budget of 0 what it means."""
    plain = (folder / "spec.toml").read_text()
    (folder / "spec.toml").write_text(plain + CLOUDY.replace("5-5", "9"))
    assert call("submit", "rows.csv", "--spec", "spec.toml", "--json").code == "cloud_model_unknown"
    assert count_batches(folder) == 0
    (folder / "spec.toml").write_text(plain + CLOUDY.replace("= 1", "= 0"))
    handed = call("submit", "rows.csv", "--spec", "spec.toml", "--json")
    assert (handed.status, handed.data["rows"]) == (0, 2)
    assert "budget_usd is 0" in handed.err


def test_a_row_says_why_it_is_so_sure(call: Call, folder: Path) -> None:
    """Every attempt has its reasons in words, and the number its signals give."""
    call("submit", "rows.csv", "--spec", "spec.toml")
    database = open_database("sqlite:///sekisho.db")
    journal = Journal(folder / "journal")
    engine = StubEngine(journal)
    answer_owed(database, engine)
    engine.close()
    journal.close()
    database.close()
    attempt = call("row", "latest", "2", "--json").data["attempts"][0]
    told = attempt["explanation"]
    assert told["matches"] is True
    assert told["recomputed"] == pytest.approx(attempt["confidence"], abs=2e-6)
    assert told["codes"][0] == "explain_label"
    shown = call("row", "latest", "2").out
    assert "why so sure" in shown
    assert all(sentence in shown for sentence in told["sentences"])


def test_a_row_is_shown_on_lines_of_its_own(call: Call, batch_id: str, folder: Path) -> None:
    """Line breaks in a text are written out, so that no text can look like a fact."""
    with closing(sqlite3.connect(folder / "sekisho.db")) as connection, connection:
        connection.execute("UPDATE jobs SET text = 'a\n  status  done\x1b[1m' WHERE job_id = 2")
    assert "a\\n  status  done\\x1b[1m" in call("row", batch_id, "2").out
    assert call("row", batch_id, "2", "--json").data["text"] == "a\n  status  done\x1b[1m"
