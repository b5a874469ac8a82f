"""The client on both databases: rows in, answers out, once, in order, whatever comes between."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs import submit as handing
from jobs.address import find_state_folder
from jobs.client import BatchStatus, Client, JobStatus, NobodyWorksError, WaitTimeoutError
from jobs.client import client as client_module
from jobs.client.spool import FOLDER
from jobs.errors import NotFoundError, SettingError, SourceError, SpecError
from jobs.store import Database, batches, loading, results, workers
from jobs.store.outbox import mark_sent, unsent
from tests.client.conftest import Clock, url_of
from tests.store.making import SPEC, WORKER, assert_sound, drive, make_spec, rows_of

pytestmark = pytest.mark.integration

ROWS: list[dict[str, object]] = [
    {"id": f"r{number}", "text": f"text {number}", "store": "東京"} for number in range(1, 6)
]
TEXTS = "SELECT row_number, source_id, text, attributes FROM jobs WHERE batch_id = '{}' ORDER BY 1"


def spooled_files(database: Database) -> list[Path]:
    """What is left in the folder of spooled rows."""
    return list((find_state_folder(url_of(database)) / FOLDER).glob("*"))


def test_rows_in_and_answers_out(client: Client, database: Database) -> None:
    """The whole way: submit, wait, results and rejects, typed, in the order of the rows."""
    bad: list[dict[str, object]] = [
        {"id": "x", "text": 5, "store": "s"},
        {"id": "r1", "text": "again", "store": "s"},
    ]
    batch = client.submit([*ROWS, *bad], SPEC, name="注文")
    assert (batch.status, batch.rows, batch.rejected, batch.warnings) == ("open", 7, 2, ())
    before = client.status(batch.batch_id)
    assert (before.waiting, before.is_over, before.file_name) == (5, False, "注文")
    drive(database)
    status = client.wait(batch.batch_id)
    assert (status.status, status.done, status.bad) == (BatchStatus.CLOSED, 5, 2)
    assert status.cost_usd == Decimal("0.000000035")
    found = list(client.results(batch.batch_id))
    assert [row.source_id for row in found] == [row["id"] for row in ROWS]
    first = found[0]
    assert (first.status, first.label, first.output) == (
        JobStatus.DONE,
        "refund",
        {"label": "refund"},
    )
    assert (first.confidence, first.tier, first.model) == (0.75, 0, "stub")
    assert first.cost_usd == Decimal("0.000000007")
    assert first.attributes == {"store": "東京"}
    rejects = [(one.row_number, one.source_id, one.reason_code) for one in client.rejects("latest")]
    assert rejects == [(6, "x", "text_not_string"), (7, "r1", "duplicate_id_conflict")]
    assert all("注文" in one.reason for one in client.rejects(batch.batch_id))
    assert spooled_files(database) == []
    assert_sound(database)


def test_a_file_goes_the_same_way(client: Client, tmp_path: Path) -> None:
    """A path is read as the commands read it, with its warnings, errors and broken ends."""
    path = tmp_path / "rows.csv"
    path.write_text('id,text,store\nr1,a,s,\nr2,"never closed\n')
    broken = client.submit(path, make_spec())
    assert (broken.status, broken.file_error) == (BatchStatus.FAILED, "unclosed_quote")
    assert "record 2" in str(broken.file_error_reason)
    assert "trailing" not in str(broken.warnings)
    assert "record 1" in broken.warnings[0]
    assert client.wait(broken.batch_id).cancelled == 1
    kept = client.submit(str(path), make_spec(), partial=True)
    assert (kept.status, kept.rows, kept.rejected) == (BatchStatus.OPEN, 2, 1)
    assert kept.batch_id != broken.batch_id
    with pytest.raises(SourceError, match="file_missing"):
        client.submit(tmp_path / "gone.csv", make_spec())


def test_the_same_rows_are_the_same_batch(client: Client, database: Database) -> None:
    """However often and under whatever name; force, a limit or another spec make a new one."""
    first = client.submit(ROWS, SPEC)
    assert client.submit(iter(ROWS), make_spec(), name="other").batch_id == first.batch_id
    drive(database)
    again = client.submit(ROWS, SPEC)
    assert (again.batch_id, again.status) == (first.batch_id, BatchStatus.CLOSED)
    others = [
        client.submit(ROWS, SPEC, force=True),
        client.submit(ROWS, SPEC, limit=2),
        client.submit(ROWS[:2], SPEC),
        client.submit(ROWS[::-1], SPEC),
        client.submit(ROWS, make_spec("other")),
    ]
    assert len({first.batch_id, *(one.batch_id for one in others)}) == 6
    assert [one.rows for one in others] == [5, 2, 2, 5, 5]
    assert_sound(database)


def test_no_rows_are_a_batch_of_none(client: Client) -> None:
    """A night without orders is over at once."""
    batch = client.submit([], SPEC)
    assert (batch.status, batch.rows) == (BatchStatus.CLOSED, 0)
    assert client.wait(batch.batch_id).rows == 0
    assert list(client.results(batch.batch_id)) == []


@pytest.mark.parametrize("stop_after", [0, 4])
def test_an_error_of_the_iterable_leaves_nothing(
    client: Client, database: Database, stop_after: int
) -> None:
    """It is raised as it is; no batch, no file."""

    def rows() -> Iterator[dict[str, object]]:
        yield from ROWS[:stop_after]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        client.submit(rows(), SPEC)
    assert batches.list_recent(database) == []
    assert spooled_files(database) == []


def test_a_submit_that_died_is_taken_up(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are in SQL stay; the same rows handed in again go on after them."""
    monkeypatch.setattr(handing, "STEP_RECORDS", 2)
    whole = loading.add_rows
    steps: list[int] = []

    def die_later(*arguments: Any, **named: Any) -> object:
        steps.append(1)
        if len(steps) == 2:
            raise KeyboardInterrupt
        return whole(*arguments, **named)

    with monkeypatch.context() as failing:
        failing.setattr(loading, "add_rows", die_later)
        with pytest.raises(KeyboardInterrupt):
            client.submit(ROWS, SPEC)
    left = client.status("latest")
    assert (left.status, left.rows) == (BatchStatus.LOADING, 2)
    rows_before = rows_of(database, TEXTS.format(left.batch_id))
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE batches SET load_lease_until = NULL")
    batch = client.submit(ROWS, SPEC)
    assert (batch.batch_id, batch.status, batch.rows) == (left.batch_id, BatchStatus.OPEN, 5)
    assert rows_of(database, TEXTS.format(left.batch_id))[:2] == rows_before
    assert spooled_files(database) == []
    assert_sound(database)


