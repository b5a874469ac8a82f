"""All facts of one batch that its page shows: counts, codes, money, times; no row's content."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, case, func, select, text

from jobs.job import JobStatus, RequestStatus
from jobs.store import batches, budget, results
from jobs.store.batches import Batch
from jobs.store.budget import CloudMoney
from jobs.store.database import Database, now
from jobs.store.results import Spent, Tally
from jobs.tables import attempts, cloud_requests, jobs
from jobs.tables import batches as batch_table

BINS: Final = 10
"""Confidence is counted in steps of a tenth."""

ENDS: Final = """
SELECT status, reason_code AS code, count(*) AS times, min(row_number) AS first_row
FROM fct_results WHERE batch_id = :batch_id AND status IN ('review', 'failed')
GROUP BY status, reason_code
"""
END_WORDS: Final = """
SELECT reason FROM fct_results WHERE batch_id = :batch_id AND row_number = :row_number
"""
REJECTS: Final = """
SELECT 'rejected' AS status, reason_code AS code, count(*) AS times, min(row_number) AS first_row
FROM rejects WHERE batch_id = :batch_id
GROUP BY reason_code
"""
REJECT_WORDS: Final = """
SELECT reason FROM rejects WHERE batch_id = :batch_id AND row_number = :row_number
"""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why some rows ended as they did: how many, the first of them, and what was said of it."""

    status: str
    code: str
    words: str
    rows: int
    first_row: int


@dataclass(frozen=True, slots=True)
class Answering:
    """How many rows are done by the answers of a model; `tier` is its step in the route."""

    tier: int
    model: str
    rows: int


@dataclass(frozen=True, slots=True)
class ConfidenceBin:
    """Rows whose confidence is `low` or more and below the next bin: done ones and others."""

    low: Decimal
    done: int
    other: int


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """A batch as it stood at `read_at`, money in nano-USD.

    The facts are read one after the other: while rows are in work they may differ by a few.
    """

    batch: Batch
    read_at: datetime
    opened_at: datetime | None
    file_bytes: int
    tally: Tally
    sent: int
    in_flight: int
    reasons: tuple[Reason, ...]
    answering: tuple[Answering, ...]
    confidence: tuple[ConfidenceBin, ...]
    unknown_confidence: int
    spent: Spent
    local_nano_usd: int
    money: CloudMoney


def read_facts(database: Database, batch_id: str) -> BatchFacts:
    """Read the facts of a batch; raises NotFoundError as `batches.get` does."""
    batch = batches.get(database, batch_id)
    batch_id = batch.batch_id
    with database.read() as connection:
        head = connection.execute(
            select(batch_table.c.opened_at, batch_table.c.file_bytes, now().label("read_at")).where(
                batch_table.c.batch_id == batch_id
            )
        ).one()
        bins, unknown = _read_confidence(connection, batch_id)
        reasons = (
            *_read_reasons(connection, batch_id, ENDS, END_WORDS),
            *_read_reasons(connection, batch_id, REJECTS, REJECT_WORDS),
        )
        answering = _read_answering(connection, batch_id)
        in_flight = _count_in_flight(connection, batch_id)
        local_nano_usd = _read_local_cost(connection, batch_id)
    return BatchFacts(
        batch=batch,
        read_at=head.read_at,
        opened_at=head.opened_at,
        file_bytes=int(head.file_bytes),
        tally=results.tally(database, batch_id),
        sent=results.count_sent(database, batch_id),
        in_flight=in_flight,
        reasons=reasons,
        answering=answering,
        confidence=bins,
        unknown_confidence=unknown,
        spent=results.spent(database, batch_id),
        local_nano_usd=local_nano_usd,
        money=budget.money(database, batch_id),
    )


def _read_reasons(
    connection: Connection, batch_id: str, query: str, words: str
) -> tuple[Reason, ...]:
    """Return a query's reasons, most frequent first, with the words of each one's first row."""
    found = []
    for row in connection.execute(text(query), {"batch_id": batch_id}).all():
        first: Mapping[str, Any] = {"batch_id": batch_id, "row_number": row.first_row}
        said = connection.scalar(text(words), first)
        code = row.code or ""
        found.append(Reason(row.status, code, str(said or ""), int(row.times), int(row.first_row)))
    return tuple(sorted(found, key=lambda reason: (reason.status, -reason.rows, reason.code)))


def _read_answering(connection: Connection, batch_id: str) -> tuple[Answering, ...]:
    rows = connection.execute(
        select(attempts.c.tier, attempts.c.model_name, func.count().label("times"))
        .join(jobs, jobs.c.attempt_id == attempts.c.attempt_id)
        .where(jobs.c.batch_id == batch_id, jobs.c.status == JobStatus.DONE)
        .group_by(attempts.c.tier, attempts.c.model_name)
        .order_by(attempts.c.tier, attempts.c.model_name)
    )
    return tuple(Answering(row.tier, row.model_name, int(row.times)) for row in rows)


def _read_confidence(
    connection: Connection, batch_id: str
) -> tuple[tuple[ConfidenceBin, ...], int]:
    """Count the standing answers by confidence; those without one apart."""
    # Comparisons, not a cast: PostgreSQL rounds where SQLite cuts off.
    number = case(
        *((attempts.c.confidence < edge / BINS, edge - 1) for edge in range(1, BINS)),
        else_=BINS - 1,
    )
    done = case((jobs.c.status == JobStatus.DONE, 1), else_=0)
    rows = connection.execute(
        select(
            case((attempts.c.confidence.is_(None), -1), else_=number).label("bin"),
            func.count().label("times"),
            func.sum(done).label("done"),
        )
        .join(jobs, jobs.c.attempt_id == attempts.c.attempt_id)
        .where(jobs.c.batch_id == batch_id)
        .group_by(text("bin"))
    ).all()
    counts = {int(row.bin): (int(row.done), int(row.times) - int(row.done)) for row in rows}
    if not any(number >= 0 for number in counts):
        return (), sum(counts.get(-1, (0, 0)))
    bins = tuple(
        ConfidenceBin(Decimal(number) / BINS, *counts.get(number, (0, 0))) for number in range(BINS)
    )
    return bins, sum(counts.get(-1, (0, 0)))


def _count_in_flight(connection: Connection, batch_id: str) -> int:
    return connection.execute(
        select(func.count()).where(
            cloud_requests.c.batch_id == batch_id,
            cloud_requests.c.status == RequestStatus.INTENT,
        )
    ).scalar_one()


def _read_local_cost(connection: Connection, batch_id: str) -> int:
    total = connection.scalar(
        select(func.sum(attempts.c.cost_nano_usd)).where(
            attempts.c.batch_id == batch_id, attempts.c.kind != "cloud"
        )
    )
    return int(total or 0)
