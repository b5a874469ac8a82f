"""What people and programs ask about a batch: counts, results, rejects, one row's life."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Result, case, func, select, text
from sqlalchemy.types import TypeEngine

from jobs.errors import NotFoundError
from jobs.job import JobStatus
from jobs.store.database import Database
from jobs.tables import Json, UtcTime, attempts, cloud_requests, jobs, rejects

STREAM_ROWS: Final = 1_000
ROW_NUMBER_MAX: Final = 2**63 - 1
VIEW_TYPES: Final[dict[str, TypeEngine[Any]]] = {
    **dict.fromkeys(
        ("output", "suggested_output", "fields", "signals", "attributes", "tags"), Json
    ),
    **dict.fromkeys(
        ("created_at", "updated_at", "finished_at", "first_row_at", "last_row_at"), UtcTime()
    ),
}
"""Columns of the views that raw SQL would hand over differently on the two databases."""

RESULTS: Final = "SELECT * FROM fct_results WHERE batch_id = :batch_id"
REJECTS: Final = "SELECT * FROM fct_rejects WHERE batch_id = :batch_id"
SAVINGS: Final = "SELECT * FROM fct_savings_monthly ORDER BY month, spec_name, model, mode"
ATTEMPTS: Final = (
    "SELECT * FROM fct_attempts WHERE batch_id = :batch_id AND row_number = :key"
    " ORDER BY attempt_id"
)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows of a batch stand where; `rows` counts every record of the file read."""

    rows: int
    rejected: int
    waiting: int
    running: int
    escalated: int
    done: int
    review: int
    failed: int
    cancelled: int
    cost_nano_usd: int

    @property
    def ended(self) -> int:
        """Rows in a final state, rejects included."""
        return self.rejected + self.done + self.review + self.failed + self.cancelled


@dataclass(frozen=True, slots=True)
class Spent:
    """What a batch's attempts took: tokens forwarded and device time in milliseconds."""

    attempts: int
    tokens: int
    device_ms: float


def tally(database: Database, batch_id: str) -> Tally:
    """Count a batch's rows by state."""
    with database.read() as connection:
        counts = {
            row.status: (row.rows, int(row.cost or 0))
            for row in connection.execute(
                select(
                    jobs.c.status,
                    func.count().label("rows"),
                    func.sum(jobs.c.cost_nano_usd).label("cost"),
                )
                .where(jobs.c.batch_id == batch_id)
                .group_by(jobs.c.status)
            )
        }
        rejected = connection.execute(
            select(func.count()).select_from(rejects).where(rejects.c.batch_id == batch_id)
        ).scalar_one()
    rows = {status: counts.get(status, (0, 0))[0] for status in JobStatus}
    return Tally(
        rows=sum(rows.values()) + rejected,
        rejected=rejected,
        waiting=rows[JobStatus.WAITING],
        running=rows[JobStatus.RUNNING],
        escalated=rows[JobStatus.ESCALATED] + rows[JobStatus.IN_CLOUD],
        done=rows[JobStatus.DONE],
        review=rows[JobStatus.REVIEW],
        failed=rows[JobStatus.FAILED],
        cancelled=rows[JobStatus.CANCELLED],
        cost_nano_usd=sum(cost for _, cost in counts.values()),
    )


def spent(database: Database, batch_id: str) -> Spent:
    """Sum a batch's attempts; what was taken from the cache forwarded no tokens."""
    forwarded = case(
        (attempts.c.kind == "cache", 0),
        else_=attempts.c.prompt_tokens + attempts.c.output_tokens,
    )
    with database.read() as connection:
        row = connection.execute(
            select(func.count(), func.sum(forwarded), func.sum(attempts.c.device_ms)).where(
                attempts.c.batch_id == batch_id
            )
        ).one()
    return Spent(attempts=row[0], tokens=int(row[1] or 0), device_ms=float(row[2] or 0.0))


def count_reasons(database: Database, batch_id: str) -> dict[str, int]:
    """Return how often each reject reason occurs, most frequent first."""
    with database.read() as connection:
        rows = connection.execute(
            select(rejects.c.reason_code, func.count().label("times"))
            .where(rejects.c.batch_id == batch_id)
            .group_by(rejects.c.reason_code)
            .order_by(func.count().desc())
        )
        return {row.reason_code: row.times for row in rows}


def count_sent(database: Database, batch_id: str) -> int:
    """Return how many of a batch's rows were ever sent to a cloud for an answer."""
    with database.read() as connection:
        return connection.execute(
            select(func.count(cloud_requests.c.job_id.distinct())).where(
                cloud_requests.c.batch_id == batch_id
            )
        ).scalar_one()


def count_cached(database: Database, batch_id: str) -> int:
    """Return how many of a batch's rows stand on an answer that was there already."""
    with database.read() as connection:
        return connection.execute(
            select(func.count())
            .select_from(jobs)
            .join(attempts, attempts.c.attempt_id == jobs.c.attempt_id)
            .where(jobs.c.batch_id == batch_id, attempts.c.kind == "cache")
        ).scalar_one()


@dataclass(frozen=True, slots=True)
class ReviewReason:
    """Why rows wait for a person, and how many."""

    code: str
    words: str
    rows: int


