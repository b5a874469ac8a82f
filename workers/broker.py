"""The composition root for Redis: client, broker, middleware, and how a hint is sent."""

from typing import Any, Final

import dramatiq
import redis
import structlog
from dramatiq.brokers.redis import RedisBroker
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobs.errors import ServiceError, SettingError
from jobs.job import Hint
from workers.actors import ANSWER_CHUNK

log = structlog.get_logger()

SOCKET_SECONDS: Final = 10.0
MAINTENANCE_ALWAYS: Final = 1_000_000
"""Look for dead workers' messages on every fetch, not on 0.1% of them."""


class Queues:
    """Redis as Sekisho uses it: hints go out, depths come back. Nothing there is the truth."""

    def __init__(self, url: str) -> None:
        self.shown = _hide_password(url)
        self.client = _make_client(url)
        # No Retries, no TimeLimit, no delays: SQL owns attempts, leases and retries.
        self.broker = RedisBroker(  # type: ignore[no-untyped-call]
            client=self.client, middleware=[], maintenance_chance=MAINTENANCE_ALWAYS
        )

    def ping(self) -> None:
        """Raise ServiceError unless Redis answers."""
        try:
            self.client.ping()
        except redis.RedisError as error:
            raise ServiceError("redis_fails", redis=self.shown, problem=_line(error)) from error

    def send(self, queue: str, hint: Hint) -> None:
        """Announce a chunk; raises ServiceError if Redis does not take it."""
        message: dramatiq.Message[Any] = dramatiq.Message(
            queue_name=queue,
            actor_name=ANSWER_CHUNK,
            args=(),
            kwargs={"chunk_id": hint.chunk_id, "epoch": hint.epoch},
            options={},
        )
        try:
            self.broker.declare_queue(queue)
            self.broker.enqueue(message)
        except (redis.RedisError, dramatiq.BrokerError) as error:
            raise ServiceError("redis_fails", redis=self.shown, problem=_line(error)) from error

    def depth(self, queue: str) -> int:
        """Return how many messages wait in a queue and are in nobody's hands."""
        try:
            waiting = self.client.llen(f"{self.broker.namespace}:{queue}")
        except redis.RedisError as error:
            raise ServiceError("redis_fails", redis=self.shown, problem=_line(error)) from error
        return int(waiting)

    def leave(self, threads: dramatiq.Worker, *, seconds: float) -> None:
        """Stop taking messages and hand back what was fetched, if Redis is there to take it.

        What it does not take is owed in the outbox still.
        """
        try:
            threads.stop(timeout=int(seconds * 1000))
        except redis.RedisError as error:
            log.warning("redis_left", redis=self.shown, problem=_line(error))

    def close(self) -> None:
        """Close the connections."""
        self.broker.close()
        self.client.close()


def _make_client(url: str) -> redis.Redis:
    try:
        # redis-py's own retries differ between host= and url= and can push an id twice.
        return redis.Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=SOCKET_SECONDS,
            socket_connect_timeout=SOCKET_SECONDS,
        )
    except ValueError as error:
        raise SettingError("redis_url_wrong") from error


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _hide_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