def test_many_threads_hand_in_the_same_rows(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, with one client and with clients of their own: one batch, each row once."""
    monkeypatch.setattr(handing, "STEP_RECORDS", 2)
    together, loaded = Barrier(4), Event()

    def pause(seconds: float) -> None:
        loaded.wait(min(seconds, 0.01))

    shared = Client(url_of(database), pause=pause)

    def hand_in(number: int) -> str:
        together.wait(30)
        with Client(url_of(database), pause=pause) as own:
            batch = (shared if number % 2 else own).submit(iter(ROWS), SPEC)
        loaded.set()
        assert batch.rows == 5
        return batch.batch_id

    with shared, ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(hand_in, range(4)))) == 1
    (batch,) = batches.list_recent(database)
    assert results.tally(database, batch.batch_id).rows == 5
    assert spooled_files(database) == []
    assert_sound(database)


def test_waiting_sees_the_end(client: Client, clock: Clock, database: Database) -> None:
    """It looks again after pauses that grow, and returns when the batch is over."""
    batch = client.submit(ROWS, SPEC)
    clock.during = lambda: drive(database) if len(clock.pauses) == 3 else None
    status = client.wait(batch.batch_id[:6], timeout_seconds=60)
    assert (status.batch_id, status.done) == (batch.batch_id, 5)
    assert clock.pauses == pytest.approx([0.2, 0.3, 0.45])


def test_waiting_ends_in_time(client: Client, clock: Clock) -> None:
    """The error says how far it came; what causes it says who is missing; waiting again works."""
    batch = client.submit(ROWS, SPEC)
    with pytest.raises(WaitTimeoutError) as caught:
        client.wait(batch.batch_id, timeout_seconds=3, silence_seconds=None)
    assert clock.now == pytest.approx(3)
    assert caught.value.params["rows"] == 5
    assert "not over after 3 s: 0 of 5" in caught.value.__notes__[0]
    cause = caught.value.__cause__
    assert isinstance(cause, NobodyWorksError)
    assert "`sekisho dispatch`" in cause.__notes__[0]
    with pytest.raises(WaitTimeoutError):
        client.wait(batch.batch_id, timeout_seconds=0)


def test_waiting_for_nobody_says_what_to_start(
    client: Client, clock: Clock, database: Database
) -> None:
    """First a worker and a dispatcher are missing, then a dispatcher, then only time."""
    batch = client.submit(ROWS, SPEC)
    with pytest.raises(NobodyWorksError, match="nobody_works") as nobody:
        client.wait(batch.batch_id, silence_seconds=30)
    assert 30 <= clock.now < 40
    note = nobody.value.__notes__[0]
    assert "`sekisho dispatch`, `sekisho worker local --model stub`" in note
    workers.register(database, WORKER, 512)
    with pytest.raises(NobodyWorksError, match="nobody_dispatches"):
        client.wait(batch.batch_id, silence_seconds=30)
    mark_sent(database, unsent(database, "local.stub", 10))
    with pytest.raises(WaitTimeoutError) as slow:
        client.wait(batch.batch_id, timeout_seconds=100, silence_seconds=30)
    assert slow.value.__cause__ is None


def test_results_are_read_in_pages(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost or doubled between pages, and no transaction is open between them."""
    monkeypatch.setattr(client_module, "PAGE_ROWS", 2)
    batch = client.submit([*ROWS, {"id": "", "text": "a"}, {"id": "z"}, {}], SPEC)
    reading = client.results(batch.batch_id)
    first = next(reading)
    drive(database)  # a writer comes in between
    rest = list(reading)
    assert [row.row_number for row in [first, *rest]] == [1, 2, 3, 4, 5]
    assert (first.status, first.output, rest[-1].status) == ("waiting", None, "done")
    assert [one.row_number for one in client.rejects(batch.batch_id)] == [6, 7, 8]


def test_what_cannot_work_is_refused_before_anything_is_written(
    client: Client, database: Database
) -> None:
    """A wrong spec, wrong rows, an unknown cloud model, a wrong limit; with words as a note."""
    with pytest.raises(SpecError):
        client.submit(ROWS, 'name = "x"\n')
    with pytest.raises(SettingError, match="rows_wrong") as caught:
        client.submit(ROWS[0], SPEC)  # type: ignore[arg-type]  # what a caller gets wrong
    assert "list of dicts" in caught.value.__notes__[0]
    with pytest.raises(SettingError, match="limit_wrong"):
        client.submit(ROWS, SPEC, limit=0)
    cloudy = SPEC.replace('tiers = ["stub"]', 'tiers = ["stub"]\ncloud = "claude-nonsense"')
    with pytest.raises(SpecError, match="cloud_model_unknown"):
        client.submit(ROWS, cloudy)
    for ask in (client.status, client.results, client.rejects, client.wait):
        with pytest.raises(NotFoundError, match="batch_not_found"):
            ask("b123")
    assert batches.list_recent(database) == []


ODD = st.text(st.characters(exclude_categories=[]), max_size=8)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"id": ODD | st.integers(0, 5) | st.none(), "text": ODD | st.integers(), "store": ODD}
        ),
        max_size=12,
    )
)
def test_every_row_comes_out_once(
    client: Client, database: Database, rows: list[dict[str, object]]
) -> None:
    """As a job with the very id and text it had, in its place, or as a reject: never both."""
    batch = client.submit(rows, SPEC, force=True)
    taken = rows_of(database, TEXTS.format(batch.batch_id))
    refused = [one.row_number for one in client.rejects(batch.batch_id)]
    numbers = [line["row_number"] for line in taken]
    assert sorted([*numbers, *refused]) == list(range(1, len(rows) + 1))
    for line in taken:
        row = rows[line["row_number"] - 1]
        assert line["source_id"] == str(row["id"]).strip()
        assert line["text"] == row["text"]
    found = list(client.results(batch.batch_id))
    assert [(row.row_number, row.attributes["store"]) for row in found] == [
        (number, rows[number - 1]["store"]) for number in numbers
    ]
    assert_sound(database)


def test_the_example_of_the_docstring_is_python() -> None:
    """What is shown first is not out of date: its names are the client's."""
    import jobs.client

    text = (jobs.client.__doc__ or "").partition(".. code-block:: python\n")[2]
    shown = text.partition("\nThe client needs")[0]
    source = "\n".join(line.removeprefix("    ") for line in shown.splitlines())
    compile(source, "docstring", "exec")
    for name in ("submit", "wait", "results"):
        assert f"client.{name}(" in source
        assert hasattr(Client, name)
