"""Run locks: a name under which one run works at a time, held by a lease on the database's clock.

A holder that was killed leaves no lock behind: on its own machine its process is looked for, from
another one its lease runs out.
"""

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, or_, select, update

from jobs.store.database import Database, now, upsert
from jobs.store.workers import is_gone
from jobs.tables import run_locks

RUN_LEASE_SECONDS: Final = 120.0
"""A run is believed this long after its last renewal."""


@dataclass(frozen=True, slots=True)
class RunLock:
    """A lock that this process holds."""

    name: str
    token: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock."""

    host: str
    pid: int
    since_at: datetime


def take(database: Database, name: str) -> RunLock | Holder:
    """Take a lock, or return who holds it."""
    found = _try_to_take(database, name)
    while found is None:  # it was released in that very moment
        found = _try_to_take(database, name)
    return found


def _try_to_take(database: Database, name: str) -> RunLock | Holder | None:
    token = secrets.token_hex(16)
    mine = {
        "token": token,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since_at": now(),
        "lease_until": now(plus_seconds=RUN_LEASE_SECONDS),
    }
    this = run_locks.c.lock_name == name
    with database.write() as connection:
        made = (
            upsert(connection, run_locks)
            .values(lock_name=name, **mine)
            .on_conflict_do_nothing()
            .returning(run_locks.c.lock_name)
        )
        if connection.scalar(made) is not None:
            return RunLock(name, token)
        held = connection.execute(select(run_locks).where(this).with_for_update()).one_or_none()
        if held is None:
            return None
        gone = is_gone(held.host, held.pid)
        over = or_(run_locks.c.lease_until < now(), (run_locks.c.token == held.token) & gone)
        taken = connection.execute(update(run_locks).where(this, over).values(**mine))
        if taken.rowcount == 1:
            return RunLock(name, token)
    return Holder(held.host, held.pid, held.since_at)


def renew(database: Database, lock: RunLock) -> bool:
    """Stay believed for another while; False if the lock belongs to another run now."""
    with database.write() as connection:
        renewed = connection.execute(
            update(run_locks)
            .where(run_locks.c.lock_name == lock.name, run_locks.c.token == lock.token)
            .values(lease_until=now(plus_seconds=RUN_LEASE_SECONDS))
        )
    return renewed.rowcount == 1


def release(database: Database, lock: RunLock) -> None:
    """Give a lock back; one that is lost already stays where it is."""
    with database.write() as connection:
        connection.execute(
            delete(run_locks).where(
                run_locks.c.lock_name == lock.name, run_locks.c.token == lock.token
            )
        )
