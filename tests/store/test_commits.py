"""Commits: one result per row, every attempt paid for, and what is not answered given back."""

import pytest
from sqlalchemy.exc import IntegrityError

from jobs.errors import LeaseLost
from jobs.job import Hint, JobStatus
from jobs.store import Database, batches, chunks, results
from tests.store.making import (
    all_hints,
    answer,
    assert_sound,
    claim,
    drive,
    expire,
    make_batch,
    outcome,
    read_chunk,
    rows_of,
    statuses,
)


def test_each_row_gets_one_result(database: Database) -> None:
    """Rows committed in two steps have one attempt and one result each, with their cost."""
    batch = make_batch(database, [3])
    lease = claim(database)
    chunks.commit(database, lease, [outcome(job) for job in lease.jobs[:2]])
    assert read_chunk(database, lease.chunk_id)["status"] == "running"
    assert_sound(database)
    chunks.commit(database, lease, [outcome(job, cost_nano_usd=11) for job in lease.jobs[2:]])
    assert_sound(database)
    assert statuses(database, batch) == ["done"] * 3
    assert results.tally(database, batch.batch_id).cost_nano_usd == 7 + 7 + 11
    lines = rows_of(
        database,
        "SELECT r.job_id, a.job_id AS of_attempt FROM results r"
        " JOIN attempts a ON a.attempt_id = r.attempt_id",
    )
    assert len(lines) == 3
    assert all(line["job_id"] == line["of_attempt"] for line in lines)


def test_the_last_row_finishes_the_chunk(database: Database) -> None:
    """A chunk ends with its last row, and the batch can then be closed."""
    batch = make_batch(database, [2])
    lease = claim(database)
    answer(database, lease)
    chunk = read_chunk(database, lease.chunk_id)
    assert (chunk["status"], chunk["lease_until"]) == ("finished", None)
    assert batches.close_finished(database) == [batch.batch_id]
    assert_sound(database)


def test_review_has_no_result(database: Database) -> None:
    """A row in review keeps its answer as a suggestion and has no result."""
    batch = make_batch(database, [1])
    lease = claim(database)
    chunks.commit(database, lease, [outcome(lease.jobs[0], JobStatus.REVIEW)])
    (line,) = results.stream_results(database, batch.batch_id)
    assert (line["status"], line["output"], line["label"]) == ("review", None, None)
    assert line["suggested_output"] == {"label": "refund"}
    assert line["finished_at"] is not None
    assert read_chunk(database, lease.chunk_id)["status"] == "finished"
    assert_sound(database)


def test_no_outcomes_renew_the_lease(database: Database) -> None:
    """An empty commit moves the end of the lease and changes no row."""
    batch = make_batch(database, [2])
    lease = claim(database)
    expire(database, lease)
    before = read_chunk(database, lease.chunk_id)["lease_until"]
    chunks.commit(database, lease, [])
    assert read_chunk(database, lease.chunk_id)["lease_until"] > before
    assert statuses(database, batch) == ["running", "running"]


def test_the_same_rows_cannot_be_committed_again(database: Database) -> None:
    """A second commit of a row fails as a whole; the first one stands, paid once."""
    batch = make_batch(database, [3])
    lease = claim(database)
    chunks.commit(database, lease, [outcome(lease.jobs[0])])
    with pytest.raises((LeaseLost, IntegrityError)):
        chunks.commit(database, lease, [outcome(job) for job in lease.jobs])
    assert statuses(database, batch) == ["done", "running", "running"]
    assert results.tally(database, batch.batch_id).cost_nano_usd == 7
    assert_sound(database)


def test_a_finished_chunk_takes_no_commit(database: Database) -> None:
    """After its last row a chunk's lease is over for its own worker too."""
    make_batch(database, [1])
    lease = claim(database)
    answer(database, lease)
    with pytest.raises(LeaseLost):
        chunks.commit(database, lease, [])
    assert_sound(database)


def test_rows_of_another_chunk_are_refused(database: Database) -> None:
    """A lease writes the rows of its own chunk only."""
    make_batch(database, [1, 1])
    first, second = (claim(database, hint) for hint in all_hints(database))
    with pytest.raises(LeaseLost):
        chunks.commit(database, first, [outcome(second.jobs[0])])
    assert rows_of(database, "SELECT * FROM attempts") == []


def test_give_back_leaves_the_rest_for_others(database: Database) -> None:
    """What was not answered waits again under a new epoch; the claim is not counted."""
    batch = make_batch(database, [3])
    lease = claim(database)
    chunks.commit(database, lease, [outcome(lease.jobs[0])])
    chunks.give_back(database, lease)
    chunk = read_chunk(database, lease.chunk_id)
    assert (chunk["status"], chunk["attempts"], chunk["epoch"]) == ("waiting", 0, 1)
    assert all_hints(database) == [Hint(lease.chunk_id, 1)]
    assert statuses(database, batch) == ["done", "waiting", "waiting"]
    assert_sound(database)
    again = claim(database)
    assert [job.source_id for job in again.jobs] == ["r2", "r3"]
    answer(database, again)
    assert_sound(database)


def test_after_give_back_a_late_writer_is_stopped(database: Database) -> None:
    """Who gave a chunk back can write nothing more, even before anybody else claims it."""
    make_batch(database, [2])
    lease = claim(database)
    chunks.give_back(database, lease)
    with pytest.raises(LeaseLost):
        answer(database, lease)
    assert_sound(database)


def test_give_back_of_a_lost_lease_does_nothing(database: Database) -> None:
    """Giving back what another worker holds leaves that worker alone."""
    make_batch(database, [2])
    late = claim(database)
    expire(database, late)
    holder = claim(database, Hint(late.chunk_id, 0))
    chunks.give_back(database, late)
    answer(database, holder)
    assert_sound(database)


def test_a_batch_is_driven_to_its_end(database: Database) -> None:
    """Claim by claim every row ends, and the sum of the counts is the number of records."""
    batch = make_batch(database, [3, 1, 4], rejected=2)
    drive(database)
    tally = results.tally(database, batch.batch_id)
    assert (tally.rows, tally.rejected, tally.done, tally.ended) == (10, 2, 8, 10)
    assert batches.get(database, batch.batch_id).status == "closed"
    assert_sound(database)
