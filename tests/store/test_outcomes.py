"""Outcomes: rows the gate does not keep move into chunks of the next step and are owed there."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from jobs.errors import LeaseLost
from jobs.job import CLOUD_QUEUE, Hint, Job, JobStatus, Outcome, Step, queue_name
from jobs.spec import RouteSection, Spec
from jobs.store import Database, batches, chunks, results
from jobs.store.batches import Batch
from jobs.store.outcomes import STEP_ROWS
from jobs.store.workers import Worker
from tests.store.making import (
    WORKER,
    all_hints,
    answer,
    assert_sound,
    claim,
    expire,
    make_batch,
    other_worker,
    outcome,
    read_chunk,
    rows_of,
    statuses,
)

LARGE = replace(WORKER, worker_id="w-large", model_name="large", model_hash="hash-large")
SENDER = replace(WORKER, worker_id="w-cloud", model_name=CLOUD_QUEUE, model_hash="")
TO_LARGE = Step("local", 1, queue_name("large"))
TO_CLOUD = Step("cloud", 1, CLOUD_QUEUE)


def two_tiers(spec: Spec) -> Spec:
    """The same spec with a larger model behind the first."""
    return spec.model_copy(update={"route": RouteSection(tiers=("stub", "large"))})


def make_two_tiers(database: Database, *sizes: int) -> Batch:
    """An open batch whose rows may be asked of two local models."""
    return make_batch(database, sizes, change=two_tiers)


def climb(job: Job, step: Step = TO_LARGE, *, tier: int = 0) -> Outcome:
    """An answer that is not kept, and where its row is asked next."""
    status = JobStatus.WAITING if step.kind == "local" else JobStatus.ESCALATED
    found = outcome(job, status)
    return replace(found, attempt=replace(found.attempt, tier=tier), step=step)


def queues_owed(database: Database) -> list[dict[str, Any]]:
    """The messages owed, with their chunks' steps."""
    return rows_of(
        database,
        "SELECT o.chunk_id, o.queue, c.tier, c.rows, c.status FROM outbox o"
        " JOIN chunks c ON c.chunk_id = o.chunk_id ORDER BY o.chunk_id",
    )


def test_rows_that_climb_move_into_a_new_chunk(database: Database) -> None:
    """The kept row is done; the others wait in one chunk of the next tier, which is owed."""
    batch = make_two_tiers(database, 3)
    lease = claim(database)
    kept, *others = lease.jobs
    chunks.commit(database, lease, [outcome(kept), *[climb(job) for job in others]])
    assert statuses(database, batch) == ["done", "waiting", "waiting"]
    assert read_chunk(database, lease.chunk_id)["status"] == "finished"
    (owed,) = queues_owed(database)
    assert owed["chunk_id"] != lease.chunk_id
    assert (owed["queue"], owed["tier"]) == ("local.large", 1)
    assert (owed["rows"], owed["status"]) == (2, "waiting")
    assert batches.close_finished(database) == []
    assert_sound(database)


def test_a_chunk_goes_on_after_some_of_its_rows_climbed(database: Database) -> None:
    """Rows that are still being answered stay under their lease."""
    batch = make_two_tiers(database, 3)
    lease = claim(database)
    first, *others = lease.jobs
    chunks.commit(database, lease, [climb(first)])
    assert read_chunk(database, lease.chunk_id)["status"] == "running"
    assert statuses(database, batch) == ["waiting", "running", "running"]
    chunks.commit(database, lease, [outcome(job) for job in others])
    assert read_chunk(database, lease.chunk_id)["status"] == "finished"
    assert_sound(database)


