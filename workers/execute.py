"""The stages of one chunk: claim, render, answer, read, judge, commit. Knows no dramatiq.

The engine answers on its own thread; this one drains finished rows and commits them in small
fenced steps, renewing the lease with each.
"""

import queue
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

import structlog

from jobs.cache import unpack
from jobs.complexity import rule_of
from jobs.cost import DeviceRate
from jobs.errors import EngineStopped
from jobs.gate import Policy
from jobs.job import Lease
from jobs.prompt import Completion
from jobs.route import route_of
from jobs.spec import ClassifyTask, restore_spec
from jobs.store import Database, answers, chunks
from jobs.store.workers import Worker
from jobs.tasks import Answer, build_task
from jobs.tasks.split import WITHDRAWN
from jobs.verdict import Plan, Tier, conclude_answer
from workers.engines import Engine
from workers.handler import Handler
from workers.holding import Holding, Pools, let_through
from workers.leaders import Leaders, Sharing
from workers.rows import Rows
from workers.settings import CacheSection, WorkerSection

log = structlog.get_logger()

LEASE_PARTS: Final = 4
"""A lease is renewed at least this often in its length."""
STOP_SECONDS: Final = 0.2
"""How soon a stop is seen while the engine is at work."""


def plan_of(lease: Lease) -> Plan:
    """Return what the rows of a leased chunk are treated by."""
    spec = restore_spec(lease.spec)
    policy = Policy(spec.gate.mode, spec.gate.threshold)
    split = spec.task.long_input == "split"
    rule = rule_of(spec)
    start = rule if rule.matters else None
    calibrated = isinstance(spec.task, ClassifyTask) and spec.task.calibration == "batch"
    task, route = build_task(spec), route_of(spec)
    return Plan(task, policy, route, lease.language, split, start, calibrated)


class Executor(Handler):
    """Answers chunks with one engine."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        worker: Worker,
        rate: DeviceRate,
        settings: WorkerSection,
        monotonic: Callable[[], float] = time.monotonic,
        cache: CacheSection = CacheSection(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__(database, worker, settings.lease_seconds)
        self._engine = engine
        self._rate = rate
        self._settings = settings
        self._monotonic = monotonic
        self._cache = cache
        self._leaders = Leaders()
        self._pools = Pools()

    def work(self, lease: Lease) -> None:
        """Claimed rows in, committed outcomes out; what is not answered is given back."""
        if self._answer_rows(lease):
            return
        if not self._stopping.is_set():
            # The engine ended by itself. Its chunks stay leased: the supervisor takes them back
            # and counts the attempt, so that a row that ends every engine is found.
            raise EngineStopped("engine_stopped", model=self._worker.model_name)
        chunks.give_back(self._database, lease)

    def _answer_rows(self, lease: Lease) -> bool:
        """Render, answer, read, judge, commit; say whether no row was withdrawn."""
        plan = plan_of(lease)
        tier = Tier(lease.tier, self._worker.model_name, self._worker.model_hash, self._rate)
        by_key = {job.job_id: job for job in lease.jobs}
        sharing = Sharing(self._leaders, self._find) if lease.use_cache else None
        rows = Rows(self._engine, plan, lease.jobs, alone=lease.alone, sharing=sharing)
        holding = Holding(self._database, lease, self._pools) if plan.calibrated else None
        take = let_through if holding is None else holding.take
        withdrawn = 0
        try:
            rows.submit()
            for step in self._drain(rows, len(by_key)):
                answered = [answer for answer in step if answer.error != WITHDRAWN]
                withdrawn += len(step) - len(answered)
                answered = take(answered)
                outcomes = [
                    conclude_answer(plan, tier, by_key[answer.job_id], answer)
                    for answer in answered
                ]
                kept = rows.kept_of(answered) if self._cache.keep_days else []
                chunks.commit(self._database, lease, outcomes, kept)
                rows.release([answer.job_id for answer in answered])
        finally:
            rows.close()
        return withdrawn == 0

    def _find(self, cache_keys: Collection[str]) -> Mapping[str, Completion]:
        """Return what was answered to equal prompts of committed rows."""
        kept = answers.find(self._database, cache_keys, keep_days=self._cache.keep_days)
        return {cache_key: unpack(packed) for cache_key, packed in kept.items()}

    def _drain(self, rows: Rows, left: int) -> Iterator[list[Answer]]:
        """Yield finished rows in steps, and an empty step when only the lease is due.

        A step is full at `commit_rows` rows or `commit_ms` after its first one.
        """
        while left:
            if self._stopping.is_set() and not rows.withdrawn:
                rows.withdraw()
            step = self._gather(rows, min(left, self._settings.commit_rows))
            left -= len(step)
            yield step

    def _gather(self, rows: Rows, most: int) -> list[Answer]:
        step: list[Answer] = []
        due = self._monotonic() + self._settings.lease_seconds / LEASE_PARTS
        while len(step) < most:
            patience = min(max(due - self._monotonic(), 0.0), STOP_SECONDS)
            try:
                answer = rows.get(patience)
            except queue.Empty:
                if self._stopping.is_set() or self._monotonic() >= due:
                    break
                continue
            if answer is not None:
                step.append(answer)
            if answer is not None and len(step) == 1:
                due = self._monotonic() + self._settings.commit_ms / 1000
            elif self._monotonic() >= due or (self._stopping.is_set() and not rows.withdrawn):
                break
        return step
