"""The servers tests run on: empty for each test, gone at the end."""

from pathlib import Path

import pytest
import redis
import sqlalchemy
from sqlalchemy.pool import NullPool

from tests.servers import Postgres, redis_server

pytestmark = pytest.mark.integration


def run(url: str, statement: str) -> list[str]:
    """Run one statement and return its first column as text."""
    engine = sqlalchemy.create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        result = connection.execute(sqlalchemy.text(statement))
        return [str(row[0]) for row in result] if result.returns_rows else []


@pytest.mark.parametrize("attempt", [1, 2])
def test_redis_is_empty_for_every_test(redis_url: str, attempt: int) -> None:
    """What one test leaves in Redis the next one does not see."""
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", attempt)


@pytest.mark.parametrize("attempt", [1, 2])
def test_postgres_is_empty_for_every_test(postgres_url: str, attempt: int) -> None:
    """Every test has a PostgreSQL database of its own, in UTF-8."""
    run(postgres_url, "CREATE TABLE kept (id integer)")
    assert run(postgres_url, "SHOW server_encoding") == ["UTF8"]


def test_postgres_copies_a_template(postgres: Postgres) -> None:
    """A database made once can be copied for each test."""
    with postgres.fresh_database() as template:
        run(postgres.url(template), "CREATE TABLE kept AS SELECT 7 AS number")
        with postgres.fresh_database(template) as copy:
            assert run(postgres.url(copy), "SELECT number FROM kept") == ["7"]


def test_redis_leaves_nothing_behind() -> None:
    """The server and its folder end with the block."""
    with redis_server() as url:
        folder = Path(url.removeprefix("unix://")).parent
        assert folder.is_dir()
    assert not folder.exists()
