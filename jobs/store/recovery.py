"""After a death: leases that are over, rows that are suspects, rows that keep killing.

A row that was inside a native call when the process died of a native signal is a suspect. Each
suspect gets a chunk of its own and runs alone in its native step; the one that kills again is
`failed`, its neighbours finish. (Running suspects one by one takes one more crash in all, where
bisecting takes log2(n); a restart costs a model load, a lone row costs milliseconds.)
"""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from jobs.job import CLOUD_QUEUE, Attempt, ChunkStatus, JobStatus, Step
from jobs.store.chunks import free
from jobs.store.database import Database, now
from jobs.store.outcomes import UNFINISHED, finish_if_empty, open_chunk
from jobs.tables import attempts, batches, chunks, jobs, tiers
from jobs.words import say

MAX_CLAIMS: Final = 5
"""A chunk claimed this often without an end is isolated; a lone row is failed."""


def recover_expired(database: Database) -> int:
    """Free every chunk whose lease is over; return how many there were."""
    over = (chunks.c.status == ChunkStatus.RUNNING) & (chunks.c.lease_until < now())
    with database.read() as connection:
        if connection.execute(select(chunks.c.chunk_id).where(over).limit(1)).first() is None:
            return 0
    with database.write() as connection:
        return _recover(connection, over)


def recover_worker(
    database: Database,
    worker_id: str,
    suspects: Collection[int] = (),
    *,
    native_crash: bool = False,
) -> int:
    """Take back what a dead worker held; return how many chunks that were.

    `suspects` are the job ids of its journal, looked at only after a `native_crash`.
    """
    held = (chunks.c.status == ChunkStatus.RUNNING) & (chunks.c.worker_id == worker_id)
    with database.write() as connection:
        if native_crash:
            _handle_suspects(connection, held, suspects)
        return _recover(connection, held)


def _recover(connection: Connection, which: Any) -> int:
    # Locked in one order, so that of several dispatchers exactly one frees each chunk.
    rows = connection.execute(
        select(chunks.c.chunk_id, chunks.c.attempts, chunks.c.alone, chunks.c.queue)
        .where(which)
        .order_by(chunks.c.chunk_id)
        .with_for_update()
    ).all()
    if not rows:
        return 0
    # A row in the cloud is bounded by its lost replies, not by its senders' deaths.
    tired = [row for row in rows if row.attempts >= MAX_CLAIMS and row.queue != CLOUD_QUEUE]
    for row in tired:
        left = _unfinished_jobs(connection, [row.chunk_id])
        if row.alone:
            _fail(connection, left, "worker_lost", times=row.attempts)
        else:
            _isolate(connection, left)
        finish_if_empty(connection, [row.chunk_id])
    rested = [row.chunk_id for row in rows if row not in tired]
    if rested:
        free(connection, rested)
        finish_if_empty(connection, rested)
    return len(rows)


def _unfinished_jobs(connection: Connection, chunk_ids: Collection[int]) -> list[int]:
    return list(
        connection.scalars(
            select(jobs.c.job_id)
            .where(jobs.c.chunk_id.in_(list(chunk_ids)), jobs.c.status.in_(UNFINISHED))
            .order_by(jobs.c.row_number)
        )
    )


def _handle_suspects(connection: Connection, held: Any, suspects: Collection[int]) -> None:
    rows = connection.execute(
        select(jobs.c.job_id, chunks.c.chunk_id, chunks.c.alone)
        .join(chunks, chunks.c.chunk_id == jobs.c.chunk_id)
        .where(jobs.c.job_id.in_(list(suspects)), jobs.c.status.in_(UNFINISHED), held)
        .order_by(chunks.c.chunk_id, jobs.c.row_number)
        .with_for_update(of=chunks)
    ).all()
    _fail(connection, [row.job_id for row in rows if row.alone], "poison_row", times=2)
    _isolate(connection, [row.job_id for row in rows if not row.alone])


def _isolate(connection: Connection, job_ids: Collection[int]) -> None:
    """Move each job into a chunk of its own that runs alone."""
    for job_id in job_ids:
        parent = connection.execute(
            select(chunks.c.batch_id, chunks.c.tier, chunks.c.queue)
            .join(jobs, jobs.c.chunk_id == chunks.c.chunk_id)
            .where(jobs.c.job_id == job_id)
        ).one()
        connection.execute(
            update(jobs)
            .where(jobs.c.job_id == job_id)
            .values(status=JobStatus.WAITING, updated_at=now())
        )
        step = Step("local", parent.tier, parent.queue)
        open_chunk(connection, parent.batch_id, step, [job_id], alone=True)


def _fail(connection: Connection, job_ids: Collection[int], code: str, *, times: int) -> None:
    """End jobs as failed with an attempt that says why; their device time is unknown, so 0."""
    for job_id in job_ids:
        row = connection.execute(
            select(
                jobs.c.batch_id,
                jobs.c.tier,
                jobs.c.chunk_id,
                chunks.c.token,
                batches.c.language,
                tiers.c.model_name,
                tiers.c.model_hash,
            )
            .join(chunks, chunks.c.chunk_id == jobs.c.chunk_id)
            .join(batches, batches.c.batch_id == jobs.c.batch_id)
            .join(tiers, (tiers.c.batch_id == jobs.c.batch_id) & (tiers.c.tier == jobs.c.tier))
            .where(jobs.c.job_id == job_id)
        ).one()
        attempt = Attempt(
            job_id=job_id,
            kind="local",
            tier=row.tier,
            model_name=row.model_name,
            model_hash=row.model_hash or "",
            output=None,
            label=None,
            signals={},
            confidence=None,
            confidence_source="none",
            verdict="failed",
            reason_code=code,
            reason=say(code, row.language, times=times),
            prompt_tokens=0,
            shared_tokens=0,
            output_tokens=0,
            device_ms=0.0,
            cost_nano_usd=0,
        )
        values = {name: getattr(attempt, name) for name in Attempt.__dataclass_fields__}
        attempt_id = connection.scalar(
            insert(attempts)
            .values(
                **values,
                batch_id=row.batch_id,
                chunk_id=row.chunk_id,
                token=row.token,
                created_at=now(),
            )
            .returning(attempts.c.attempt_id)
        )
        connection.execute(
            update(jobs)
            .where(jobs.c.job_id == job_id)
            .values(
                status=JobStatus.FAILED,
                attempt_id=attempt_id,
                updated_at=now(),
                finished_at=now(),
            )
        )
