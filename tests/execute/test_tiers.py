"""Several tiers: what a small model is not sure of is answered by the larger one, or leaves."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from jobs.job import CLOUD_QUEUE
from jobs.spec import GateSection, PolicySection, RouteSection, Spec
from jobs.store import Database, batches, chunks, results
from tests.execute.executing import RATE, make_executor
from tests.store.making import WORKER, all_hints, assert_sound, make_batch, rows_of, statuses
from workers.engines.stub import StubEngine
from workers.execute import Executor
from workers.journal import Journal
from workers.settings import WorkerSection

LARGE = replace(WORKER, worker_id="w-large", model_name="large", model_hash="hash-large")
OPEN = PolicySection(data_class="open", budget_usd=Decimal(1))


@pytest.fixture
def large(journal: Journal) -> Iterator[StubEngine]:
    """A second engine, of the dearer tier."""
    made = StubEngine(journal, name="large")
    yield made
    made.close()


def changed(
    gate: GateSection, policy: PolicySection | None = None, cloud: str = "none"
) -> Callable[[Spec], Spec]:
    """The small spec with two local tiers and this gate and policy."""
    values = {
        "route": RouteSection(tiers=("stub", "large"), cloud=cloud),
        "gate": gate,
        "policy": policy or PolicySection(),
    }
    return lambda spec: spec.model_copy(update=values)


def answer_all(database: Database, small: StubEngine, large: StubEngine) -> None:
    """Let both models answer what is owed to them."""
    by_queue = {
        "local.stub": make_executor(database, small),
        "local.large": Executor(database, large, LARGE, RATE, WorkerSection()),
    }
    for queue, executor in by_queue.items():
        ids = rows_of(database, f"SELECT chunk_id FROM outbox WHERE queue = '{queue}'")  # noqa: S608
        owed = {line["chunk_id"] for line in ids}
        for hint in [hint for hint in all_hints(database) if hint.chunk_id in owed]:
            executor.answer(hint)


def test_the_large_model_answers_what_the_small_one_left(
    sqlite: Database, engine: StubEngine, large: StubEngine
) -> None:
    """Sure rows stay with the small model; the others have an attempt of each, and an end."""
    gate = GateSection(mode="threshold", threshold=0.75)
    batch = make_batch(sqlite, [40], change=changed(gate))
    answer_all(sqlite, engine, large)
    assert batches.close_finished(sqlite) == [batch.batch_id]
    lines = list(results.stream_results(sqlite, batch.batch_id))
    kept = [line for line in lines if line["tier"] == 0]
    climbed = [line for line in lines if line["tier"] == 1]
    assert kept
    assert climbed
    assert {line["status"] for line in kept} == {"done"}
    assert {line["model"] for line in climbed} == {"large"}
    # both stubs answer alike, so that what the first was not sure of the second is not either
    assert {line["status"] for line in climbed} == {"review"}
    assert {line["reason_code"] for line in climbed} == {"below_threshold"}
    assert results.spent(sqlite, batch.batch_id).attempts == len(kept) + 2 * len(climbed)
    assert_sound(sqlite)


@pytest.mark.parametrize(
    ("policy", "cloud", "reason"),
    [
        (OPEN, "none", "escalate_all"),
        (PolicySection(budget_usd=Decimal(1)), "claude-haiku-4-5", "policy_local_only"),
        (PolicySection(data_class="open"), "claude-haiku-4-5", "no_budget"),
    ],
)
def test_nothing_leaves_without_every_permission(
    sqlite: Database,
    engine: StubEngine,
    large: StubEngine,
    policy: PolicySection,
    cloud: str,
    reason: str,
) -> None:
    """The whole batch waits in review, with its best answers and the reason."""
    change = changed(GateSection(mode="escalate_all"), policy, cloud)
    batch = make_batch(sqlite, [3], change=change)
    answer_all(sqlite, engine, large)
    assert all_hints(sqlite) == []
    lines = list(results.stream_results(sqlite, batch.batch_id))
    assert {(line["status"], line["reason_code"]) for line in lines} == {("review", reason)}
    assert all(line["suggested_output"] for line in lines)
    assert batches.close_finished(sqlite) == [batch.batch_id]
    assert_sound(sqlite)


def test_what_may_leave_waits_for_a_sender(
    sqlite: Database, engine: StubEngine, large: StubEngine
) -> None:
    """With every permission the rows stand in the cloud's queue, and no local model takes them."""
    change = changed(GateSection(mode="escalate_all"), OPEN, "claude-haiku-4-5")
    batch = make_batch(sqlite, [3], change=change)
    answer_all(sqlite, engine, large)
    assert statuses(sqlite, batch) == ["escalated"] * 3
    assert chunks.needed_models(sqlite, batch.batch_id) == [CLOUD_QUEUE]
    answer_all(sqlite, engine, large)
    for hint in all_hints(sqlite):
        make_executor(sqlite, engine).answer(hint)
    assert statuses(sqlite, batch) == ["escalated"] * 3
    assert batches.close_finished(sqlite) == []
    assert_sound(sqlite)
