"""Run locks: one holder at a time, none left behind by a dead one."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import update

from jobs.store import Database, run_locks
from jobs.store.database import now
from jobs.store.run_locks import Holder, RunLock
from jobs.tables import run_locks as table


def change(database: Database, **values: object) -> None:
    """Let the lock stand otherwise than it does."""
    with database.write() as connection:
        connection.execute(update(table).values(**values))


def dead_pid() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    return child.pid


def test_the_second_hears_who_holds_it(database: Database) -> None:
    """Another name is free; the same one is held by this process."""
    first = run_locks.take(database, "nightly")
    assert isinstance(first, RunLock)
    assert isinstance(run_locks.take(database, "weekly"), RunLock)
    second = run_locks.take(database, "nightly")
    assert isinstance(second, Holder)
    assert second.pid == os.getpid()
    run_locks.release(database, first)
    assert isinstance(run_locks.take(database, "nightly"), RunLock)


def test_a_killed_holder_leaves_nothing_behind(database: Database) -> None:
    """On this machine its process is gone, so the lock is free at once."""
    first = run_locks.take(database, "nightly")
    change(database, pid=dead_pid())
    second = run_locks.take(database, "nightly")
    assert isinstance(first, RunLock)
    assert isinstance(second, RunLock)
    assert not run_locks.renew(database, first)
    run_locks.release(database, first)  # it is not its own any more
    assert isinstance(run_locks.take(database, "nightly"), Holder)


def test_of_another_machine_the_lease_decides(database: Database) -> None:
    """A holder elsewhere is believed until its lease is over."""
    run_locks.take(database, "nightly")
    change(database, host="elsewhere", pid=1)
    held = run_locks.take(database, "nightly")
    assert isinstance(held, Holder)
    assert held.host == "elsewhere"
    change(database, lease_until=now(plus_seconds=-1))
    assert isinstance(run_locks.take(database, "nightly"), RunLock)


def test_renewing_keeps_it(database: Database) -> None:
    """A lease that was over and renewed holds again."""
    lock = run_locks.take(database, "nightly")
    assert isinstance(lock, RunLock)
    change(database, host="elsewhere", lease_until=now(plus_seconds=-1))
    assert run_locks.renew(database, lock)
    assert isinstance(run_locks.take(database, "nightly"), Holder)


def test_of_many_at_once_one_gets_it(database: Database) -> None:
    """However many ask in the same moment, one holds it, also when a dead one held it."""
    for _ in range(3):
        with ThreadPoolExecutor(4) as pool:
            taken = list(pool.map(lambda _: run_locks.take(database, "nightly"), range(4)))
        assert sum(isinstance(one, RunLock) for one in taken) == 1
        change(database, pid=dead_pid())
