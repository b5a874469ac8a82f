"""Deadlines: rows that have no end by then wait for a person, with the best answer they have.

A chunk is finished before its lease is over, so a worker that comes later writes nothing. Only a
call to the cloud that is under way is heard to its end: `cloud.settle` keeps the books of it.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, delete, exists, insert, select, update

from jobs.deadline import Deadline
from jobs.job import CLOUD_QUEUE, BatchStatus, ChunkStatus, JobStatus, RequestStatus
from jobs.store.cloud import bury_intents
from jobs.store.database import Database, now
from jobs.store.outcomes import UNFINISHED, owe
from jobs.tables import attempts, batches, chunks, cloud_requests, jobs, outbox, results
from jobs.words import Language, say

DEADLINE: Final = "deadline"
"""The reason code of a row that the deadline ended."""
STEP_CHUNKS: Final = 100
"""Chunks of one transaction, so that no lease waits long for SQLite's write lock."""
UNENDED: Final = (BatchStatus.LOADING, BatchStatus.OPEN, BatchStatus.DECIDING)
OVER: Final = (batches.c.status == BatchStatus.OPEN) & (batches.c.deadline_at <= now())


def set_deadline(connection: Connection, batch_id: str, deadline: Deadline) -> None:
    """Give a batch that has not ended another deadline, or none."""
    connection.execute(
        update(batches)
        .where(batches.c.batch_id == batch_id, batches.c.status.in_(UNENDED))
        .values(deadline_at=deadline.at, updated_at=now())
    )


def end_overdue(database: Database) -> dict[str, int]:
    """Send the rows of overdue batches that have no end to review; return batch -> rows.

    Any number of processes may do it at once; each row is ended by one of them.
    """
    unfinished = exists().where(
        chunks.c.batch_id == batches.c.batch_id, chunks.c.status != ChunkStatus.FINISHED
    )
    with database.read() as connection:
        overdue = connection.execute(
            select(batches.c.batch_id, batches.c.language).where(OVER, unfinished)
        ).all()
    ended = {row.batch_id: _end_batch(database, row.batch_id, row.language) for row in overdue}
    return {batch_id: rows for batch_id, rows in ended.items() if rows}


def _end_batch(database: Database, batch_id: str, language: Language) -> int:
    words = say(DEADLINE, language)
    total = 0
    while True:
        with database.write() as connection:
            ids = _lock_chunks(connection, batch_id)
            if not ids:
                return total
            total += _end_chunks(connection, ids, words)


def _lock_chunks(connection: Connection, batch_id: str) -> list[int]:
    """Lock some unfinished chunks of a batch, in the order in which everybody locks them."""
    overdue = exists().where(batches.c.batch_id == chunks.c.batch_id, OVER)
    return list(
        connection.scalars(
            select(chunks.c.chunk_id)
            .where(chunks.c.batch_id == batch_id, chunks.c.status != ChunkStatus.FINISHED)
            .where(overdue)
            .order_by(chunks.c.chunk_id)
            .limit(STEP_CHUNKS)
            .with_for_update(of=chunks)
        )
    )


def _end_chunks(connection: Connection, chunk_ids: Sequence[int], words: str) -> int:
    """End what these chunks have left. The lease stays written: a call may still be under way."""
    here = jobs.c.chunk_id.in_(chunk_ids)
    forsaken = connection.scalars(
        select(jobs.c.job_id)
        .join(chunks, chunks.c.chunk_id == jobs.c.chunk_id)
        .where(here, jobs.c.status.in_((JobStatus.ESCALATED, JobStatus.IN_CLOUD)))
        .where((chunks.c.status != ChunkStatus.RUNNING) | (chunks.c.lease_until < now()))
    )
    bury_intents(connection, list(forsaken))
    ended = connection.execute(
        update(jobs)
        .where(here, jobs.c.status.in_(UNFINISHED))
        .values(
            status=JobStatus.REVIEW,
            obstacle_code=DEADLINE,
            obstacle=words,
            updated_at=now(),
            finished_at=now(),
        )
    )
    connection.execute(
        update(chunks)
        .where(chunks.c.chunk_id.in_(chunk_ids))
        .values(status=ChunkStatus.FINISHED, updated_at=now())
    )
    connection.execute(delete(outbox).where(outbox.c.chunk_id.in_(chunk_ids)))
    return ended.rowcount


