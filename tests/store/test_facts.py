"""The facts of a batch: what its page says stands in SQL, the same on both databases."""

from dataclasses import replace
from decimal import Decimal

from jobs.job import JobStatus
from jobs.store import Database, batches, chunks, cloud, facts
from jobs.store.facts import Answering, ConfidenceBin, Reason
from tests.store.making import claim, make_batch, outcome
from tests.store.sending import RESERVED, begin, claim_cloud, cloud_outcome, make_escalated


def test_ends_reasons_and_answers_are_counted(database: Database) -> None:
    """Each reason has its number, its first row and that row's words; answers go by model."""
    batch = make_batch(database, [4], rejected=2)
    lease = claim(database)
    ends = [JobStatus.DONE, JobStatus.REVIEW, JobStatus.DONE, JobStatus.FAILED]
    chunks.commit(
        database, lease, [outcome(job, end) for job, end in zip(lease.jobs, ends, strict=True)]
    )
    batches.close_finished(database)
    found = facts.read_facts(database, batch.batch_id[:6])
    assert found.batch.batch_id == batch.batch_id
    assert found.reasons == (
        Reason("failed", "keep_all", "kept", 1, 4),
        Reason("review", "keep_all", "kept", 1, 2),
        Reason("rejected", "empty_text", "the text is empty", 2, 5),
    )
    assert found.answering == (Answering(0, "stub", 2),)
    assert (found.tally.rows, found.tally.done, found.sent, found.in_flight) == (6, 2, 0, 0)
    assert (found.local_nano_usd, found.money.budget_nano_usd) == (28, 0)
    assert found.file_bytes == 100
    assert found.opened_at is not None


def test_confidence_is_counted_in_tenths(database: Database) -> None:
    """The bounds belong to the upper bin, 1 to the last; rows without confidence stand apart."""
    batch = make_batch(database, [6])
    lease = claim(database)
    sure = (0.0, 0.1, 0.75, 0.8, 1.0, None)
    written = []
    for job, confidence in zip(lease.jobs, sure, strict=True):
        made = outcome(job, JobStatus.REVIEW if confidence == 0.0 else JobStatus.DONE)
        attempt = replace(made.attempt, confidence=confidence)
        written.append(replace(made, attempt=attempt))
    chunks.commit(database, lease, written)
    found = facts.read_facts(database, batch.batch_id)
    counted = {part.low: (part.done, part.other) for part in found.confidence if part.done}
    assert found.confidence[0] == ConfidenceBin(Decimal(0), 0, 1)
    assert counted == {
        Decimal("0.1"): (1, 0),
        Decimal("0.7"): (1, 0),
        Decimal("0.8"): (1, 0),
        Decimal("0.9"): (1, 0),
    }
    assert found.unknown_confidence == 1


def test_cloud_money_and_calls_under_way(database: Database) -> None:
    """What a cloud's answer cost stands apart from local work; a call without an end is counted."""
    made = make_escalated(database, 2)
    lease = claim_cloud(database)
    first, second = lease.jobs
    begun = begin(database, lease, first)
    cloud.settle(database, lease, begun, cloud_outcome(first, 321), provider_request_id=None)
    begin(database, lease, second)
    found = facts.read_facts(database, made.batch.batch_id)
    assert (found.sent, found.in_flight) == (2, 1)
    assert (found.local_nano_usd, found.money.settled_nano_usd) == (14, 321)
    assert found.money.held_nano_usd == RESERVED


def test_a_batch_without_rows(database: Database) -> None:
    """Nothing was answered, so there is nothing to say of answers."""
    batch = make_batch(database, [])
    found = facts.read_facts(database, batch.batch_id)
    assert (found.reasons, found.answering, found.confidence) == ((), (), ())
