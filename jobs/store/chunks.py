"""Chunks: claimed on the database's clock, written under a fence, given back, isolated.

The pattern: a message is only a hint; the claim is one conditional UPDATE that raises the
token and counts the attempt before the work; every write names that token first and stops if
it is no longer the chunk's.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, or_, select, update

from jobs.cache import KeptAnswer
from jobs.errors import LeaseLost
from jobs.faults import trip
from jobs.job import (
    CLOUD_QUEUE,
    BatchStatus,
    ChunkStatus,
    Hint,
    Job,
    JobStatus,
    Lease,
    Outcome,
)
from jobs.store import answers
from jobs.store.database import Database, now
from jobs.store.outcomes import UNFINISHED, finish_if_empty, owe, write_outcomes
from jobs.store.workers import Worker
from jobs.tables import attempts, batches, chunks, jobs, outbox, tiers


def claim(database: Database, hint: Hint, worker: Worker, lease_seconds: float) -> Lease | None:
    """Lease a chunk to a worker, or return None if it is not to be had.

    It is not when another worker's lease holds, the message is of an older epoch, the batch is
    not open, or the batch is pinned to another model file. The first claim of a tier pins it.
    """
    with database.write() as connection:
        claimed = connection.execute(
            update(chunks)
            .where(chunks.c.chunk_id == hint.chunk_id, chunks.c.epoch == hint.epoch)
            .where(
                or_(
                    chunks.c.status == ChunkStatus.WAITING,
                    (chunks.c.status == ChunkStatus.RUNNING) & (chunks.c.lease_until < now()),
                )
            )
            .where(
                exists().where(
                    batches.c.batch_id == chunks.c.batch_id, batches.c.status == BatchStatus.OPEN
                )
            )
            .values(
                status=ChunkStatus.RUNNING,
                token=chunks.c.token + 1,
                attempts=chunks.c.attempts + 1,
                worker_id=worker.worker_id,
                lease_until=now(plus_seconds=lease_seconds),
                updated_at=now(),
            )
            .returning(
                chunks.c.batch_id, chunks.c.tier, chunks.c.token, chunks.c.alone, chunks.c.queue
            )
        ).one_or_none()
        if claimed is None or not _may_answer(connection, claimed, worker):
            connection.rollback()
            return None
        connection.execute(delete(outbox).where(outbox.c.chunk_id == hint.chunk_id))
        leased = _lease_jobs(connection, hint.chunk_id)
        batch = connection.execute(
            select(batches.c.spec, batches.c.language, batches.c.use_cache).where(
                batches.c.batch_id == claimed.batch_id
            )
        ).one()
    trip("after_claim")
    return Lease(
        chunk_id=hint.chunk_id,
        batch_id=claimed.batch_id,
        tier=claimed.tier,
        token=claimed.token,
        alone=claimed.alone,
        lease_seconds=lease_seconds,
        spec=batch.spec,
        language=batch.language,
        jobs=leased,
        use_cache=batch.use_cache,
    )


def _may_answer(connection: Connection, claimed: Row[Any], worker: Worker) -> bool:
    """Any sender may ask the cloud; a local tier belongs to the one file that is pinned to it."""
    if claimed.queue == CLOUD_QUEUE:
        return bool(worker.model_name == CLOUD_QUEUE)
    return _pin(connection, claimed.batch_id, claimed.tier, worker)


def _pin(connection: Connection, batch_id: str, tier: int, worker: Worker) -> bool:
    """Say whether this worker's file may answer the tier; the first one to ask is pinned."""
    of_tier = (tiers.c.batch_id == batch_id) & (tiers.c.tier == tier)
    step = connection.execute(select(tiers.c.model_name, tiers.c.model_hash).where(of_tier)).one()
    if step.model_name != worker.model_name:
        return False
    if step.model_hash is None:
        pinned = connection.execute(
            update(tiers)
            .where(of_tier)
            .where(or_(tiers.c.model_hash.is_(None), tiers.c.model_hash == worker.model_hash))
            .values(model_hash=worker.model_hash)
        )
        return pinned.rowcount == 1
    return bool(step.model_hash == worker.model_hash)


