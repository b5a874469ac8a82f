"""Answers that wait for their batch's prior, so that all rows of a chunk are calibrated alike."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from jobs.calibration import LEAST_ROWS, Prior, Scores, average, calibrate, scores_of
from jobs.job import Lease
from jobs.store import Database, priors
from jobs.tasks import Answer

Key = tuple[str, int]
MAX_POOLS: Final = 16
"""Small batches never get a prior: the scores of the oldest are forgotten."""


class Pools:
    """Scores of batches that have no prior yet, of all chunks this process answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scores: dict[Key, list[Scores]] = {}

    def add(self, lease: Lease, scores: Sequence[Scores]) -> list[Scores]:
        """Add the scores of a chunk; return all there are of its batch at its tier."""
        with self._lock:
            pool = self._scores.setdefault((lease.batch_id, lease.tier), [])
            pool.extend(scores)
            while len(self._scores) > MAX_POOLS:
                del self._scores[next(iter(self._scores))]
            return list(pool)

    def drop(self, lease: Lease) -> None:
        """Forget a batch's scores: its prior is pinned."""
        with self._lock:
            self._scores.pop((lease.batch_id, lease.tier), None)


class Holding:
    """The answers of one chunk: held until there is a prior, or the last of them has come.

    What a prior would not change is not held. A chunk that ends before the batch has `LEAST_ROWS`
    scores is let go uncalibrated; its scores count for those that follow.
    """

    def __init__(self, database: Database, lease: Lease, pools: Pools) -> None:
        self._database = database
        self._lease = lease
        self._pools = pools
        self._held: list[Answer] = []
        self._left = len(lease.jobs)
        self._prior: Prior | None = None

    def take(self, answers: Sequence[Answer]) -> list[Answer]:
        """Take what has been answered; return what may be judged now."""
        ready = [one for one in answers if scores_of(one.reading) is None]
        self._held += [one for one in answers if scores_of(one.reading) is not None]
        self._left -= len(answers)
        if self._held and self._prior is None:
            self._prior = priors.find(self._database, self._lease.batch_id, self._lease.tier)
        if self._held and self._prior is None and self._left == 0:
            self._prior = self._make_prior()
        if self._prior is None and self._left:
            return ready
        held, self._held = self._held, []
        prior = self._prior
        return ready + (held if prior is None else [_apply(one, prior) for one in held])

    def _make_prior(self) -> Prior | None:
        scores = [found for one in self._held if (found := scores_of(one.reading)) is not None]
        pool = self._pools.add(self._lease, scores)
        if len(pool) < LEAST_ROWS:
            return None
        prior = priors.pin(self._database, self._lease, average(pool))
        self._pools.drop(self._lease)
        return prior


def let_through(answers: Sequence[Answer]) -> list[Answer]:
    """Hold nothing."""
    return list(answers)


Take = Callable[[Sequence[Answer]], list[Answer]]


def _apply(answer: Answer, prior: Prior) -> Answer:
    return replace(answer, reading=calibrate(answer.reading, prior))
