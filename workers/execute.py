"""The stages of one chunk: claim, render, answer, read, judge, commit. Knows no dramatiq.

The engine answers on its own thread; this one drains finished rows and commits them in small
fenced steps, renewing the lease with each.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from jobs.cost import DeviceRate
from jobs.errors import EngineStopped, LeaseLost, ServiceError, SpecError
from jobs.gate import Policy
from jobs.job import Hint, Lease
from jobs.prompt import Completion
from jobs.spec import restore_spec
from jobs.store import Database, chunks
from jobs.store.workers import Worker
from jobs.tasks import build_task
from jobs.verdict import Tier, conclude
from workers.engines import Engine
from workers.settings import WorkerSection

log = structlog.get_logger()

WITHDRAWN: Final = "withdrawn"
LEASE_PARTS: Final = 4
"""A lease is renewed at least this often in its length."""
STOP_SECONDS: Final = 0.2
"""How soon a stop is seen while the engine is at work."""
Inbox = queue.SimpleQueue[Completion]


class Executor:
    """Answers chunks with one engine; safe to call from several threads."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        worker: Worker,
        rate: DeviceRate,
        settings: WorkerSection,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._engine = engine
        self._worker = worker
        self._rate = rate
        self._settings = settings
        self._monotonic = monotonic
        self._stopping = threading.Event()
        self._busy = 0
        self._changed = threading.Condition()

    def answer(self, hint: Hint) -> None:
        """Answer the chunk of a message, if it is still to be had.

        A lost lease or a database that is down ends the work quietly: nothing is written, and
        the chunk comes again. Raises EngineStopped when this process can answer no more.
        """
        with self._counted():
            if not self._stopping.is_set():  # else it is still owed in the outbox
                self._claim_and_answer(hint)

    def stop(self) -> None:
        """Finish the rows that have begun, commit them, and give the rest back."""
        self._stopping.set()

    def wait_idle(self, seconds: float) -> bool:
        """Wait until no chunk is in work; say whether that came true in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, seconds)

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

    def _claim_and_answer(self, hint: Hint) -> None:
        try:
            seconds = self._settings.lease_seconds
            lease = chunks.claim(self._database, hint, self._worker, seconds)
            if lease is None:
                log.info("chunk_not_claimed", chunk=hint.chunk_id, epoch=hint.epoch)
                return
            self._answer_leased(lease)
        except LeaseLost as error:
            log.warning("lease_lost", **error.params)
        except ServiceError as error:
            log.warning("service_down", code=error.code, **error.params)

    def _answer_leased(self, lease: Lease) -> None:
        """Claimed rows in, committed outcomes out; what is not answered is given back."""
        keys = [job.job_id for job in lease.jobs]
        answered = False
        try:
            answered = self._answer_rows(lease)
        finally:
            if not answered:
                self._engine.withdraw(keys)
        if answered:
            return
        if not self._stopping.is_set():
            # The engine ended by itself. Its chunks stay leased: the supervisor takes them back
            # and counts the attempt, so that a row that ends every engine is found.
            raise EngineStopped("engine_stopped", model=self._worker.model_name)
        chunks.give_back(self._database, lease)

    def _answer_rows(self, lease: Lease) -> bool:
        """Render, answer, read, judge, commit; say whether no row was withdrawn."""
        spec = restore_spec(lease.spec)
        task, policy = build_task(spec), Policy(spec.gate.mode, spec.gate.threshold)
        tier = Tier(lease.tier, self._worker.model_name, self._worker.model_hash, self._rate)
        by_key = {job.job_id: job for job in lease.jobs}
        inbox: Inbox = queue.SimpleQueue()
        prompts = [task.render(job) for job in lease.jobs]
        try:
            self._engine.submit(prompts, inbox.put, alone=lease.alone)
        except SpecError as error:  # this model cannot tell the spec's labels apart
            for key in by_key:
                inbox.put(Completion(key, None, error=error.code))
        withdrawn = 0
        for step in self._drain(inbox, list(by_key)):
            answered = [completion for completion in step if completion.error != WITHDRAWN]
            withdrawn += len(step) - len(answered)
            outcomes = [
                conclude(
                    by_key[completion.key],
                    completion,
                    task=task,
                    policy=policy,
                    tier=tier,
                    language=lease.language,
                )
                for completion in answered
            ]
            chunks.commit(self._database, lease, outcomes)
        return withdrawn == 0

    def _drain(self, inbox: Inbox, keys: list[int]) -> Iterator[list[Completion]]:
        """Yield finished rows in steps, and an empty step when only the lease is due.

        A step is full at `commit_rows` rows or `commit_ms` after its first one.
        """
        left = len(keys)
        asked_back = False
        while left:
            if self._stopping.is_set() and not asked_back:
                self._engine.withdraw(keys)
                asked_back = True
            step = self._gather(inbox, min(left, self._settings.commit_rows))
            left -= len(step)
            yield step

    def _gather(self, inbox: Inbox, rows: int) -> list[Completion]:
        step: list[Completion] = []
        due = self._monotonic() + self._settings.lease_seconds / LEASE_PARTS
        while len(step) < rows:
            patience = min(max(due - self._monotonic(), 0.0), STOP_SECONDS)
            try:
                step.append(inbox.get(timeout=patience))
            except queue.Empty:
                if self._stopping.is_set() or self._monotonic() >= due:
                    break
                continue
            if len(step) == 1:
                due = self._monotonic() + self._settings.commit_ms / 1000
            elif self._monotonic() >= due:
                break
        return step
