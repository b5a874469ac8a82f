"""One night at a time: the second run is refused, and a lost lock is noticed."""

import os
import threading

import pytest
from sqlalchemy import update

from jobs.errors import BusyError, SettingError
from jobs.store import Database, run_locks
from jobs.store.run_locks import Holder
from jobs.tables import run_locks as table
from workers.run_lock import check_name, hold_run_lock


def test_the_second_is_refused_and_told_by_whom(database: Database) -> None:
    """Process, host and since when stand in the error; afterwards the lock is free."""
    with hold_run_lock(database, "nightly") as check:
        check()
        with pytest.raises(BusyError) as refused, hold_run_lock(database, "nightly"):
            pass
        assert refused.value.code == "run_overlaps"
        assert refused.value.params["pid"] == os.getpid()
        assert "UTC" in str(refused.value.params["since"])
    with hold_run_lock(database, "nightly") as check:
        check()


def test_an_error_inside_gives_it_back(sqlite: Database) -> None:
    """However the work ends, the next night may begin."""
    with pytest.raises(ZeroDivisionError), hold_run_lock(sqlite, "nightly"):
        _ = 1 / 0
    assert not isinstance(run_locks.take(sqlite, "nightly"), Holder)


def test_a_lock_that_was_lost_is_noticed(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was silent too long, and whose lock another one took, ends."""
    looked = threading.Event()
    renew = run_locks.renew

    def renew_and_tell(database: Database, lock: run_locks.RunLock) -> bool:
        kept = renew(database, lock)
        if not kept:
            looked.set()
        return kept

    monkeypatch.setattr(run_locks, "renew", renew_and_tell)
    with hold_run_lock(sqlite, "nightly", renew_seconds=0.001) as check:
        with sqlite.write() as connection:
            connection.execute(update(table).values(token="another"))  # noqa: S106 - no secret
        assert looked.wait(60)
        with pytest.raises(BusyError) as lost:
            _ask_until_lost(check)
        assert lost.value.code == "run_lock_lost"


def _ask_until_lost(check: object) -> None:
    """The thread sets its flag right after it has looked."""
    assert callable(check)
    for _ in range(1_000_000):
        check()


@pytest.mark.parametrize("name", ["", " x", "x\n", "x" * 65, "\x00"])
def test_names_that_cannot_be_shown(name: str) -> None:
    """A lock's name is short and printable."""
    with pytest.raises(SettingError):
        check_name(name)
    assert check_name("毎晩") == "毎晩"
