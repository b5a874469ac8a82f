"""One night at a time: a run that must not overlap another one of the same name."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import structlog

from jobs.errors import BusyError, ServiceError, SettingError
from jobs.store import Database, run_locks
from jobs.store.run_locks import RUN_LEASE_SECONDS, Holder, RunLock

log = structlog.get_logger()

RENEW_SECONDS: Final = RUN_LEASE_SECONDS / 6
NAME_CHARS_MAX: Final = 64


def check_name(name: str) -> str:
    """Return the name of a lock; raises SettingError for one that cannot be stored or shown."""
    if not name or len(name) > NAME_CHARS_MAX or not name.isprintable() or name != name.strip():
        raise SettingError("lock_name_wrong", most=NAME_CHARS_MAX)
    return name


@contextmanager
def hold_run_lock(
    database: Database, name: str, *, renew_seconds: float = RENEW_SECONDS
) -> Iterator[Callable[[], None]]:
    """Hold a lock; yields a check that raises BusyError once the lock belongs to another run.

    Raises BusyError at once, naming who holds it, while another run does.
    """
    taken = run_locks.take(database, name)
    if isinstance(taken, Holder):
        raise BusyError(
            "run_overlaps",
            lock=name,
            host=taken.host,
            pid=taken.pid,
            since=f"{taken.since_at:%Y-%m-%d %H:%M:%S} UTC",
        )
    stop, lost = threading.Event(), threading.Event()

    def check() -> None:
        if lost.is_set():
            raise BusyError("run_lock_lost", lock=name)

    renewing = threading.Thread(
        target=_renew, args=(database, taken, renew_seconds, stop, lost), daemon=True
    )
    renewing.start()
    try:
        yield check
    finally:
        stop.set()
        renewing.join()
        with suppress(ServiceError):  # a lease that is not given back runs out
            run_locks.release(database, taken)


def _renew(
    database: Database, lock: RunLock, seconds: float, stop: threading.Event, lost: threading.Event
) -> None:
    """Renew until stopped; a database that is down is asked again, for as long as it takes."""
    while not stop.wait(seconds):
        try:
            if not run_locks.renew(database, lock):
                lost.set()
                return
        except ServiceError as error:
            log.warning("service_down", code=error.code, **error.params)
