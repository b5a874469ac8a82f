"""What every handler of chunks has: a count of what is in work, a way to stop, quiet endings."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from jobs.errors import LeaseLost, ServiceError
from jobs.job import Hint, Lease
from jobs.store import Database, chunks
from jobs.store.workers import Worker

log = structlog.get_logger()


class Handler(ABC):
    """Works on the chunks that messages announce; safe to call from several threads."""

    def __init__(self, database: Database, worker: Worker, lease_seconds: float) -> None:
        self._database = database
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._stopping = threading.Event()
        self._busy = 0
        self._changed = threading.Condition()

    def answer(self, hint: Hint) -> None:
        """Work on the chunk of a message, if it is still to be had.

        A lost lease or a database that is down ends the work quietly: nothing is written, and
        the chunk comes again. Raises EngineStopped when this process can answer no more.
        """
        with self._counted():
            if not self._stopping.is_set():  # else it is still owed in the outbox
                self._claim_and_work(hint)

    def stop(self) -> None:
        """Finish what has begun, commit it, and give the rest back."""
        self._stopping.set()

    def wait_idle(self, seconds: float) -> bool:
        """Wait until no chunk is in work; say whether that came true in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, seconds)

    @abstractmethod
    def work(self, lease: Lease) -> None:
        """Bring the rows of a leased chunk to their ends, or give them back."""

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _claim_and_work(self, hint: Hint) -> None:
        try:
            lease = chunks.claim(self._database, hint, self._worker, self._lease_seconds)
            if lease is None:
                log.info("chunk_not_claimed", chunk=hint.chunk_id, epoch=hint.epoch)
                return
            self.work(lease)
        except LeaseLost as error:
            log.warning("lease_lost", **error.params)
        except ServiceError as error:
            log.warning("service_down", code=error.code, **error.params)
