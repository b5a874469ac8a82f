"""Calibrated batches: the first chunk waits for its prior, which then is that of all rows."""

import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import pytest

from jobs.calibration import LEAST_ROWS, Prior
from jobs.prompt import Usage
from jobs.spec import GateSection, Spec
from jobs.store import Database, chunks, priors, results
from jobs.store.batches import Batch
from jobs.tasks import Answer, Reading
from jobs.tasks.protocol import nothing
from tests.execute.executing import PATIENCE_SECONDS, answer_owed, make_executor, run_aside
from tests.store.making import all_hints, assert_sound, make_batch, statuses
from workers.engines.stub import StubEngine
from workers.holding import MAX_POOLS, Holding, Pools


def calibrated(spec: Spec) -> Spec:
    """The small spec with calibration."""
    task = spec.task.model_copy(update={"calibration": "batch"})
    gate = GateSection(mode="threshold", threshold=0.7)
    return spec.model_copy(update={"task": task, "gate": gate})


def attempts_of(database: Database, batch: Batch, rows: int) -> list[dict[str, Any]]:
    """The first attempt of every row."""
    return [
        results.row_life(database, batch.batch_id, row_number=number).attempts[0]
        for number in range(1, rows + 1)
    ]


def test_all_rows_have_the_prior_of_the_first_chunk(sqlite: Database, engine: StubEngine) -> None:
    """It is pinned once; raw and calibrated probabilities stand side by side."""
    batch = make_batch(sqlite, [LEAST_ROWS, 5], change=calibrated)
    answer_owed(sqlite, engine)
    prior = priors.find(sqlite, batch.batch_id, 0)
    assert prior is not None
    assert prior.rows == LEAST_ROWS
    for attempt in attempts_of(sqlite, batch, LEAST_ROWS + 5):
        signals = attempt["signals"]
        assert signals["calibration"]["rows"] == LEAST_ROWS
        assert attempt["confidence"] == pytest.approx(
            signals["probabilities"][attempt["label"]], abs=1e-6
        )
        kept = attempt["reason_code"] == "above_threshold"
        assert kept == (attempt["confidence"] >= 0.7)
    assert_sound(sqlite)


def test_small_chunks_count_together(sqlite: Database, engine: StubEngine) -> None:
    """Rows before there are enough stay as the model said; those behind are calibrated."""
    batch = make_batch(sqlite, [LEAST_ROWS - 10, 20, 3], change=calibrated)
    executor = make_executor(sqlite, engine, commit_rows=64)
    while hints := all_hints(sqlite):
        executor.answer(hints[0])
    prior = priors.find(sqlite, batch.batch_id, 0)
    assert prior is not None
    assert prior.rows == LEAST_ROWS + 10
    told = ["calibration" in one["signals"] for one in attempts_of(sqlite, batch, LEAST_ROWS + 13)]
    assert told == [False] * (LEAST_ROWS - 10) + [True] * 23


def test_a_batch_that_is_too_small(sqlite: Database, engine: StubEngine) -> None:
    """Is answered as without calibration."""
    batch = make_batch(sqlite, [7], change=calibrated)
    answer_owed(sqlite, engine)
    assert priors.find(sqlite, batch.batch_id, 0) is None
    assert not any("calibration" in one["signals"] for one in attempts_of(sqlite, batch, 7))
    assert len(statuses(sqlite, batch)) == 7


def test_the_first_prior_stands(sqlite: Database, worker_lease: Callable[..., Any]) -> None:
    """Of two chunks that find one, the later takes what is there."""
    batch = make_batch(sqlite, [1, 1], change=calibrated)
    one, two = worker_lease(), worker_lease()
    first = Prior(100, {"refund": -0.5, "delivery": -1.0})
    assert priors.pin(sqlite, one, first) == first
    assert priors.pin(sqlite, two, Prior(120, {"refund": -3.0, "delivery": -3.0})) == first
    assert priors.find(sqlite, batch.batch_id, 0) == first
    assert priors.find(sqlite, batch.batch_id, 1) is None


def test_nothing_is_written_while_rows_are_held(
    sqlite: Database, engine: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk's rows come in one commit when the last of them is there, and the lease lives."""
    make_batch(sqlite, [LEAST_ROWS], change=calibrated)
    sizes: list[int] = []
    commit = chunks.commit

    def watch(database: Database, lease: Any, outcomes: Any, kept: Any = ()) -> None:
        sizes.append(len(outcomes))
        commit(database, lease, outcomes, kept)

    monkeypatch.setattr(chunks, "commit", watch)
    make_executor(sqlite, engine, commit_rows=16).answer(all_hints(sqlite)[0])
    assert [size for size in sizes if size] == [LEAST_ROWS]
    assert len(sizes) > 1


def test_what_a_prior_would_not_change_is_not_held(
    sqlite: Database, worker_lease: Callable[..., Any]
) -> None:
    """Labels that were written, and rows without an answer, are committed as they come."""
    make_batch(sqlite, [3], change=calibrated)
    holding = Holding(sqlite, worker_lease(), Pools())
    said = Reading({"label": "refund"}, "refund", {}, 0.9, "token_logprobs")
    written = Answer(1, said, Usage())
    failed = Answer(2, nothing("engine_failed"), Usage(), "engine_failed")
    signals = {"probabilities": {"refund": 0.9, "delivery": 0.1}}
    scored = Answer(3, replace(written.reading, signals=signals), Usage())
    assert holding.take([scored, written]) == [written]
    assert holding.take([failed]) == [failed, scored]


def test_a_stop_gives_held_rows_back(
    sqlite: Database, slow: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was answered but not judged waits again with the others; no row is lost or doubled."""
    batch = make_batch(sqlite, [6], change=calibrated)
    held, withdrawn = threading.Event(), threading.Event()
    take, withdraw = Holding.take, slow.withdraw

    def watch_withdraw(keys: Collection[int], **options: Any) -> None:
        withdraw(keys, **options)
        withdrawn.set()

    def watch(holding: Holding, answers: Any) -> Any:
        ready = take(holding, answers)
        if answers:
            held.set()
        return ready

    monkeypatch.setattr(Holding, "take", watch)
    monkeypatch.setattr(slow, "withdraw", watch_withdraw)
    executor = make_executor(sqlite, slow)
    thread, raised = run_aside(executor, all_hints(sqlite)[0])
    assert held.wait(PATIENCE_SECONDS)
    executor.stop()
    assert withdrawn.wait(PATIENCE_SECONDS)
    slow.release_hang()
    thread.join(PATIENCE_SECONDS)
    assert raised == []
    assert statuses(sqlite, batch) == ["waiting"] * 6
    assert_sound(sqlite)
    answer_owed(sqlite, slow)
    assert {*statuses(sqlite, batch)} <= {"done", "review"}


def test_scores_of_old_batches_are_forgotten(
    worker_lease: Callable[..., Any], sqlite: Database
) -> None:
    """A worker that meets many small batches does not grow."""
    make_batch(sqlite, [1], change=calibrated)
    lease, pools = worker_lease(), Pools()
    for number in range(MAX_POOLS + 1):
        pools.add(replace(lease, batch_id=f"b{number}"), [{"a": 1.0}])
    assert len(pools.add(replace(lease, batch_id="b0"), [])) == 0
    assert len(pools.add(replace(lease, batch_id=f"b{MAX_POOLS}"), [{"a": 1.0}])) == 2
