"""Two batches side by side: rows are the same row when they have the same source_id.

SQL does the merging, by the index of a batch's ids; only rows that differ are handed over, one
after the other, so that memory stays flat.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Text, cast, func, or_, select

from jobs.differences import Difference, Side
from jobs.job import JobStatus
from jobs.store.database import Database
from jobs.store.results import STREAM_ROWS
from jobs.tables import jobs, results


def count_jobs(database: Database, batch_id: str) -> int:
    """Return how many rows a batch has, rejects not counted."""
    with database.read() as connection:
        return connection.execute(
            select(func.count()).select_from(jobs).where(jobs.c.batch_id == batch_id)
        ).scalar_one()


def stream_differences(database: Database, left: str, right: str) -> Iterator[Difference]:
    """Yield where two batches differ: in the order of the left file, then what only right has."""
    with database.read() as connection:
        for one, other, same_text in _stream(connection, _compare(left, right)):
            if other is None or not _agree(one[1], other):
                yield Difference(one[0], one[1], other, same_text)
        for one, _, same_text in _stream(connection, _compare(right, left, missing_only=True)):
            yield Difference(one[0], None, one[1], same_text)


Pair = tuple[tuple[str, Side], Side | None, bool]
"""Id and side of the first batch, side of the second if it has the row, whether texts agree."""


def _stream(connection: Connection, query: Select[Any]) -> Iterator[Pair]:
    with connection.execute(query, execution_options={"yield_per": STREAM_ROWS}) as rows:
        for row in rows:
            key, same_text, *facts = row
            other = None if facts[4] is None else _side(*facts[4:])
            yield (key, _side(*facts[:4])), other, bool(same_text)


def _agree(one: Side, other: Side) -> bool:
    """Say whether answers are the same after all: SQLite's texts may differ in their order."""
    return one.status is other.status and bool(one.output == other.output)


def _side(row_number: int, status: str, label: str | None, output: Any) -> Side:
    return Side(row_number, JobStatus(status), label, output)


def _compare(batch_id: str, other_id: str, *, missing_only: bool = False) -> Select[Any]:
    """Select the rows of a batch that another has not or, unless `missing_only`, differently."""
    one, other = jobs.alias("one"), jobs.alias("other")
    of_one, of_other = results.alias("of_one"), results.alias("of_other")
    differs = [
        one.c.status != other.c.status,
        _as_text(of_one.c.output) != _as_text(of_other.c.output),
    ]
    return (
        select(
            one.c.source_id,
            func.coalesce(one.c.text_hash == other.c.text_hash, False),
            one.c.row_number,
            one.c.status,
            of_one.c.label,
            of_one.c.output,
            other.c.row_number,
            other.c.status,
            of_other.c.label,
            of_other.c.output,
        )
        .select_from(one)
        .outerjoin(other, (other.c.batch_id == other_id) & (other.c.source_id == one.c.source_id))
        .outerjoin(of_one, of_one.c.job_id == one.c.job_id)
        .outerjoin(of_other, of_other.c.job_id == other.c.job_id)
        .where(
            one.c.batch_id == batch_id,
            or_(other.c.job_id.is_(None), *([] if missing_only else differs)),
        )
        .order_by(one.c.row_number)
    )


def _as_text(output: ColumnElement[Any]) -> ColumnElement[str]:
    return func.coalesce(cast(output, Text), "")
