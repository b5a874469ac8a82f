"""Handing in: a file and a spec become one batch, whatever stops the loading in between."""

import errno
import io
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
from sqlalchemy import update

from jobs import submit as handing
from jobs.errors import SourceError
from jobs.job import BatchStatus
from jobs.source import Reject, Row
from jobs.spec import Spec, SummarizeTask, TranslateTask, parse_spec
from jobs.store import Database, batches, loading, results
from jobs.store.batches import Batch
from jobs.store.database import now
from jobs.submit import hand_in, separate, submit
from jobs.tables import batches as batch_table
from jobs.texts import hash_text
from tests.store.making import SPEC, all_hints, assert_sound, drive, make_spec

HEADER = "id,text,store\n"


class StoppedError(Exception):
    """The loading process died here."""


def write(path: Path, rows: int, extra: str = "") -> Path:
    """A file of good rows and some extra lines."""
    lines = "".join(f"r{number},text {number},東京\n" for number in range(1, rows + 1))
    path.write_text(HEADER + lines + extra, encoding="utf-8")
    return path


def load(database: Database, path: Path, spec: Spec | None = None, **options: Any) -> Batch:
    """Submit a file; another loader is never waited for."""

    def wait(_: float) -> None:
        raise AssertionError

    handed = hand_in(path, spec or make_spec())
    return submit(database, handed, **{"language": "en", "wait": wait, **options})


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read files in steps of three records."""
    monkeypatch.setattr(handing, "STEP_RECORDS", 3)


def test_a_file_becomes_an_open_batch(database: Database, tmp_path: Path) -> None:
    """Every record is a job or a reject, in the order of the file."""
    batch = load(database, write(tmp_path / "rows.csv", 3, "r4,,東京\n"))
    assert (batch.status, batch.records_read, batch.file_name) == ("open", 4, "rows.csv")
    tally = results.tally(database, batch.batch_id)
    assert (tally.rows, tally.rejected, tally.waiting) == (4, 1, 3)
    lines = list(results.stream_results(database, batch.batch_id))
    assert [line["source_id"] for line in lines] == ["r1", "r2", "r3"]
    assert lines[0]["attributes"] == {"store": "東京"}
    assert_sound(database)


def test_a_limit_is_another_batch(database: Database, tmp_path: Path, small_steps: None) -> None:
    """Of a limited file only the first records are read, rejects counted, and never again."""
    path = write(tmp_path / "rows.csv", 5, "r6,,東京\nr7,more,東京\n")
    handed = hand_in(path, make_spec(), 4)
    options: dict[str, Any] = {"language": "en", "wait": lambda _: None}
    limited = submit(database, handed, **options)
    assert (limited.status, limited.records_read) == ("open", 4)
    assert submit(database, handed, **options).batch_id == limited.batch_id
    six = submit(database, hand_in(path, make_spec(), 6), **options)
    assert (six.records_read, results.tally(database, six.batch_id).rejected) == (6, 1)
    whole = load(database, path)
    assert whole.records_read == 7
    assert len({limited.batch_id, six.batch_id, whole.batch_id}) == 3
    assert_sound(database)


def test_the_same_bytes_are_the_same_batch(database: Database, tmp_path: Path) -> None:
    """Name and folder of a file and the order of a spec's keys do not matter; content does."""
    first = load(database, write(tmp_path / "a.csv", 2))
    plain = SPEC.replace('name = "small"\n', "")
    turned = parse_spec(plain.replace("[task]", 'name = "small"\n[task]'), "x")
    assert load(database, write(tmp_path / "b.csv", 2), turned).batch_id == first.batch_id
    assert load(database, write(tmp_path / "c.csv", 3)).batch_id != first.batch_id
    other = load(database, tmp_path / "a.csv", make_spec("other"))
    assert other.batch_id != first.batch_id
    assert len(all_hints(database)) == 3


def test_the_longest_id_fits_both_databases(database: Database, tmp_path: Path) -> None:
    """Ids go into an index, which on PostgreSQL takes only so much, and no text like this."""
    longest = random.Random(1).randbytes(1_000).hex()  # noqa: S311 - not for secrets
    path = write(tmp_path / "rows.csv", 2, f"{longest},text,\n{longest}0,text,\n")
    batch = load(database, path)
    assert results.count_reasons(database, batch.batch_id) == {"cell_too_long": 1}
    assert results.tally(database, batch.batch_id).waiting == 3
    assert_sound(database)


