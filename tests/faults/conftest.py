"""The worlds of the fault tests: SQLite with the embedded Redis, PostgreSQL with one by URL."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.store import open_database, schema
from tests.faults.world import World
from tests.servers import Postgres


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with our tables, copied for each test."""
    path = tmp_path_factory.mktemp("template") / "sekisho.db"
    _upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def empty_postgres(postgres: Postgres) -> Iterator[str]:
    """The name of a PostgreSQL database with our tables, copied for each test."""
    with postgres.fresh_database() as name:
        _upgrade(postgres.url(name))
        yield name


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for the socket of the embedded Redis."""
    with tempfile.TemporaryDirectory(prefix="sekisho-fault-") as name:
        yield Path(name)


@pytest.fixture
def embedded_world(folder: Path, empty_sqlite: Path) -> Iterator[World]:
    """SQLite and the embedded Redis, as `sekisho run` has them on one machine."""
    path = shutil.copy(empty_sqlite, folder / "sekisho.db")
    yield from _live_in(World(folder, f"sqlite:///{path}", redis_url=None))


@pytest.fixture
def production_world(
    folder: Path, postgres: Postgres, empty_postgres: str, redis_url: str
) -> Iterator[World]:
    """PostgreSQL and Redis by URL."""
    with postgres.fresh_database(empty_postgres) as name:
        yield from _live_in(World(folder, postgres.url(name), redis_url))


@pytest.fixture(params=["embedded", "production"])
def world(request: pytest.FixtureRequest) -> World:
    """Both kinds of world, one after the other."""
    found: World = request.getfixturevalue(f"{request.param}_world")
    return found


def _live_in(world: World) -> Iterator[World]:
    try:
        yield world
    finally:
        world.close()


def _upgrade(database_url: str) -> None:
    database = open_database(database_url)
    schema.upgrade(database)
    database.close()
