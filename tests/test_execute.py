"""The executor with a real store and the stub engine: answers, stops, loses, gives back."""

import threading
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from jobs.cost import DeviceRate
from jobs.errors import EngineStopped, ServiceError, SpecError
from jobs.job import Hint
from jobs.prompt import Prompt
from jobs.store import Database, batches, chunks, recovery, results
from tests.store.making import (
    WORKER,
    all_hints,
    assert_sound,
    make_batch,
    other_worker,
    read_chunk,
    rows_of,
    statuses,
)
from workers.engines.protocol import Engine
from workers.engines.stub import StubEngine
from workers.execute import Executor
from workers.journal import Journal
from workers.settings import WorkerSection

RATE = DeviceRate(Decimal("3.6"), Decimal(0), Decimal(0))
PATIENCE_SECONDS = 60


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal of the test's own."""
    made = Journal(tmp_path / "journal")
    yield made
    made.close()


@pytest.fixture
def engine(journal: Journal) -> Iterator[StubEngine]:
    """A stub that answers at once."""
    made = StubEngine(journal)
    yield made
    made.close()


@pytest.fixture
def slow(journal: Journal) -> Iterator[StubEngine]:
    """A stub that answers one row a step and hangs at row 3 until released."""
    made = StubEngine(journal, rows_per_step=1, hang_on="text 3")
    yield made
    made.release_hang()
    made.close()


def make_executor(database: Database, engine: Engine, **settings: float) -> Executor:
    """An executor of the test's worker; commits each row at once if told so."""
    section = WorkerSection.model_validate({"commit_rows": 1, **settings})
    return Executor(database, engine, WORKER, RATE, section)


class Commits:
    """Watches `chunks.commit` and acts at chosen ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.seen, self.renewed = threading.Event(), threading.Event()
        self.after = 1
        self._commit = chunks.commit
        monkeypatch.setattr(chunks, "commit", self)

    def __call__(self, *arguments: object) -> None:
        self._commit(*arguments)  # type: ignore[arg-type]
        self.sizes.append(len(arguments[2]))  # type: ignore[arg-type]
        if sum(self.sizes) >= self.after:
            self.seen.set()
        if self.sizes[-1] == 0:
            self.renewed.set()


def run_aside(executor: Executor, hint: Hint) -> tuple[threading.Thread, list[BaseException]]:
    """Let an executor work on a chunk in a thread; what it raised is in the list."""
    raised: list[BaseException] = []

    def work() -> None:
        try:
            executor.answer(hint)
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, raised


def test_a_chunk_is_answered(sqlite: Database, engine: StubEngine) -> None:
    """Every row gets a result with label, probabilities, usage and price; the batch can close."""
    batch = make_batch(sqlite, [5])
    make_executor(sqlite, engine).answer(all_hints(sqlite)[0])
    assert batches.close_finished(sqlite) == [batch.batch_id]
    lines = list(results.stream_results(sqlite, batch.batch_id))
    assert {line["status"] for line in lines} == {"done"}
    assert {line["label"] for line in lines} <= {"refund", "delivery"}
    assert {line["confidence_source"] for line in lines} == {"label_probability"}
    spent = results.spent(sqlite, batch.batch_id)
    assert spent.attempts == 5
    assert spent.tokens > 0
    cost = results.tally(sqlite, batch.batch_id).cost_nano_usd
    assert cost == pytest.approx(spent.device_ms * 1000, abs=5)
    assert_sound(sqlite)


@pytest.mark.parametrize(("commit_rows", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (64, [5])])
def test_rows_are_committed_in_steps(
    sqlite: Database,
    engine: StubEngine,
    monkeypatch: pytest.MonkeyPatch,
    commit_rows: int,
    sizes: list[int],
) -> None:
    """A step has at most `commit_rows` rows; the last one takes what is left."""
    make_batch(sqlite, [5])
    commits = Commits(monkeypatch)
    executor = make_executor(sqlite, engine, commit_rows=commit_rows, commit_ms=60_000)
    executor.answer(all_hints(sqlite)[0])
    assert commits.sizes == sizes


def test_an_idle_wait_renews_the_lease(
    sqlite: Database, slow: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the engine is at one row for long, the lease is renewed without rows."""
    make_batch(sqlite, [3])
    commits = Commits(monkeypatch)
    executor = make_executor(sqlite, slow, lease_seconds=0.04)
    thread, raised = run_aside(executor, all_hints(sqlite)[0])
    assert commits.renewed.wait(PATIENCE_SECONDS)
    slow.release_hang()
    thread.join(PATIENCE_SECONDS)
    assert raised == []
    assert 0 in commits.sizes
    assert sum(commits.sizes) == 3


