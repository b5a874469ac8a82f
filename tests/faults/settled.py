"""What must be true when a batch is over, whatever has happened to it."""

from collections.abc import Mapping

from sqlalchemy import func, select

from jobs.job import BatchStatus, JobStatus
from jobs.store import Database, batches, checks, results
from jobs.tables import attempts, jobs
from jobs.tables import results as result_table


def check_settled(
    database: Database,
    *,
    rows: int,
    rejected: int = 0,
    failed: Mapping[int, str] | None = None,
    batch_id: str = "latest",
) -> str:
    """Assert that a batch is closed, no row lost or answered twice, every cost accounted for.

    `failed` maps the row numbers expected to have failed to their reason codes; every other row
    that is not rejected is done. Returns the batch's id.
    """
    failing = dict(failed or {})
    batch = batches.get(database, batch_id)
    tally = results.tally(database, batch.batch_id)
    assert batch.status is BatchStatus.CLOSED
    assert batch.records_read == tally.rows == tally.ended == rows
    assert (tally.rejected, tally.review, tally.cancelled) == (rejected, 0, 0)
    assert _failed_rows(database, batch.batch_id) == failing
    assert tally.done == rows - rejected - len(failing)
    assert checks.find_violations(database) == []
    of_batch = attempts.c.batch_id == batch.batch_id
    with database.read() as connection:
        kept = connection.execute(
            select(attempts.c.job_id, func.count())
            .where(of_batch, attempts.c.verdict == "keep")
            .group_by(attempts.c.job_id)
        ).all()
        finished = connection.scalars(
            select(jobs.c.job_id).where(
                jobs.c.batch_id == batch.batch_id, jobs.c.status == JobStatus.DONE
            )
        ).all()
        answered = connection.scalars(
            select(result_table.c.job_id).where(result_table.c.batch_id == batch.batch_id)
        ).all()
        cost = connection.scalar(select(func.sum(attempts.c.cost_nano_usd)).where(of_batch))
    assert sorted((job_id, 1) for job_id in finished) == sorted(tuple(row) for row in kept)
    assert sorted(answered) == sorted(finished)
    assert tally.cost_nano_usd == cost
    return batch.batch_id


def _failed_rows(database: Database, batch_id: str) -> dict[int, str]:
    """Return row number -> reason code of the attempt that stands for each failed row."""
    with database.read() as connection:
        rows = connection.execute(
            select(jobs.c.row_number, attempts.c.reason_code)
            .join(attempts, attempts.c.attempt_id == jobs.c.attempt_id)
            .where(jobs.c.batch_id == batch_id, jobs.c.status == JobStatus.FAILED)
        )
        return {row.row_number: row.reason_code for row in rows}
