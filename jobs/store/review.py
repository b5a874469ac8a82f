"""Rows in review that only an obstacle or a deadline stopped: asked again when a person says."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select, update

from jobs.job import CLOUD_QUEUE, BatchStatus, JobStatus, Step
from jobs.store import budget, deadlines
from jobs.store.budget import NewBudget
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


SHORT_OF_MONEY: Final = ("no_budget", "budget_exceeded")
"""Those of them that only more money removes."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """How many rows are asked again, and how many of them the budget had stopped.

    `answered_late` rows are done: the cloud's answer to them came after the deadline.
    """

    rows: int
    short_of_money: int
    answered_late: int = 0


def resume(database: Database, batch_id: str, new_budget: NewBudget | None = None) -> Resumed:
    """Send rows in review back to the cloud's queue if only an obstacle stopped them.

    Rows that a deadline ended go on where they stood, and a deadline that has passed is forgotten;
    those whose answer came from the cloud after it are done, and not paid again.
    A closed batch is opened again. Its budget stays what it was unless another one is given;
    raises what `budget.change` raises, and changes nothing then.
    """
    with database.write() as connection:
        # Locked before anything else: a reply that is being settled is seen whole, or finds the
        # row asked again; so does another resume.
        stopped = connection.execute(
            select(jobs.c.job_id, jobs.c.obstacle_code)
            .where(
                jobs.c.batch_id == batch_id,
                jobs.c.status == JobStatus.REVIEW,
                jobs.c.obstacle_code.in_((*RESUMABLE, deadlines.DEADLINE)),
            )
            .order_by(jobs.c.row_number)
            .with_for_update()
        ).all()
        rows = [row for row in stopped if row.obstacle_code != deadlines.DEADLINE]
        if new_budget is not None:
            budget.change(connection, batch_id, new_budget)
        answered = deadlines.take_late_answers(connection, batch_id)
        late = deadlines.reopen(connection, batch_id)
        if not rows and not late:
            return Resumed(0, 0, answered)
        deadlines.lift_if_past(connection, batch_id)
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
    short_of_money = sum(row.obstacle_code in SHORT_OF_MONEY for row in rows)
    return Resumed(late + len(ids), short_of_money, answered)