def test_force_loads_again(database: Database, tmp_path: Path) -> None:
    """With force the same file is loaded into a new generation."""
    path = write(tmp_path / "rows.csv", 2)
    first, second = load(database, path), load(database, path, force=True)
    assert (second.generation, second.status) == (1, BatchStatus.OPEN)
    assert results.tally(database, second.batch_id).rows == 2
    assert load(database, path).batch_id == second.batch_id != first.batch_id
    assert_sound(database)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_loading_is_resumed(database: Database, tmp_path: Path, stop_after: int) -> None:
    """A loader that dies after any step is followed by one that reads on from there."""
    path = write(tmp_path / "rows.csv", 8, "r9,,\nr1,text 1,\nr2,another text,\n")
    seen: list[int] = []

    def die(records: int) -> None:
        seen.append(records)
        if len(seen) == stop_after:
            raise StoppedError

    with pytest.raises(StoppedError):
        load(database, path, on_progress=die)
    assert_sound(database)
    assert all_hints(database) == []
    with database.write() as connection:
        connection.execute(update(batch_table).values(load_lease_until=now(plus_seconds=-1)))
    again: list[int] = []
    batch = load(database, path, on_progress=again.append)
    assert [*seen, *again] == [3, 6, 9, 11]
    assert batch.status is BatchStatus.OPEN
    assert results.count_reasons(database, batch.batch_id) == {
        "empty_text": 1,
        "duplicate_id_same": 1,
        "duplicate_id_conflict": 1,
    }
    drive(database)
    assert results.tally(database, batch.batch_id).done == 8
    assert_sound(database)


@pytest.mark.usefixtures("small_steps")
def test_a_loader_that_was_given_up_stops(database: Database, tmp_path: Path) -> None:
    """When another process took over, the first one writes no more rows and waits for it."""
    path = write(tmp_path / "rows.csv", 7)
    read_when_waiting: list[int] = []

    def lose(records: int) -> None:
        if records == 3 and not read_when_waiting:
            expire_load_leases(database)
            (batch,) = batches.list_recent(database)
            assert loading.claim_loading(database, batch.batch_id) is not None

    def wait(_: float) -> None:
        read_when_waiting.append(batches.list_recent(database)[0].records_read)
        expire_load_leases(database)  # the other one sleeps too

    batch = load(database, path, on_progress=lose, wait=wait)
    assert read_when_waiting == [3]
    assert (batch.status, batch.records_read) == ("open", 7)
    assert_sound(database)


def expire_load_leases(database: Database) -> None:
    """Let the lease of whoever loads be over."""
    with database.write() as connection:
        connection.execute(update(batch_table).values(load_lease_until=now(plus_seconds=-1)))


@pytest.mark.usefixtures("small_steps")
def test_two_at_once_load_one_batch(database: Database, tmp_path: Path) -> None:
    """Processes that hand in the same file at once share one batch, loaded once."""
    path = write(tmp_path / "rows.csv", 10)
    together = Barrier(4)
    loaded = Event()

    def hand(_: int) -> str:
        together.wait(30)
        batch = load(database, path, wait=lambda seconds: loaded.wait(min(seconds, 0.01)))
        loaded.set()
        return batch.batch_id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(hand, range(4)))) == 1
    (batch,) = batches.list_recent(database)
    assert results.tally(database, batch.batch_id).rows == 10
    assert_sound(database)


def test_a_broken_file_fails_its_batch(database: Database, tmp_path: Path) -> None:
    """An unclosed quote cancels the good rows; with partial and force they are taken."""
    path = write(tmp_path / "rows.csv", 2, 'r3,"never closed\n')
    batch = load(database, path)
    assert (batch.status, batch.file_error) == (BatchStatus.FAILED, "unclosed_quote")
    assert results.tally(database, batch.batch_id).cancelled == 2
    kept = load(database, path, partial=True, force=True)
    assert (kept.status, kept.file_error) == (BatchStatus.OPEN, "unclosed_quote")
    drive(database)
    assert results.tally(database, kept.batch_id).done == 2
    assert_sound(database)


@pytest.mark.usefixtures("small_steps")
def test_a_file_that_changes_while_read_fails(database: Database, tmp_path: Path) -> None:
    """Rows of a file whose bytes are others at the end are not answered."""
    path = write(tmp_path / "rows.csv", 8)

    def change(records: int) -> None:
        if records == 3:
            with path.open("a") as file:
                file.write("r99,late,\n")

    batch = load(database, path, on_progress=change)
    assert (batch.status, batch.file_error) == (BatchStatus.FAILED, "file_changed")
    assert all_hints(database) == []
    assert_sound(database)


@pytest.mark.parametrize("content", ["", "id,words,store\nr1,a,b\n"])
def test_a_file_that_cannot_be_read_leaves_nothing(
    database: Database, tmp_path: Path, content: str
) -> None:
    """An empty file or a missing column is refused before any batch is made."""
    path = tmp_path / "rows.csv"
    path.write_text(content)
    with pytest.raises(SourceError):
        load(database, path)
    assert batches.list_recent(database) == []


def test_a_file_of_rejects_closes_at_once(database: Database, tmp_path: Path) -> None:
    """A header alone, or rows that are all rejected, leave nothing to wait for."""
    only_header = load(database, write(tmp_path / "a.csv", 0))
    all_bad = load(database, write(tmp_path / "b.csv", 0, "r1,,\n,a,\n"))
    assert only_header.status is all_bad.status is BatchStatus.CLOSED
    assert results.tally(database, all_bad.batch_id).rejected == 2
    assert_sound(database)


