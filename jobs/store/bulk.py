"""Puts thousands of rows into a table at once, the way each database takes them fastest.

PostgreSQL gets them by COPY. SQLite gets a thousand in one statement: the driver lets go of
Python's lock once for each, so that another thread can read the file meanwhile, and not once
for each row, which would stop both.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from sqlalchemy import Column, Connection, Table
from sqlalchemy.exc import DBAPIError

BLOCK_ROWS: Final = 1_000

Line = tuple[str | int, ...]
"""The values of one row as the driver takes them: numbers, text, JSON as text."""


def insert_many(
    connection: Connection,
    table: Table,
    shared: Mapping[str, object],
    names: Sequence[str],
    lines: Sequence[Line],
) -> None:
    """Insert rows whose columns `names` differ and whose columns `shared` are all the same.

    Raises DBAPIError like any statement.
    """
    columns = (*shared, *names)
    alike = tuple(_as_bound(connection, table.c[name], value) for name, value in shared.items())
    if connection.dialect.name == "postgresql":
        _copy(connection, table, columns, alike, lines)
        return
    for start in range(0, len(lines), BLOCK_ROWS):
        block = lines[start : start + BLOCK_ROWS]
        statement = _write_insert(table.name, columns, len(alike), len(block))
        connection.exec_driver_sql(statement, (*alike, *chain.from_iterable(block)))


def _as_bound(connection: Connection, column: Column[Any], value: object) -> object:
    """Return a value as SQLAlchemy would hand it to the driver."""
    process = column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return value if process is None else process(value)


def _copy(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    alike: Sequence[object],
    lines: Sequence[Line],
) -> None:
    driver: Any = connection.connection.driver_connection
    errors: Any = connection.dialect.loaded_dbapi.Error
    statement = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN"
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for line in lines:
                copy.write_row((*alike, *line))
    except errors as error:  # the driver's own: SQLAlchemy knows no COPY
        raise DBAPIError.instance(
            statement, (), error, errors, hide_parameters=True, dialect=connection.dialect
        ) from error


@lru_cache(maxsize=8)
def _write_insert(table: str, columns: tuple[str, ...], alike: int, rows: int) -> str:
    """Return an INSERT of so many rows; the first `alike` parameters are used by all of them."""
    shared = [f"?{at}" for at in range(1, alike + 1)]
    line = ", ".join([*shared, *("?" for _ in columns[alike:])])  # a bare one takes the next number
    values = ", ".join([f"({line})"] * rows)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values}"  # noqa: S608 - own names
