"""Fixtures for all tests: real servers, started only for the tests that ask for them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from hypothesis import settings

from jobs.store import Database, open_database, schema
from tests.servers import Postgres, postgres_server, redis_server

INTEGRATION_FOLDERS = ("tests/store/", "tests/cli/", "tests/execute/", "tests/integration/")
INTEGRATION_FILES = (
    "openai/test_engine.py",
    "openai/test_load.py",
    "openai/test_probe.py",
    "openai/test_wire.py",
    "test_anthropic.py",
    "test_containers.py",
    "test_crew.py",
    "test_dispatch.py",
    "test_doctor.py",
    "test_log.py",
    "test_notify.py",
    "test_run_lock.py",
    "test_servers.py",
    "test_standin.py",
    "test_submit.py",
    "test_supervise.py",
    "watch/test_answering.py",
    "watch/test_crash.py",
    "watch/test_watcher.py",
)
# A deadline is a timed assertion: it fails when the machine has other things to do.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
LOUD = ("fault", "heavy", "slow")
QUIET_FOLDERS = ("tests/engines/", "tests/faults/", "tests/integration/")
NOT_QUIET = ("tests/engines/openai/", "tests/engines/test_anthropic.py")  # no model of our own


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what stands on a real database (SQLite's files too), server or process, and what wants
    the machine for itself: a model's threads, processes that are killed, seconds of work.
    """
    for item in items:
        where = item.nodeid.partition("::")[0]
        if where.startswith(INTEGRATION_FOLDERS) or where.endswith(INTEGRATION_FILES):
            item.add_marker(pytest.mark.integration)
        wants_quiet = where.startswith(QUIET_FOLDERS) and not where.startswith(NOT_QUIET)
        if wants_quiet or any(map(item.get_closest_marker, LOUD)):
            item.add_marker(pytest.mark.quiet)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test, and no process it starts, finds a model that was prepared on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def redis_session_url() -> Iterator[str]:
    """A real Redis for the whole session; ask for `redis_url` instead."""
    with redis_server() as url:
        yield url


@pytest.fixture
def redis_url(redis_session_url: str) -> str:
    """The URL of a real Redis, empty at the start of every test."""
    with redis.Redis.from_url(redis_session_url) as client:
        client.flushall()
    return redis_session_url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL for the whole session; it makes fresh databases, also from a template."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The SQLAlchemy URL of a new, empty PostgreSQL database, dropped after the test."""
    with postgres.fresh_database() as name:
        yield postgres.url(name)


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """Open a database, and close it with the block."""
    database = open_database(url)
    try:
        yield database
    finally:
        database.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with the current tables, to be copied."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    with opened(f"sqlite:///{path}") as database:
        schema.upgrade(database)
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> Iterator[str]:
    """The name of a PostgreSQL database with the current tables, to be copied."""
    with postgres.fresh_database() as name:
        with opened(postgres.url(name)) as database:
            schema.upgrade(database)
        yield name


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A SQLite database with the current tables and no rows."""
    path = tmp_path / "sekisho.db"
    shutil.copy(sqlite_template, path)
    with opened(f"sqlite:///{path}") as database:
        yield database


BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.integration))


@pytest.fixture(params=BOTH)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with the current tables and no rows; every test runs on both kinds."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite")
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    template: str = request.getfixturevalue("postgres_template")
    with postgres.fresh_database(template) as name, opened(postgres.url(name)) as database:
        yield database


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables; every test runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url