def test_the_first_of_equal_ids_wins() -> None:
    """Within a step and after earlier ones, a second row of an id is a reject that says which."""
    known = {"old": hash_text("x")}
    step: list[Row | Reject] = [
        Row(1, "a", "x", ()),
        Row(2, "a", "x", ()),
        Row(3, "a", "y", ()),
        Row(4, "old", "x", ()),
        Row(5, "old", "z", ()),
        Reject(6, None, "missing_id", {}),
        Row(7, "b", "x", (("store", "s"),)),
    ]
    rows, rejected = separate(step, known, "f.csv", "en", SummarizeTask(kind="summarize"))
    assert [(row.row_number, row.source_id) for row in rows] == [(1, "a"), (7, "b")]
    assert rows[1].attributes == {"store": "s"}
    assert [(one.row_number, one.reason_code) for one in rejected] == [
        (2, "duplicate_id_same"),
        (3, "duplicate_id_conflict"),
        (4, "duplicate_id_same"),
        (5, "duplicate_id_conflict"),
        (6, "missing_id"),
    ]
    assert all("f.csv" in one.reason and "{" not in one.reason for one in rejected)
    assert known.keys() == {"old", "a", "b"}


def test_a_row_that_its_task_cannot_be_asked_about_is_a_reject() -> None:
    """A row without a language it could be translated into costs its neighbours nothing."""
    task = TranslateTask(kind="translate", target_language_column="to")
    cells = ("ja", "Japanese", "", "jp", "ｄｅ")
    step = [Row(at, f"r{at}", "x", (("to", cell),)) for at, cell in enumerate(cells, 1)]
    step.append(Row(6, "r4", "x", (("to", "fr"),)))  # the id of a reject is free
    rows, rejected = separate(step, {}, "f.csv", "en", task)
    assert [row.source_id for row in rows] == ["r1", "r2", "r5", "r4"]
    assert [(one.row_number, one.source_id, one.reason_code) for one in rejected] == [
        (3, "r3", "language_missing"),
        (4, "r4", "language_unknown"),
    ]
    assert all("f.csv" in one.reason and "column to" in one.reason for one in rejected)
    assert "jp" not in rejected[1].reason


class BrokenDisk(io.RawIOBase):
    """A file whose disk fails at an offset."""

    def __init__(self, path: Path, good_bytes: int) -> None:
        self._data, self._left = path.read_bytes(), good_bytes

    def readable(self) -> bool:
        """It can be read, for a while."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Give what is left before the bad sector, then fail as the system does."""
        if self._left <= 0:
            raise OSError(errno.EIO, "Input/output error")
        size = min(len(buffer), self._left)
        part, self._data = self._data[:size], self._data[size:]
        buffer[: len(part)] = part
        self._left -= size
        return len(part)


def break_disk(monkeypatch: pytest.MonkeyPatch, opener: str, good_bytes: int) -> None:
    """Let what one module opens files with fail from an offset on."""
    monkeypatch.setattr(opener, lambda path, **_: io.BufferedReader(BrokenDisk(path, good_bytes)))


@pytest.mark.parametrize("partial", [False, True])
def test_a_read_error_in_the_middle_breaks_the_file_and_loses_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partial: bool
) -> None:
    """Rows before the error are whole and accounted for; the mended disk gives all of them."""
    path = write(tmp_path / "rows.csv", 3_000)
    spec = make_spec()
    with monkeypatch.context() as failing:
        break_disk(failing, "jobs.source.delimited.open_content", good_bytes=30_000)
        batch = load(database, path, partial=partial)
    assert batch.status == ("open" if partial else "failed")
    assert batch.file_error == "file_unreadable"
    assert "Input/output error" in str(batch.file_error_reason)
    lines = list(results.stream_results(database, batch.batch_id))
    assert 0 < len(lines) < 3_000
    assert [line["source_id"] for line in lines] == [f"r{n}" for n in range(1, len(lines) + 1)]
    assert {line["status"] for line in lines} == {"waiting" if partial else "cancelled"}
    assert {str(line["attributes"]) for line in lines} == {"{'store': '東京'}"}
    assert batch.records_read == len(lines)
    assert_sound(database)
    mended = load(database, path, spec, force=partial)
    assert (mended.status, mended.records_read, mended.file_error) == ("open", 3_000, None)
    assert mended.generation == 1
    assert load(database, path, spec).batch_id == mended.batch_id


def test_a_disk_that_fails_at_the_last_look_breaks_the_file(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read cannot be compared any more: the batch ends instead of loading for ever."""
    path = write(tmp_path / "rows.csv", 3)
    handed = hand_in(path, make_spec())
    break_disk(monkeypatch, "jobs.submit.open_file", good_bytes=5)
    batch = submit(database, handed, language="en", wait=lambda _: None)
    assert (batch.status, batch.file_error) == ("failed", "file_unreadable")
    assert_sound(database)
    with pytest.raises(SourceError, match="file_unreadable"):
        hand_in(path, make_spec())
