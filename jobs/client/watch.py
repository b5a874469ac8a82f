"""Decides, look by look, whether waiting for a batch still makes sense; does no I/O itself.

A batch that does not move is not yet a reason to give up: a large model takes its time. It is
one when nobody is there who could move it, and then the words say what to start.
"""

from collections.abc import Collection, Sequence
from typing import Final

from jobs.client.records import Status
from jobs.errors import NobodyWorksError, WaitTimeoutError
from jobs.job import CLOUD_QUEUE, BatchStatus, queue_name
from jobs.store.outbox import QueueDebt

FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0
BACKOFF: Final = 1.5


class Watch:
    """One wait for one batch; times are those of the caller's clock, in seconds."""

    def __init__(
        self, started: float, timeout_seconds: float | None, silence_seconds: float | None
    ) -> None:
        self._ends = None if timeout_seconds is None else started + timeout_seconds
        self._timeout_seconds = timeout_seconds
        self._silence_seconds = silence_seconds
        self._moved = started
        self._last: Status | None = None
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def look(self, at: float, status: Status) -> None:
        """Take note of how the batch stands; what has moved starts the silence anew."""
        if status != self._last:
            self._last, self._moved = status, at

    def is_silent(self, at: float) -> bool:
        """Say whether nothing has moved for so long that it is worth asking who is there."""
        return self._silence_seconds is not None and at - self._moved >= self._silence_seconds

    def is_late(self, at: float) -> bool:
        """Say whether the time is up."""
        return self._ends is not None and at >= self._ends

    def next_pause_seconds(self, at: float) -> float:
        """Return how long to wait until the next look: longer each time, never past the end."""
        pause = self._pause_seconds
        self._pause_seconds = min(pause * BACKOFF, LONGEST_PAUSE_SECONDS)
        return pause if self._ends is None else min(pause, max(0.0, self._ends - at))

    def timeout(self, status: Status) -> WaitTimeoutError:
        """Return the error for a batch that was not over in time."""
        return WaitTimeoutError(
            "wait_timeout",
            batch=status.batch_id,
            seconds=self._timeout_seconds,
            ended=status.done + status.bad,
            rows=status.rows,
        )

    def silence(self, status: Status, code: str, commands: Sequence[str]) -> NobodyWorksError:
        """Return the error for a batch that nobody is there to move."""
        return NobodyWorksError(
            code,
            batch=status.batch_id,
            seconds=self._silence_seconds,
            commands=", ".join(f"`{command}`" for command in commands),
        )


def find_missing(
    status: Status, needed: Sequence[str], live: Collection[str], debts: Sequence[QueueDebt]
) -> tuple[str, tuple[str, ...]] | None:
    """Return what is missing for a batch to move: a code and the commands to start; None if not.

    `needed` are the models (and `cloud`) with unfinished chunks, `live` those that a living
    worker holds, `debts` the messages owed to every queue. Nobody knows a dispatcher by a
    heartbeat: it is missing where messages wait to be sent and none is on its way.
    """
    if status.status is BatchStatus.LOADING:
        return "nobody_loads", ()
    owed = {debt.queue: debt for debt in debts}
    queues = [CLOUD_QUEUE if name == CLOUD_QUEUE else queue_name(name) for name in needed]
    unsent = any(owed[queue].unsent for queue in queues if queue in owed)
    moving = any(debt.unclaimed for debt in debts)
    stuck = unsent and not moving and not status.running
    absent = [_worker_of(name) for name in needed if name not in live]
    if absent:
        return "nobody_works", ("sekisho dispatch", *absent) if stuck else tuple(absent)
    # Without unfinished chunks only a dispatcher is left to close the batch.
    return ("nobody_dispatches", ("sekisho dispatch",)) if stuck or not needed else None


def _worker_of(model_name: str) -> str:
    if model_name == CLOUD_QUEUE:
        return "sekisho worker cloud"
    return f"sekisho worker local --model {model_name}"
