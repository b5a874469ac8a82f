"""The dispatcher: sends what is owed and again what got stuck, frees dead leases, keeps deadlines,
closes.

It also deletes kept answers that are too old or too many.

Any number may run; a message sent twice is harmless, since the claim decides. Redis holds only
a window of messages, so that losing it costs one re-sending and a long night never fills it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Final

import structlog

from jobs.errors import ServiceError
from jobs.faults import trip
from jobs.job import Hint
from jobs.store import Database, answers, batches, deadlines, outbox, recovery
from jobs.store.outbox import Owed, QueueDebt
from workers.broker import Queues
from workers.settings import CacheSection, DispatchSection

log = structlog.get_logger()

PRUNE_SECONDS: Final = 60.0
"""How often kept answers are looked at; while there are more to delete, in every round."""


@dataclass(frozen=True, slots=True)
class Tick:
    """What one round did."""

    sent: int = 0
    sent_again: int = 0
    freed: int = 0
    closed: tuple[str, ...] = ()
    pruned: int = 0


class Dispatcher:
    """Moves messages from the outbox to Redis, round by round."""

    def __init__(
        self,
        database: Database,
        queues: Queues,
        settings: DispatchSection,
        cache: CacheSection = CacheSection(),  # noqa: B008 - frozen
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._queues = queues
        self._settings = settings
        self._cache = cache
        self._monotonic = monotonic
        self._prune_at = monotonic()
        self._failure: Exception | None = None

    def check(self) -> None:
        """Raise what ended `run` before it was stopped."""
        if self._failure is not None:
            raise self._failure

    def run(self, stop: Event, on_redis_down: Callable[[], None] = lambda: None) -> None:
        """Go round until stopped; a service that is down is waited out and said once."""
        down: str | None = None
        while self._failure is None and not stop.wait(self._settings.tick_seconds):
            try:
                if down == "redis_fails":
                    on_redis_down()
                self.tick()
                down = None
            except ServiceError as error:
                if error.code != down:
                    log.warning("service_down", code=error.code, **error.params)
                down = error.code
            except Exception as error:
                log.exception("dispatcher_failed")
                self._failure = error

    def tick(self) -> Tick:
        """Do one round."""
        freed = recovery.recover_expired(self._database)
        self._keep_deadlines()
        closed = batches.close_finished(self._database)
        sent = again = 0
        for debt in outbox.debts(self._database):
            sent += self._send_owed(debt)
            again += self._send_again(debt)
        return Tick(sent, again, freed, tuple(closed), self._prune())

    def _prune(self) -> int:
        if self._monotonic() < self._prune_at:
            return 0
        pruned = answers.prune(
            self._database, max_rows=self._cache.max_rows, keep_days=self._cache.keep_days
        )
        if pruned < answers.PRUNE_ROWS:
            self._prune_at = self._monotonic() + PRUNE_SECONDS
        return pruned

    def _keep_deadlines(self) -> None:
        for batch_id, rows in deadlines.end_overdue(self._database).items():
            log.warning("deadline_passed", batch=batch_id, rows=rows)
        deadlines.bury_forgotten(self._database)

    def _send_owed(self, debt: QueueDebt) -> int:
        room = self._settings.window - debt.unclaimed
        if room <= 0 or not debt.unsent:
            return 0
        return self._send(outbox.unsent(self._database, debt.queue, room))

    def _send_again(self, debt: QueueDebt) -> int:
        """Send again what was sent and lost: nothing waits in Redis, yet chunks are unclaimed."""
        if not debt.unclaimed or self._queues.depth(debt.queue):
            return 0
        after = self._settings.resend_seconds
        return self._send(
            outbox.stuck(self._database, debt.queue, self._settings.window, after_seconds=after)
        )

    def _send(self, owed: list[Owed]) -> int:
        for message in owed:
            self._queues.send(message.queue, Hint(message.chunk_id, message.epoch))
        if owed:
            trip("after_send")
            outbox.mark_sent(self._database, owed)
        return len(owed)
