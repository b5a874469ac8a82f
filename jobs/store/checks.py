"""The invariants of the design, asked of the database itself."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from jobs.store.database import Database

INVARIANTS: Final[dict[str, str]] = {
    "record_is_job_and_reject": """
        SELECT count(*) FROM rejects x JOIN jobs j
        ON j.batch_id = x.batch_id AND j.row_number = x.row_number""",
    "record_is_neither": """
        SELECT count(*) FROM batches b WHERE b.records_read <>
        (SELECT count(*) FROM jobs j WHERE j.batch_id = b.batch_id) +
        (SELECT count(*) FROM rejects x WHERE x.batch_id = b.batch_id)""",
    "closed_with_open_rows": """
        SELECT count(*) FROM batches b JOIN jobs j ON j.batch_id = b.batch_id
        WHERE b.status IN ('closed', 'failed')
        AND j.status NOT IN ('done', 'review', 'failed', 'cancelled')""",
    "done_without_result": """
        SELECT count(*) FROM jobs j LEFT JOIN results r ON r.job_id = j.job_id
        WHERE j.status = 'done' AND r.job_id IS NULL""",
    "result_without_done": """
        SELECT count(*) FROM results r JOIN jobs j ON j.job_id = r.job_id
        WHERE j.status <> 'done'""",
    "cost_differs_from_attempts": """
        SELECT count(*) FROM jobs j WHERE j.cost_nano_usd <>
        (SELECT coalesce(sum(a.cost_nano_usd), 0) FROM attempts a WHERE a.job_id = j.job_id)""",
    "waiting_chunk_is_owed_nothing": """
        SELECT count(*) FROM chunks c LEFT JOIN outbox o
        ON o.chunk_id = c.chunk_id AND o.epoch = c.epoch
        WHERE c.status = 'waiting' AND o.outbox_id IS NULL""",
    "finished_chunk_with_open_rows": """
        SELECT count(*) FROM chunks c JOIN jobs j ON j.chunk_id = c.chunk_id
        WHERE c.status = 'finished'
        AND j.status IN ('waiting', 'running', 'escalated', 'in_cloud')""",
    "cached_attempt_that_cost": """
        SELECT count(*) FROM attempts a WHERE a.kind = 'cache'
        AND (a.cost_nano_usd <> 0 OR a.device_ms <> 0)""",
}
"""Name -> a query that counts violations; each must give 0 at any moment."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold, and how many records break it."""

    name: str
    records: int


def find_violations(database: Database) -> list[Violation]:
    """Ask every invariant in one snapshot; an empty list is health."""
    with database.read() as connection:
        counts = {
            name: connection.execute(text(query)).scalar_one() for name, query in INVARIANTS.items()
        }
    return [Violation(name, count) for name, count in counts.items() if count]
