"""How an executor's work ends early: stopped, lost, or without its engine; nothing is lost."""

import threading
from collections.abc import Collection
from typing import Any

import pytest

from jobs.errors import EngineStopped
from jobs.job import Hint
from jobs.store import Database, chunks, recovery
from tests.execute.executing import PATIENCE_SECONDS, Commits, make_executor, run_aside
from tests.store.making import (
    all_hints,
    assert_sound,
    make_batch,
    other_worker,
    read_chunk,
    rows_of,
    statuses,
)
from workers.engines.stub import StubEngine


def test_a_stop_gives_the_rest_back(
    sqlite: Database, slow: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that have begun finish and are kept; the others wait again, the claim uncounted."""
    batch = make_batch(sqlite, [6])
    commits = Commits(monkeypatch)
    commits.after = 2
    withdrawn = threading.Event()
    withdraw = slow.withdraw

    def watch(keys: Collection[int], **options: Any) -> None:
        withdraw(keys, **options)
        withdrawn.set()

    monkeypatch.setattr(slow, "withdraw", watch)
    executor = make_executor(sqlite, slow)
    thread, raised = run_aside(executor, all_hints(sqlite)[0])
    assert commits.seen.wait(PATIENCE_SECONDS)
    executor.stop()
    assert withdrawn.wait(PATIENCE_SECONDS)
    slow.release_hang()
    thread.join(PATIENCE_SECONDS)
    assert raised == []
    assert statuses(sqlite, batch) == ["done"] * 3 + ["waiting"] * 3
    (chunk,) = rows_of(sqlite, "SELECT status, attempts, epoch FROM chunks")
    assert chunk == {"status": "waiting", "attempts": 0, "epoch": 1}
    assert_sound(sqlite)


def test_after_a_stop_nothing_is_claimed(sqlite: Database, engine: StubEngine) -> None:
    """A message that comes after the stop stays owed."""
    make_batch(sqlite, [1])
    executor = make_executor(sqlite, engine)
    executor.stop()
    hint = all_hints(sqlite)[0]
    executor.answer(hint)
    assert all_hints(sqlite) == [hint]


def test_a_lost_lease_withdraws_the_rest(
    sqlite: Database, slow: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When another worker took over, nothing more is written and the engine is told to stop."""
    batch = make_batch(sqlite, [6])
    commits = Commits(monkeypatch)
    commits.after = 2
    thread, raised = run_aside(make_executor(sqlite, slow), all_hints(sqlite)[0])
    assert commits.seen.wait(PATIENCE_SECONDS)
    (chunk,) = rows_of(sqlite, "SELECT chunk_id, epoch FROM chunks")
    hint = Hint(chunk["chunk_id"], chunk["epoch"])
    lease = chunks.claim(sqlite, hint, other_worker(), 60)
    assert lease is None
    recovery.recover_worker(sqlite, "w1")
    taken = chunks.claim(sqlite, all_hints(sqlite)[0], other_worker(), 60)
    assert taken is not None
    slow.release_hang()
    thread.join(PATIENCE_SECONDS)
    assert raised == []
    assert slow.stalled_seconds() >= 0
    assert statuses(sqlite, batch) == ["done"] * 2 + ["running"] * 4
    assert read_chunk(sqlite, taken.chunk_id)["worker_id"] == "w2"
    assert len(rows_of(sqlite, "SELECT * FROM attempts")) == 2
    assert_sound(sqlite)


def test_a_lease_that_is_ours_again_keeps_its_rows(
    sqlite: Database, slow: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a long sleep a thread claims what another one of its worker still works on: when that
    one gives up, only its own rows are taken back from the engine."""
    batch = make_batch(sqlite, [6])
    with sqlite.write() as connection:
        connection.exec_driver_sql("UPDATE batches SET use_cache = 0")
    commits = Commits(monkeypatch)
    commits.after = 2
    executor = make_executor(sqlite, slow)
    old, raised = run_aside(executor, all_hints(sqlite)[0])
    assert commits.seen.wait(PATIENCE_SECONDS)
    recovery.recover_worker(sqlite, "w1")
    submitted = threading.Event()
    submit = slow.submit

    def watch(*arguments: Any, **options: Any) -> None:
        submit(*arguments, **options)
        submitted.set()

    monkeypatch.setattr(slow, "submit", watch)
    new, also_raised = run_aside(executor, all_hints(sqlite)[0])
    assert submitted.wait(PATIENCE_SECONDS)
    slow.release_hang()
    old.join(PATIENCE_SECONDS)
    new.join(PATIENCE_SECONDS)
    assert (raised, also_raised) == ([], [])
    assert statuses(sqlite, batch) == ["done"] * 6
    assert_sound(sqlite)


def test_an_engine_that_is_gone_ends_the_worker(sqlite: Database, engine: StubEngine) -> None:
    """When the engine takes no rows the worker is told; its chunk comes back by recovery."""
    batch = make_batch(sqlite, [3])
    engine.close()
    with pytest.raises(EngineStopped):
        make_executor(sqlite, engine).answer(all_hints(sqlite)[0])
    recovery.recover_worker(sqlite, "w1")
    assert statuses(sqlite, batch) == ["waiting"] * 3
    assert_sound(sqlite)


def test_an_engine_that_ends_fails_no_row(
    sqlite: Database, slow: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that an ending engine hands back are not failed: they wait for another one."""
    batch = make_batch(sqlite, [6])
    commits = Commits(monkeypatch)
    commits.after = 2
    thread, raised = run_aside(make_executor(sqlite, slow), all_hints(sqlite)[0])
    assert commits.seen.wait(PATIENCE_SECONDS)
    closing = threading.Thread(target=slow.close)
    closing.start()
    slow.release_hang()
    closing.join(PATIENCE_SECONDS)
    thread.join(PATIENCE_SECONDS)
    assert [type(error) for error in raised] == [EngineStopped]
    recovery.recover_worker(sqlite, "w1")
    left = statuses(sqlite, batch)
    assert set(left) == {"done", "waiting"}
    assert left.count("done") >= 2
    (chunk,) = rows_of(sqlite, "SELECT attempts FROM chunks")
    assert chunk["attempts"] == 1
    assert_sound(sqlite)
