"""The executor with a real store and the stub engine: rows in, committed answers out."""

from collections.abc import Sequence
from typing import Any

import pytest

from jobs.errors import ServiceError, SpecError
from jobs.job import Hint
from jobs.prompt import Prompt
from jobs.spec import Spec
from jobs.store import Database, batches, chunks, recovery, results
from tests.execute.executing import PATIENCE_SECONDS, Commits, make_executor, run_aside
from tests.store.making import (
    WORKER,
    all_hints,
    assert_sound,
    make_batch,
    other_worker,
    rows_of,
    statuses,
)
from workers.engines.stub import StubEngine


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


def test_a_lone_row_is_submitted_alone(
    sqlite: Database, engine: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A suspect in a chunk of its own is the only row of its native step."""
    batch = make_batch(sqlite, [2])
    lease = chunks.claim(sqlite, all_hints(sqlite)[0], WORKER, 60)
    assert lease is not None
    suspects = [lease.jobs[0].job_id]
    recovery.recover_worker(sqlite, "w1", suspects, native_crash=True)
    seen: list[bool] = []
    submit = engine.submit

    def watch(prompts: Sequence[Prompt], deliver: Any, *, alone: bool, owner: object) -> None:
        seen.append(alone)
        submit(prompts, deliver, alone=alone, owner=owner)

    monkeypatch.setattr(engine, "submit", watch)
    executor = make_executor(sqlite, engine)
    for hint in all_hints(sqlite):
        executor.answer(hint)
    assert sorted(seen) == [False, True]
    assert statuses(sqlite, batch) == ["done", "done"]


def take_several(spec: Spec) -> Spec:
    """The same spec with any number of its labels for a row."""
    return spec.model_copy(update={"task": spec.task.model_copy(update={"multi_label": True})})


def test_a_set_of_labels_is_a_rows_result_the_empty_one_too(
    database: Database, engine: StubEngine
) -> None:
    """It stands in the output alone; the views count it like any answer."""
    batch = make_batch(database, [30], change=take_several)
    make_executor(database, engine, commit_rows=64).answer(all_hints(database)[0])
    assert batches.close_finished(database) == [batch.batch_id]
    lines = list(results.stream_results(database, batch.batch_id))
    assert {line["label"] for line in lines} == {None}
    sets = [line["output"]["labels"] for line in lines]
    assert {tuple(labels) for labels in sets} == {
        (),
        ("refund",),
        ("delivery",),
        ("refund", "delivery"),
    }
    assert all(line["confidence"] >= 0.5 for line in lines)
    (kept,) = rows_of(database, "SELECT MAX(kept) AS kept FROM what_if_thresholds")
    assert kept["kept"] == 30
    assert_sound(database)
