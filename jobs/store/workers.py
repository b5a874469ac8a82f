"""Workers and the model files they hold, with heartbeats on the database's clock."""

import os
import socket
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Select, insert, select, update

from jobs.store.database import Database, now, upsert
from jobs.tables import models, workers

LIVE_SECONDS: Final = 15.0
"""A worker is believed alive this long after its last heartbeat."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that holds a model on a device."""

    worker_id: str
    host: str
    pid: int
    device: str
    model_name: str
    model_hash: str


@dataclass(frozen=True, slots=True)
class LiveWorker:
    """A worker as the database sees it."""

    worker_id: str
    host: str
    pid: int
    device: str
    model_name: str
    model_hash: str
    rows_done: int
    busy_seconds: float
    started_at: datetime
    heartbeat_at: datetime

    @property
    def rows_per_second(self) -> float | None:
        """Rows answered by the seconds from its start to its last heartbeat; None before one."""
        seconds = (self.heartbeat_at - self.started_at).total_seconds()
        return self.rows_done / seconds if seconds > 0 else None


def register(database: Database, worker: Worker, context_tokens: int) -> None:
    """Say that a worker is ready, and remember its model file."""
    with database.write() as connection:
        connection.execute(
            upsert(connection, models)
            .values(
                model_name=worker.model_name,
                model_hash=worker.model_hash,
                context_tokens=context_tokens,
                first_seen_at=now(),
            )
            .on_conflict_do_nothing()
        )
        connection.execute(
            insert(workers).values(
                **{name: getattr(worker, name) for name in Worker.__dataclass_fields__},
                rows_done=0,
                busy_seconds=0.0,
                started_at=now(),
                heartbeat_at=now(),
            )
        )


def beat(database: Database, worker_id: str, *, rows_done: int, busy_seconds: float) -> None:
    """Give a sign of life with the counters so far."""
    with database.write() as connection:
        connection.execute(
            update(workers)
            .where(workers.c.worker_id == worker_id)
            .values(rows_done=rows_done, busy_seconds=busy_seconds, heartbeat_at=now())
        )


def retire(database: Database, worker_id: str) -> None:
    """Say that a worker has ended."""
    with database.write() as connection:
        connection.execute(
            update(workers).where(workers.c.worker_id == worker_id).values(stopped_at=now())
        )


def list_live(database: Database, model_names: Collection[str] = ()) -> list[LiveWorker]:
    """Return the workers alive now, of some models or of all."""
    query = _select_workers().where(
        workers.c.stopped_at.is_(None),
        workers.c.heartbeat_at > now(plus_seconds=-LIVE_SECONDS),
        workers.c.heartbeat_at < now(plus_seconds=LIVE_SECONDS),
    )
    if model_names:
        query = query.where(workers.c.model_name.in_(list(model_names)))
    with database.read() as connection:
        return [LiveWorker(**row._mapping) for row in connection.execute(query)]


def list_all(database: Database) -> list[LiveWorker]:
    """Return every worker there ever was, the oldest first."""
    with database.read() as connection:
        return [LiveWorker(**row._mapping) for row in connection.execute(_select_workers())]


def _select_workers() -> Select[Any]:
    columns = [workers.c[name] for name in LiveWorker.__dataclass_fields__]
    return select(*columns).order_by(workers.c.started_at, workers.c.worker_id)


def list_gone(database: Database) -> list[str]:
    """Return the workers of this machine that never said they had ended, though they have."""
    query = select(workers.c.worker_id, workers.c.host, workers.c.pid).where(
        workers.c.stopped_at.is_(None), workers.c.host == socket.gethostname()
    )
    with database.read() as connection:
        unended = connection.execute(query).all()
    return [row.worker_id for row in unended if is_gone(row.host, row.pid)]


def is_gone(host: str, pid: int) -> bool:
    """Say whether a process of this machine has ended; of another machine nobody can say."""
    if host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    with suppress(OSError):  # Linux: a zombie has ended too
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(") ")[2].startswith("Z")
    return False
