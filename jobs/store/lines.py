"""Lines of a batch for export: chosen columns of the views, the same values on both databases.

They come column by column in blocks: a million rows have no record of their own.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sqlalchemy import text

from jobs.store.database import Database
from jobs.store.results import VIEW_TYPES
from jobs.tables import UtcTime

BLOCK_ROWS: Final = 1_000
TIMES: Final = frozenset(name for name, kind in VIEW_TYPES.items() if isinstance(kind, UtcTime))
JSON_TEXTS: Final = frozenset(VIEW_TYPES) - TIMES
REJECT_COLUMNS: Final = frozenset(
    {
        "batch_id", "row_number", "source_id", "spec_name", "file_name", "reason_code", "reason",
        "created_at",
    }
)  # fmt: skip
"""The columns of `fct_rejects`; in every other one a reject has nothing, but for its status."""

Part = Literal["results", "rejects", "records"]
"""The jobs of a batch, its rejects, or both: every record of the file once."""
Columns = Sequence[Sequence[Any]]
"""Cells by column, all of the same length."""


def stream_columns(
    database: Database, batch_id: str, columns: Sequence[str], part: Part
) -> Iterator[tuple[Sequence[int], Columns]]:
    """Yield blocks in the order of the file: record numbers, and the cells of each column.

    JSON comes as its text, whose order of keys and spaces differ between the databases; times
    are in UTC, money is a float. `columns` are names of columns of `fct_results`.
    """
    times = [place for place, name in enumerate(columns) if name in TIMES]
    query = text(_query(columns, part, database.dialect))
    with database.read() as connection:
        options = {"yield_per": BLOCK_ROWS}
        bound = {"batch_id": batch_id}
        with connection.execute(query, bound, execution_options=options) as found:
            for rows in found.partitions(BLOCK_ROWS):
                numbers, *found_cells = zip(*rows, strict=True)
                cells: list[Sequence[Any]] = list(found_cells)
                for place in times:
                    cells[place] = [_moment(value) for value in cells[place]]
                yield numbers, cells


def _query(columns: Sequence[str], part: Part, dialect: str) -> str:
    shown = [_expression(name, dialect) for name in columns]
    of_results = ", ".join(["row_number AS record", *shown])
    of_rejects = ", ".join(["row_number AS record", *map(_of_reject, columns)])
    jobs = f"SELECT {of_results} FROM fct_results WHERE batch_id = :batch_id"  # noqa: S608 - names of ours
    rejects = f"SELECT {of_rejects} FROM fct_rejects WHERE batch_id = :batch_id"  # noqa: S608 - as above
    parts = {"results": jobs, "rejects": rejects, "records": f"{jobs} UNION ALL {rejects}"}
    return f"{parts[part]} ORDER BY record"


def _expression(name: str, dialect: str) -> str:
    """Return a column as SQLite has it: JSON as text, money as a float."""
    if dialect == "sqlite":  # a cast to what a value is already would copy it
        return name
    if name in JSON_TEXTS:
        return f"CAST({name} AS TEXT) AS {name}"
    return f"CAST({name} AS DOUBLE PRECISION) AS {name}" if name == "cost_usd" else name


def _of_reject(name: str) -> str:
    if name in REJECT_COLUMNS:
        return name
    return f"'rejected' AS {name}" if name == "status" else f"NULL AS {name}"


def _moment(value: datetime | str | None) -> datetime | None:
    if isinstance(value, str):  # SQLite keeps UTC as text
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return None if value is None else value.astimezone(UTC)