def review_reasons(database: Database, batch_id: str) -> list[ReviewReason]:
    """Return why a batch's rows are in review, most frequent first; one example's words each."""
    query = text(
        "SELECT reason_code, min(reason) AS words, count(*) AS times FROM fct_results"
        " WHERE batch_id = :batch_id AND status = 'review'"
        " GROUP BY reason_code ORDER BY times DESC, reason_code"
    )
    with database.read() as connection:
        rows = connection.execute(query, {"batch_id": batch_id})
        return [ReviewReason(row.reason_code, row.words, row.times) for row in rows]


def stream_results(database: Database, batch_id: str) -> Iterator[dict[str, Any]]:
    """Yield the batch's lines of `fct_results` in the order of the file."""
    return _stream(database, RESULTS, batch_id)


def savings(database: Database) -> list[dict[str, Any]]:
    """Return the lines of `fct_savings_monthly`, by month, spec and model."""
    with database.read() as connection:
        return [dict(row._mapping) for row in _query(connection, SAVINGS)]


def stream_rejects(database: Database, batch_id: str) -> Iterator[dict[str, Any]]:
    """Yield the batch's lines of `fct_rejects` in the order of the file."""
    return _stream(database, REJECTS, batch_id)


def _stream(database: Database, query: str, batch_id: str) -> Iterator[dict[str, Any]]:
    with database.read() as connection:
        streamed = connection.execution_options(yield_per=STREAM_ROWS)
        ordered = f"{query} ORDER BY row_number"
        with _query(streamed, ordered, batch_id=batch_id) as rows:
            for row in rows:
                yield dict(row._mapping)


def page_results(
    database: Database, batch_id: str, *, after_row: int, limit: int
) -> list[dict[str, Any]]:
    """Return the next lines of `fct_results` after a record number, in the order of the file.

    No transaction stays open between two pages, however long their reader takes.
    """
    return _page(database, RESULTS, batch_id, after_row, limit)


def page_rejects(
    database: Database, batch_id: str, *, after_row: int, limit: int
) -> list[dict[str, Any]]:
    """Return the next lines of `fct_rejects` in the same way."""
    return _page(database, REJECTS, batch_id, after_row, limit)


def _page(
    database: Database, query: str, batch_id: str, after_row: int, limit: int
) -> list[dict[str, Any]]:
    rows = f"{query} AND row_number > :after_row ORDER BY row_number LIMIT :page_rows"
    paged = f"SELECT * FROM ({rows}) AS page ORDER BY row_number"  # noqa: S608 - our own words
    named = {"batch_id": batch_id, "after_row": after_row, "page_rows": limit}
    with database.read() as connection:
        return [dict(row._mapping) for row in _query(connection, paged, **named)]


def _query(connection: Connection, query: str, **parameters: object) -> Result[Any]:
    """Run SQL on a view with the same types of values on both databases."""
    with connection.execute(text(f"{query} LIMIT 0"), parameters) as nothing:
        names = list(nothing.keys())
    types = {name: VIEW_TYPES[name] for name in names if name in VIEW_TYPES}
    return connection.execute(text(query).columns(**types), parameters)


@dataclass(frozen=True, slots=True)
class RowLife:
    """One row from the file to the result: its job or reject, and every attempt in order."""

    row: dict[str, Any]
    text: str | None
    attempts: tuple[dict[str, Any], ...]


def row_life(
    database: Database,
    batch_id: str,
    *,
    row_number: int | None = None,
    source_id: str | None = None,
) -> RowLife:
    """Return a row's whole life, by its record number or its own id.

    Raises NotFoundError if the batch has no such row.
    """
    wanted = row_number if source_id is None else source_id
    by: dict[str, object] = {"batch_id": batch_id, "key": wanted}
    key = " AND row_number = :key" if source_id is None else " AND source_id = :key"
    if isinstance(wanted, int) and wanted > ROW_NUMBER_MAX:
        raise NotFoundError("row_not_found", batch=batch_id, row=wanted)
    with database.read() as connection:
        found = _query(connection, RESULTS + key, **by).first()
        if found is None:
            reject = _query(connection, REJECTS + key, **by).first()
            if reject is None:
                code = "row_not_found" if source_id is None else "row_id_not_found"
                raise NotFoundError(code, batch=batch_id, row=wanted)
            return RowLife({**reject._mapping, "status": "rejected"}, None, ())
        of_row = {"batch_id": batch_id, "key": found.row_number}
        tries = _query(connection, ATTEMPTS, **of_row).all()
        job = connection.execute(
            select(jobs.c.job_id, jobs.c.text).where(
                jobs.c.batch_id == batch_id, jobs.c.row_number == found.row_number
            )
        ).one()
        per_field = connection.execute(
            select(attempts.c.attempt_id, attempts.c.fields).where(attempts.c.job_id == job.job_id)
        )
        fields = {row.attempt_id: row.fields for row in per_field}
    lines = [{**row._mapping, "fields": fields.get(row.attempt_id)} for row in tries]
    return RowLife(dict(found._mapping), job.text, tuple(lines))
