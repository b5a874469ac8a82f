"""Rows in review that only an obstacle kept from the cloud: sent back to it when a person says."""

from typing import Final

from sqlalchemy import func, select, update

from jobs.job import CLOUD_QUEUE, BatchStatus, JobStatus, Step
from jobs.store.database import Database, now
from jobs.store.outcomes import STEP_ROWS, open_chunk
from jobs.tables import batches, jobs, tiers

RESUMABLE: Final = (
    "no_cloud_key",
    "no_budget",
    "budget_exceeded",
    "secret_twice",
    "secret_unreadable",
    "cloud_key_malformed",
    "cloud_key_refused",
    "cloud_address_wrong",
    "cloud_address_has_query",
    "cloud_redirects",
    "cloud_not_there",
    "cloud_not_allowed",
    "cloud_model_refused",
    "cloud_payment_required",
    "cloud_spend_limit",
    "cloud_not_installed",
    "price_missing",
)
"""Obstacles that a person can remove; rows that met one can be asked again."""


def resume(database: Database, batch_id: str) -> int:
    """Send rows in review back to the cloud's queue if only an obstacle stopped them.

    Returns how many; a closed batch is opened again. The batch's budget stays what it was.
    """
    with database.write() as connection:
        rows = connection.execute(
            select(jobs.c.job_id, jobs.c.tier)
            .where(
                jobs.c.batch_id == batch_id,
                jobs.c.status == JobStatus.REVIEW,
                jobs.c.obstacle_code.in_(RESUMABLE),
            )
            .order_by(jobs.c.row_number)
        ).all()
        if not rows:
            return 0
        ids = [row.job_id for row in rows]
        tier = connection.execute(
            select(func.count()).select_from(tiers).where(tiers.c.batch_id == batch_id)
        ).scalar_one()
        for start in range(0, len(ids), STEP_ROWS):
            part = ids[start : start + STEP_ROWS]
            connection.execute(
                update(jobs)
                .where(jobs.c.job_id.in_(part))
                .values(
                    status=JobStatus.ESCALATED,
                    obstacle_code=None,
                    obstacle=None,
                    finished_at=None,
                    updated_at=now(),
                )
            )
            open_chunk(connection, batch_id, Step("cloud", tier, CLOUD_QUEUE), part)
        connection.execute(
            update(batches)
            .where(batches.c.batch_id == batch_id, batches.c.status == BatchStatus.CLOSED)
            .values(status=BatchStatus.OPEN, closed_at=None, updated_at=now())
        )
    return len(ids)
