"""Connections and transactions: one code path for SQLite and PostgreSQL."""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

from jobs.errors import ServiceError, SettingError
from jobs.tables import UtcTime

SQLITE_BUSY_SECONDS: Final = 60
SQLITE_LOG_PAGES: Final = 8_000  # about 32 MB: a page that changes often is copied back less often
log = logging.getLogger(__name__)


class DatabaseTime(FunctionElement[Any]):
    """The database's own clock, `offset` from now; workers' clocks decide nothing."""

    type = UtcTime()
    inherit_cache = False

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset_seconds = offset.total_seconds()
        super().__init__()


@compiles(DatabaseTime, "sqlite")
def _sqlite_time(element: DatabaseTime, _compiler: Any, **_: Any) -> str:
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', '{element.offset_seconds:+.3f} seconds')"


@compiles(DatabaseTime, "postgresql")
def _postgresql_time(element: DatabaseTime, _compiler: Any, **_: Any) -> str:
    return f"(clock_timestamp() + interval '{element.offset_seconds:.3f} seconds')"


def now(*, plus_seconds: float = 0.0) -> DatabaseTime:
    """Return an SQL expression for the database's now, moved by some seconds."""
    return DatabaseTime(timedelta(seconds=plus_seconds))


def upsert(connection: Connection, table: Table) -> Any:
    """Return an INSERT of the connection's dialect that knows `on_conflict_do_nothing`."""
    dialect = connection.dialect.name
    return (sqlite_insert if dialect == "sqlite" else postgresql_insert)(table)


_INHERITED: Final[list[object]] = []
"""Databases of parent processes: kept for ever, since letting go of them would close them."""


class Database:
    """An engine with short transactions; `read` and `write` are the only ways in.

    A `write` on SQLite begins IMMEDIATE, so that two writers queue instead of failing half-way.
    Both raise ServiceError when the database does not answer.
    """

    def __init__(self, engine: Engine, shown: str, file: Path | None = None) -> None:
        self.engine = engine
        self.shown = shown
        self._file = file
        self._opened = _identify(file)

    def require_in_place(self) -> None:
        """Raise ServiceError if the database's file was removed or replaced since it was opened.

        What is written then goes into a file nobody finds, and may ruin the one in its place.
        """
        if self._file is not None and _identify(self._file) != self._opened:
            raise ServiceError("database_replaced", database=self.shown)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads, all of it the same snapshot."""
        with self._translate(), self.engine.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; committed when the block ends well."""
        with self._translate(), self.engine.connect() as connection:
            marked = connection.execution_options(sekisho_write=True)
            with marked.begin():
                yield marked

    def forget(self) -> None:
        """Let go, in a forked child, of the connections its parent goes on using.

        They are never closed here, nor collected: SQLite would take that for the parent's end.
        """
        _INHERITED.append(self)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _translate(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            if "no such table" in _first_line(error):
                raise SettingError("database_not_upgraded", database=self.shown) from error
            raise self._fails(_first_line(error)) from error
        except DBAPIError as error:
            if type(error) is DatabaseError:  # the file is no database, or is damaged
                raise self._fails(_first_line(error)) from error
            if type(error.orig).__name__ == "UndefinedTable":
                raise SettingError("database_not_upgraded", database=self.shown) from error
            if error.connection_invalidated:
                raise self._fails("connection lost") from error
            raise

    def _fails(self, problem: str) -> ServiceError:
        return ServiceError("database_fails", database=self.shown, problem=problem)


def _first_line(error: DBAPIError) -> str:
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else "?"


def sqlite_file(address: str) -> Path | None:
    """Return the absolute path of a SQLite database, None for any other one, or one in memory.

    Raises SettingError for a URL that is none.
    """
    url = _parse_url(address)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database).absolute()


def make_absolute(address: str) -> str:
    """Return the same address for whatever folder the process works in later."""
    path = sqlite_file(address)
    if path is None:
        return address
    return _parse_url(address).set(database=str(path)).render_as_string(hide_password=False)


def _parse_url(address: str) -> URL:
    try:
        return make_url(address)
    except ArgumentError as error:
        raise SettingError("database_url_wrong") from error


def _identify(file: Path | None) -> tuple[int, int] | None:
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return None if found is None else (found.st_dev, found.st_ino)


def open_database(address: str) -> Database:
    """Open a database by URL without touching its tables.

    Raises SettingError for a URL that is none or a driver that is not installed, ServiceError
    when nothing answers there.
    """
    url = _parse_url(address)
    shown = url.render_as_string(hide_password=True)
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise SettingError("database_kind_unknown", database=shown)
    engine = _create_engine(url, shown)
    with Database(engine, shown).read():
        pass  # makes an embedded database's file
    return Database(engine, shown, sqlite_file(address))


def _create_engine(url: URL, shown: str) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            return _create_sqlite(url, shown)
        return create_engine(
            url,
            json_serializer=_dump_json,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10, "application_name": "sekisho"},
            hide_parameters=True,
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise SettingError("database_driver_missing", database=shown) from error


def _create_sqlite(url: URL, shown: str) -> Engine:
    if url.database and url.database != ":memory:":
        path = Path(url.database)
        if path.is_dir() or not path.absolute().parent.is_dir():
            raise ServiceError(
                "database_fails", database=shown, problem="no such folder, or a folder"
            )
    engine = create_engine(
        url,
        json_serializer=_dump_json,
        connect_args={"timeout": SQLITE_BUSY_SECONDS, "check_same_thread": False},
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_sqlite alone
    connection.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {SQLITE_LOG_PAGES}")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("sekisho_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _dump_json(value: Any) -> str:
    """Keep Japanese readable in the database."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
