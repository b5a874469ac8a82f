"""Outcomes: attempts, results and states written together, under the fence of a lease."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, exists, insert, literal, select, update

from jobs.errors import LeaseLost
from jobs.job import FINAL_JOB_STATUSES, ChunkStatus, JobStatus, Lease, Outcome, Step
from jobs.store.database import now, upsert
from jobs.tables import attempts, chunks, jobs, outbox, results

Pair = tuple[Outcome, int]
"""An outcome and the id of its attempt."""
UNFINISHED: Final = (
    JobStatus.WAITING,
    JobStatus.RUNNING,
    JobStatus.ESCALATED,
    JobStatus.IN_CLOUD,
)
STEP_ROWS: Final = 16
"""Rows of one chunk for the next step: small, so that several senders share them."""


def write_outcomes(
    connection: Connection, lease: Lease, outcomes: Sequence[Outcome], *, before: JobStatus
) -> list[int]:
    """Write rows that stand at `before` under the lease; return the ids of their attempts.

    Rows that go on to another tier move into new chunks of that tier, which are owed a message.
    Raises LeaseLost if one of them is no longer there.
    """
    written = connection.execute(
        insert(attempts)
        .values(
            batch_id=lease.batch_id,
            chunk_id=lease.chunk_id,
            token=lease.token,
            created_at=now(),
        )
        .returning(attempts.c.attempt_id, sort_by_parameter_order=True),
        [_attempt_values(outcome) for outcome in outcomes],
    )
    pairs = list(zip(outcomes, written.scalars(), strict=True))
    for status in {outcome.status for outcome in outcomes}:
        of_status = [pair for pair in pairs if pair[0].status is status]
        _move_jobs(connection, lease, status, of_status, before)
    _write_results(connection, lease, pairs)
    _escalate(connection, lease, outcomes)
    return [attempt_id for _, attempt_id in pairs]


def add_late_attempt(connection: Connection, lease: Lease, outcome: Outcome) -> None:
    """Write the answer of a row that has come to its end meanwhile: it costs, and changes no state.

    It stands for the row from now on if it is an answer at all; if not, it is why the row waits
    for a person, and no resume pays for the same again.
    """
    attempt_id = connection.execute(
        insert(attempts)
        .values(
            **_attempt_values(outcome),
            batch_id=lease.batch_id,
            chunk_id=lease.chunk_id,
            token=lease.token,
            created_at=now(),
        )
        .returning(attempts.c.attempt_id)
    ).scalar_one()
    attempt = outcome.attempt
    told = {"obstacle_code": attempt.reason_code, "obstacle": attempt.reason}
    told = told if attempt.output is None else {"attempt_id": attempt_id}
    connection.execute(
        update(jobs)
        .where(jobs.c.job_id == attempt.job_id)
        .values(
            cost_nano_usd=jobs.c.cost_nano_usd + attempt.cost_nano_usd, updated_at=now(), **told
        )
    )


def _move_jobs(
    connection: Connection,
    lease: Lease,
    status: JobStatus,
    pairs: Sequence[Pair],
    before: JobStatus,
) -> None:
    """Bring jobs of this chunk to a state, all of them or none."""
    moved = connection.execute(
        update(jobs)
        .where(
            jobs.c.job_id == bindparam("key"),
            jobs.c.chunk_id == lease.chunk_id,
            jobs.c.status == before,
        )
        .values(
            status=status,
            attempt_id=bindparam("attempt"),
            cost_nano_usd=jobs.c.cost_nano_usd + bindparam("cost"),
            obstacle_code=bindparam("obstacle_code"),
            obstacle=bindparam("obstacle"),
            updated_at=now(),
            finished_at=now() if status in FINAL_JOB_STATUSES else None,
        ),
        [
            {
                "key": outcome.attempt.job_id,
                "attempt": attempt_id,
                "cost": outcome.attempt.cost_nano_usd,
                "obstacle_code": outcome.obstacle_code,
                "obstacle": outcome.obstacle,
            }
            for outcome, attempt_id in pairs
        ],
    )
    if moved.rowcount != len(pairs):
        raise LeaseLost("lease_lost", chunk=lease.chunk_id, token=lease.token)


def _attempt_values(outcome: Outcome) -> dict[str, Any]:
    attempt = outcome.attempt
    return {name: getattr(attempt, name) for name in type(attempt).__dataclass_fields__}


def _write_results(connection: Connection, lease: Lease, pairs: Sequence[Pair]) -> None:
    done = [
        {
            "job_id": outcome.attempt.job_id,
            "batch_id": lease.batch_id,
            "attempt_id": attempt_id,
            "output": outcome.attempt.output,
            "fields": outcome.attempt.fields,
            "label": outcome.attempt.label,
        }
        for outcome, attempt_id in pairs
        if outcome.status is JobStatus.DONE
    ]
    if done:
        statement = upsert(connection, results)
        connection.execute(
            statement.values(created_at=now(), updated_at=now()).on_conflict_do_nothing(), done
        )


def _escalate(connection: Connection, lease: Lease, outcomes: Sequence[Outcome]) -> None:
    """Move rows that have a further step into new chunks of that step."""
    steps: dict[Step, list[int]] = {}
    for outcome in outcomes:
        if outcome.step is not None:
            steps.setdefault(outcome.step, []).append(outcome.attempt.job_id)
    for step, job_ids in steps.items():
        for start in range(0, len(job_ids), STEP_ROWS):
            open_chunk(connection, lease.batch_id, step, job_ids[start : start + STEP_ROWS])


def open_chunk(
    connection: Connection,
    batch_id: str,
    step: Step,
    job_ids: Sequence[int],
    *,
    alone: bool = False,
) -> int:
    """Put jobs into a new chunk of a step that may be claimed at once; return its id."""
    chunk_id: int = connection.execute(
        insert(chunks)
        .values(
            batch_id=batch_id,
            tier=step.tier,
            queue=step.queue,
            status=ChunkStatus.WAITING,
            alone=alone,
            epoch=0,
            token=0,
            attempts=0,
            rows=len(job_ids),
            estimated_tokens=0,
            created_at=now(),
            updated_at=now(),
        )
        .returning(chunks.c.chunk_id)
    ).scalar_one()
    connection.execute(
        update(jobs)
        .where(jobs.c.job_id.in_(list(job_ids)))
        .values(chunk_id=chunk_id, tier=step.tier, updated_at=now())
    )
    owe(connection, [chunk_id])
    return chunk_id


def owe(connection: Connection, chunk_ids: Collection[int]) -> None:
    """Put a message for each chunk's present epoch into the outbox."""
    connection.execute(
        insert(outbox).from_select(
            ["chunk_id", "epoch", "queue", "sends", "created_at"],
            select(chunks.c.chunk_id, chunks.c.epoch, chunks.c.queue, literal(0), now()).where(
                chunks.c.chunk_id.in_(list(chunk_ids))
            ),
        )
    )


def finish_if_empty(connection: Connection, chunk_ids: Collection[int]) -> None:
    """Finish those chunks that have no unfinished row left; they are owed no message."""
    left = exists().where(jobs.c.chunk_id == chunks.c.chunk_id, jobs.c.status.in_(UNFINISHED))
    ended = connection.execute(
        update(chunks)
        .where(chunks.c.chunk_id.in_(list(chunk_ids)), ~left)
        .values(status=ChunkStatus.FINISHED, lease_until=None, updated_at=now())
        .returning(chunks.c.chunk_id)
    )
    finished = [row.chunk_id for row in ended]
    if finished:
        connection.execute(delete(outbox).where(outbox.c.chunk_id.in_(finished)))