def test_small_then_large_to_the_end(database: Database) -> None:
    """A row that two models answered has two attempts, one result, and the sum of both costs."""
    batch = make_two_tiers(database, 2)
    lease = claim(database)
    chunks.commit(database, lease, [outcome(lease.jobs[0]), climb(lease.jobs[1])])
    assert chunks.needed_models(database, batch.batch_id) == ["large"]
    large = claim(database, worker=LARGE)
    (job,) = large.jobs
    assert (large.tier, job.tier, job.source_id) == (1, 1, "r2")
    found = outcome(job, cost_nano_usd=100)
    attempt = replace(found.attempt, tier=1, model_name="large", output={"label": "delivery"})
    chunks.commit(database, large, [replace(found, attempt=attempt)])
    assert batches.close_finished(database) == [batch.batch_id]
    first, second = results.stream_results(database, batch.batch_id)
    assert (first["tier"], first["output"]) == (0, {"label": "refund"})
    assert (second["tier"], second["output"]) == (1, {"label": "delivery"})
    assert results.tally(database, batch.batch_id).cost_nano_usd == 7 + 7 + 100
    assert len(rows_of(database, "SELECT * FROM attempts")) == 3
    assert len(rows_of(database, "SELECT * FROM results")) == 2
    assert_sound(database)


def test_models_are_needed_cheap_to_dear(database: Database) -> None:
    """While both tiers have work, the cheap one comes first."""
    batch = make_two_tiers(database, 1, 1)
    lease = claim(database)
    chunks.commit(database, lease, [climb(lease.jobs[0])])
    assert chunks.needed_models(database, batch.batch_id) == ["stub", "large"]


@pytest.mark.parametrize("worker", [WORKER, SENDER, other_worker(model_name="another")])
def test_a_tier_belongs_to_its_own_model(database: Database, worker: Worker) -> None:
    """A worker of another model can not claim what climbed, and neither can a sender."""
    make_two_tiers(database, 1)
    lease = claim(database)
    chunks.commit(database, lease, [climb(lease.jobs[0])])
    (hint,) = all_hints(database)
    assert chunks.claim(database, hint, worker, 60) is None
    assert all_hints(database) == [hint]
    assert claim(database, hint, LARGE).jobs


def test_each_tier_pins_its_own_file(database: Database) -> None:
    """The first file that answers a tier is the only one to answer it."""
    batch = make_two_tiers(database, 1, 1)
    for hint in all_hints(database):
        lease = claim(database, hint)
        chunks.commit(database, lease, [climb(lease.jobs[0])])
    first, second = all_hints(database)
    claim(database, first, LARGE)
    pins = batches.pinned_models(database, batch.batch_id)
    assert pins == {"stub": "hash-a", "large": "hash-large"}
    other = replace(LARGE, worker_id="w9", model_hash="hash-other")
    assert chunks.claim(database, second, other, 60) is None


def test_rows_for_the_cloud_wait_escalated(database: Database) -> None:
    """They are owed to the cloud's queue in small chunks that several senders can share."""
    count = 2 * STEP_ROWS + 1
    batch = make_batch(database, [count])
    lease = claim(database)
    chunks.commit(database, lease, [climb(job, TO_CLOUD) for job in lease.jobs])
    assert statuses(database, batch) == ["escalated"] * count
    owed = queues_owed(database)
    assert [line["rows"] for line in owed] == [STEP_ROWS, STEP_ROWS, 1]
    assert {(line["queue"], line["tier"]) for line in owed} == {(CLOUD_QUEUE, 1)}
    assert chunks.needed_models(database, batch.batch_id) == [CLOUD_QUEUE]
    tally = results.tally(database, batch.batch_id)
    assert (tally.escalated, tally.ended) == (count, 0)
    assert batches.close_finished(database) == []
    assert_sound(database)


def test_only_senders_claim_for_the_cloud(database: Database) -> None:
    """A sender gets the rows with the fields of the tier before; no local worker does."""
    make_batch(database, [1])
    lease = claim(database)
    found = climb(lease.jobs[0], TO_CLOUD)
    fields = {"shop": {"value": "Aoi", "kept": True}}
    attempt = replace(found.attempt, fields=fields)
    chunks.commit(database, lease, [replace(found, attempt=attempt)])
    (hint,) = all_hints(database)
    assert chunks.claim(database, hint, WORKER, 60) is None
    sent = claim(database, hint, SENDER)
    (job,) = sent.jobs
    assert (job.tier, job.fields) == (1, fields)