def bury_forgotten(database: Database) -> int:
    """Count calls as maybe paid whose sender died after the deadline; return how many.

    As long as the lease of its chunk would have held, a sender may still bring the reply.
    """
    with_deadline = select(batches.c.batch_id).where(batches.c.deadline_at <= now())
    forgotten = (
        select(jobs.c.job_id)
        .join(cloud_requests, cloud_requests.c.job_id == jobs.c.job_id)
        .join(chunks, chunks.c.chunk_id == jobs.c.chunk_id)
        .where(
            cloud_requests.c.batch_id.in_(with_deadline),
            cloud_requests.c.status == RequestStatus.INTENT,
            jobs.c.status == JobStatus.REVIEW,
            chunks.c.lease_until < now(),
        )
    )
    with database.read() as connection:
        if connection.execute(forgotten.limit(1)).first() is None:
            return 0
    with database.write() as connection:
        return bury_intents(connection, list(connection.scalars(forgotten)))


def take_late_answers(connection: Connection, batch_id: str) -> int:
    """Let the cloud's paid answers that came after the deadline stand; return how many.

    Those that the gate would have kept are the rows' results; a row whose late answer failed a
    check stays in review for that reason. Neither is asked again.
    """
    late = (
        select(jobs.c.job_id)
        .join(attempts, attempts.c.attempt_id == jobs.c.attempt_id)
        .where(
            jobs.c.batch_id == batch_id,
            jobs.c.status == JobStatus.REVIEW,
            jobs.c.obstacle_code == DEADLINE,
            attempts.c.kind == "cloud",
        )
    )
    kept = list(connection.scalars(late.where(attempts.c.verdict == "keep")))
    for start in range(0, len(kept), STEP_CHUNKS):
        part = kept[start : start + STEP_CHUNKS]
        names = ("job_id", "batch_id", "attempt_id", "output", "fields", "label")
        answered = select(*(attempts.c[name] for name in names), now(), now()).join(
            jobs, jobs.c.attempt_id == attempts.c.attempt_id
        )
        connection.execute(
            insert(results).from_select(
                [*names, "created_at", "updated_at"], answered.where(jobs.c.job_id.in_(part))
            )
        )
        connection.execute(
            update(jobs)
            .where(jobs.c.job_id.in_(part))
            .values(
                status=JobStatus.DONE,
                obstacle_code=None,
                obstacle=None,
                updated_at=now(),
                finished_at=now(),
            )
        )
    connection.execute(
        update(jobs)
        .where(jobs.c.job_id.in_(late))
        .values(obstacle_code=None, obstacle=None, updated_at=now())
    )
    return len(kept)


def reopen(connection: Connection, batch_id: str) -> int:
    """Let rows that a deadline ended be asked again where they stood; return how many.

    Their own chunks wait again, under a new epoch and with their claims forgotten.
    """
    of_deadline = (
        (jobs.c.batch_id == batch_id)
        & (jobs.c.status == JobStatus.REVIEW)
        & (jobs.c.obstacle_code == DEADLINE)
    )
    reopened = list(connection.scalars(select(jobs.c.chunk_id).where(of_deadline).distinct()))
    for start in range(0, len(reopened), STEP_CHUNKS):
        _reopen_chunks(connection, reopened[start : start + STEP_CHUNKS])
    to_cloud = select(chunks.c.chunk_id).where(
        chunks.c.batch_id == batch_id, chunks.c.queue == CLOUD_QUEUE
    )
    rows = 0
    for status, where in (
        (JobStatus.ESCALATED, jobs.c.chunk_id.in_(to_cloud)),
        (JobStatus.WAITING, jobs.c.chunk_id.not_in(to_cloud)),
    ):
        rows += connection.execute(
            update(jobs)
            .where(of_deadline, where)
            .values(
                status=status,
                obstacle_code=None,
                obstacle=None,
                finished_at=None,
                updated_at=now(),
            )
        ).rowcount
    return rows


def _reopen_chunks(connection: Connection, chunk_ids: Sequence[int]) -> None:
    connection.execute(
        update(chunks)
        .where(chunks.c.chunk_id.in_(chunk_ids))
        .values(
            status=ChunkStatus.WAITING,
            epoch=chunks.c.epoch + 1,
            attempts=0,
            lease_until=None,
            updated_at=now(),
        )
    )
    owe(connection, chunk_ids)


def lift_if_past(connection: Connection, batch_id: str) -> None:
    """Forget a deadline that has passed: what goes on after it would end at once."""
    connection.execute(
        update(batches)
        .where(batches.c.batch_id == batch_id, batches.c.deadline_at <= now())
        .values(deadline_at=None)
    )
