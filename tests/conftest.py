"""Fixtures for all tests: real servers, started only for the tests that ask for them."""

from collections.abc import Iterator

import pytest
import redis

from tests.servers import Postgres, postgres_server, redis_server


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