def test_both_steps_in_one_commit(database: Database) -> None:
    """Rows of one chunk may part ways; each goes to the queue of its own step."""
    batch = make_two_tiers(database, 4)
    lease = claim(database)
    done, review, local, cloud = lease.jobs
    chunks.commit(
        database,
        lease,
        [
            climb(cloud, replace(TO_CLOUD, tier=2)),
            outcome(done),
            climb(local),
            outcome(review, JobStatus.REVIEW),
        ],
    )
    assert statuses(database, batch) == ["done", "review", "waiting", "escalated"]
    owed = {(line["queue"], line["tier"], line["rows"]) for line in queues_owed(database)}
    assert owed == {("local.large", 1, 1), (CLOUD_QUEUE, 2, 1)}
    assert_sound(database)


def test_a_late_writer_moves_nothing(database: Database) -> None:
    """Who lost the lease can not escalate a row either."""
    batch = make_two_tiers(database, 2)
    late = claim(database)
    expire(database, late)
    holder = claim(database, Hint(late.chunk_id, 0))
    with pytest.raises(LeaseLost):
        chunks.commit(database, late, [climb(job) for job in late.jobs])
    assert all_hints(database) == []
    assert statuses(database, batch) == ["running"] * 2
    answer(database, holder)
    assert_sound(database)


def test_a_row_climbs_once(database: Database) -> None:
    """A row that has left the chunk is out of the lease's reach: nothing of the commit stands."""
    batch = make_two_tiers(database, 2)
    lease = claim(database)
    chunks.commit(database, lease, [climb(lease.jobs[0])])
    with pytest.raises((LeaseLost, IntegrityError)):
        chunks.commit(database, lease, [climb(job) for job in lease.jobs])
    assert len(queues_owed(database)) == 1
    assert statuses(database, batch) == ["waiting", "running"]
    assert results.tally(database, batch.batch_id).cost_nano_usd == 7
    assert_sound(database)


def test_what_was_given_back_climbs_later(database: Database) -> None:
    """Giving a chunk back leaves rows that climbed where they are."""
    batch = make_two_tiers(database, 2)
    lease = claim(database)
    chunks.commit(database, lease, [climb(lease.jobs[0])])
    chunks.give_back(database, lease)
    owed = queues_owed(database)
    assert [line["queue"] for line in owed] == ["local.stub", "local.large"]
    assert statuses(database, batch) == ["waiting"] * 2
    assert_sound(database)
    for line in owed:
        worker = LARGE if line["queue"] == "local.large" else WORKER
        hint = next(hint for hint in all_hints(database) if hint.chunk_id == line["chunk_id"])
        answer(database, claim(database, hint, worker))
    batches.close_finished(database)
    assert statuses(database, batch) == ["done"] * 2
    assert batches.get(database, batch.batch_id).status == "closed"


def test_an_answer_of_a_lower_tier_stays_the_suggestion(database: Database) -> None:
    """A dearer model that had no answer takes nothing away: the best one is still shown."""
    batch = make_two_tiers(database, 1)
    lease = claim(database)
    chunks.commit(database, lease, [climb(lease.jobs[0])])
    large = claim(database, worker=LARGE)
    found = outcome(large.jobs[0], JobStatus.REVIEW)
    silent = replace(found.attempt, tier=1, output=None, label=None, reason_code="no_answer")
    chunks.commit(database, large, [replace(found, attempt=silent)])
    (line,) = results.stream_results(database, batch.batch_id)
    assert (line["status"], line["output"], line["reason_code"]) == ("review", None, "no_answer")
    assert line["suggested_output"] == {"label": "refund"}


def test_an_obstacle_is_the_reason_shown(database: Database) -> None:
    """A row that may not leave says so in the view; its attempt keeps the gate's own reason."""
    batch = make_batch(database, [1])
    lease = claim(database)
    found = replace(
        outcome(lease.jobs[0], JobStatus.REVIEW), obstacle_code="no_budget", obstacle="words"
    )
    chunks.commit(database, lease, [found])
    (line,) = results.stream_results(database, batch.batch_id)
    assert (line["reason_code"], line["reason"]) == ("no_budget", "words")
    (attempt,) = rows_of(database, "SELECT reason_code FROM attempts")
    assert attempt["reason_code"] == "keep_all"