def _lease_jobs(connection: Connection, chunk_id: int) -> tuple[Job, ...]:
    connection.execute(
        update(jobs)
        .where(jobs.c.chunk_id == chunk_id, jobs.c.status == JobStatus.WAITING)
        .values(status=JobStatus.RUNNING, updated_at=now())
    )
    own = [jobs.c[name] for name in Job.__dataclass_fields__ if name != "fields"]
    rows = connection.execute(
        select(*own, attempts.c.fields)
        .outerjoin(attempts, attempts.c.attempt_id == jobs.c.attempt_id)
        .where(jobs.c.chunk_id == chunk_id, jobs.c.status.in_(UNFINISHED))
        .order_by(jobs.c.row_number)
    )
    return tuple(Job(**row._mapping) for row in rows)


def commit(
    database: Database,
    lease: Lease,
    outcomes: Sequence[Outcome],
    kept: Sequence[KeptAnswer] = (),
) -> None:
    """Write some rows' attempts, results and states under the lease, and renew it.

    `kept` is what the model answered to them, for equal prompts of other rows.
    With no outcomes it only renews. A chunk whose last row this was is finished. Raises
    LeaseLost, having written nothing, when the chunk is no longer this lease's.
    """
    with database.write() as connection:
        fence(connection, lease)
        if outcomes:
            write_outcomes(connection, lease, outcomes, before=JobStatus.RUNNING)
            answers.write(connection, kept)
            finish_if_empty(connection, [lease.chunk_id])
    trip("after_commit")


def fence(connection: Connection, lease: Lease) -> None:
    """Renew the lease, or raise LeaseLost if another worker holds the chunk."""
    held = connection.execute(
        update(chunks)
        .where(
            chunks.c.chunk_id == lease.chunk_id,
            chunks.c.token == lease.token,
            chunks.c.status == ChunkStatus.RUNNING,
        )
        .values(lease_until=now(plus_seconds=lease.lease_seconds), updated_at=now())
    )
    if held.rowcount != 1:
        raise LeaseLost("lease_lost", chunk=lease.chunk_id, token=lease.token)


def give_back(database: Database, lease: Lease) -> None:
    """Return a chunk whose work was stopped on purpose; what is unfinished waits again.

    Does nothing if the lease is lost already. The claim is not counted as an attempt.
    """
    with database.write() as connection:
        held = connection.execute(
            update(chunks)
            .where(
                chunks.c.chunk_id == lease.chunk_id,
                chunks.c.token == lease.token,
                chunks.c.status == ChunkStatus.RUNNING,
            )
            .values(attempts=chunks.c.attempts - 1)
        )
        if held.rowcount == 1:
            free(connection, [lease.chunk_id])


def free(connection: Connection, chunk_ids: Collection[int]) -> None:
    """Let leased chunks wait again under a new epoch and owe a message for each.

    The token stays until the next claim raises it; a late writer is stopped by the status.
    """
    ids = list(chunk_ids)
    connection.execute(
        update(jobs)
        .where(jobs.c.chunk_id.in_(ids), jobs.c.status == JobStatus.RUNNING)
        .values(status=JobStatus.WAITING, updated_at=now())
    )
    connection.execute(
        update(chunks)
        .where(chunks.c.chunk_id.in_(ids))
        .values(
            status=ChunkStatus.WAITING,
            epoch=chunks.c.epoch + 1,
            lease_until=None,
            updated_at=now(),
        )
    )
    owe(connection, ids)


def needed_models(database: Database, batch_id: str) -> list[str]:
    """Return the models with unfinished chunks of a batch, cheap to dear; `cloud` for the cloud."""
    with database.read() as connection:
        rows = connection.execute(
            select(chunks.c.queue, chunks.c.tier)
            .where(chunks.c.batch_id == batch_id, chunks.c.status != ChunkStatus.FINISHED)
            .distinct()
            .order_by(chunks.c.tier)
        )
        return [row.queue.removeprefix("local.") for row in rows]