def test_what_is_not_to_be_had_is_left_alone(sqlite: Database, engine: StubEngine) -> None:
    """A message of an old epoch, for no chunk, or for another's chunk ends quietly."""
    make_batch(sqlite, [1])
    hint = all_hints(sqlite)[0]
    executor = make_executor(sqlite, engine)
    for wrong in (Hint(hint.chunk_id, 7), Hint(999, 0)):
        executor.answer(wrong)
    assert chunks.claim(sqlite, hint, other_worker(), 60) is not None
    executor.answer(hint)
    assert rows_of(sqlite, "SELECT * FROM attempts") == []
    assert engine.counters().rows == 0


def test_a_stop_gives_the_rest_back(
    sqlite: Database, slow: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that have begun finish and are kept; the others wait again, the claim uncounted."""
    batch = make_batch(sqlite, [6])
    commits = Commits(monkeypatch)
    commits.after = 2
    withdrawn = threading.Event()
    withdraw = slow.withdraw

    def watch(keys: Collection[int]) -> None:
        withdraw(keys)
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


def test_labels_the_model_cannot_tell_apart_fail_the_rows(
    sqlite: Database, engine: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A constraint that the engine refuses ends the rows with that reason, not the worker."""
    batch = make_batch(sqlite, [2])

    def refuse(prompts: Sequence[Prompt], *_: object, **__: object) -> None:
        raise SpecError("labels_tokenise_alike", first="a", second="b")

    monkeypatch.setattr(engine, "submit", refuse)
    make_executor(sqlite, engine).answer(all_hints(sqlite)[0])
    lines = list(results.stream_results(sqlite, batch.batch_id))
    assert {(line["status"], line["reason_code"]) for line in lines} == {
        ("failed", "labels_tokenise_alike")
    }
    assert_sound(sqlite)


def test_a_database_that_is_down_ends_the_work_quietly(
    sqlite: Database, engine: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be committed is not lost: its lease runs out and the chunk comes again."""
    batch = make_batch(sqlite, [2])

    def fail(*_: object) -> None:
        raise ServiceError("database_fails", database="x", problem="y")

    with monkeypatch.context() as patched:
        patched.setattr(chunks, "commit", fail)
        make_executor(sqlite, engine).answer(all_hints(sqlite)[0])
    assert statuses(sqlite, batch) == ["running", "running"]
    (chunk,) = rows_of(sqlite, "SELECT chunk_id FROM chunks")
    recovery.recover_worker(sqlite, "w1")
    make_executor(sqlite, engine).answer(Hint(chunk["chunk_id"], 1))
    assert statuses(sqlite, batch) == ["done", "done"]
    assert_sound(sqlite)


def test_a_lone_row_is_submitted_alone(sqlite: Database, engine: StubEngine) -> None:
    """A suspect in a chunk of its own is the only row of its native step."""
    batch = make_batch(sqlite, [2])
    lease = chunks.claim(sqlite, all_hints(sqlite)[0], WORKER, 60)
    assert lease is not None
    suspects = [lease.jobs[0].job_id]
    recovery.recover_worker(sqlite, "w1", suspects, native_crash=True)
    seen: list[bool] = []
    submit = engine.submit

    def watch(prompts: Sequence[Prompt], deliver: object, *, alone: bool = False) -> None:
        seen.append(alone)
        submit(prompts, deliver, alone=alone)  # type: ignore[arg-type]

    engine.submit = watch  # type: ignore[method-assign,assignment]
    executor = make_executor(sqlite, engine)
    for hint in all_hints(sqlite):
        executor.answer(hint)
    assert sorted(seen) == [False, True]
    assert statuses(sqlite, batch) == ["done", "done"]
