"""The sender: rows the gate escalated leave for the cloud, one call each, never paid twice unseen.

For each row: question -> reservation and intent committed -> the call -> settled with the exact
cost, or released (not charged), or counted as maybe paid. A row that may not be sent waits in
review with its best answer and the reason.
"""

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import structlog

from jobs.cloud import CloudReply, bound_usage
from jobs.errors import (
    CloudAccountError,
    CloudAmbiguousError,
    CloudBusyError,
    CloudRowError,
    SettingError,
    SpecError,
)
from jobs.faults import trip
from jobs.job import Job, Lease
from jobs.prices import Price, choose_price, price_cloud
from jobs.prompt import Question
from jobs.store import Database, chunks, cloud
from jobs.store.cloud import Refused, Request, Sending
from jobs.store.workers import Worker
from jobs.verdict import Plan, conclude_cloud
from jobs.words import say
from workers.execute import plan_of
from workers.handler import Handler
from workers.settings import CloudSection

log = structlog.get_logger()

TOLD_MAX: Final = 1_000
RENEWALS: Final = 4
"""A lease is renewed at least this often in its length while waiting."""


class Asker(Protocol):
    """An engine that only talks; see workers.engines.anthropic."""

    def max_output_tokens(self, question: Question) -> int: ...

    def ask(self, question: Question) -> CloudReply: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One row on its way: what is asked, of whom, and the most it can cost."""

    lease: Lease
    job: Job
    plan: Plan
    asker: Asker
    price: Price
    question: Question
    reserved_nano_usd: int


class Sender(Handler):
    """Asks the cloud for the rows of leased chunks."""

    def __init__(
        self,
        database: Database,
        worker: Worker,
        make_asker: Callable[[str], Asker],
        prices: Callable[[], tuple[Price, ...]],
        settings: CloudSection,
        *,
        destination: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(database, worker, settings.lease_seconds)
        self._make_asker = make_asker
        self._prices = prices
        self._settings = settings
        self._destination = destination
        self._now = now
        self._askers: dict[str, Asker] = {}
        self._told: dict[str, str] = {}
        self._guard = threading.Lock()
        self._salt = hashlib.sha256(worker.worker_id.encode()).digest()

    def work(self, lease: Lease) -> None:
        plan = plan_of(lease)
        left = list(lease.jobs)
        try:
            asker = self._asker(plan.route.cloud)
            price = choose_price(self._prices(), plan.route.cloud, self._now())
            while left and not self._stopping.is_set():
                if not self._send(self._prepare(lease, left[0], plan, asker, price)):
                    break
                left.pop(0)
        except (CloudAccountError, SettingError, SpecError) as error:
            # Nothing of this batch can be sent until a person acts: said once, for all rows.
            self._tell_once(lease.batch_id, error.code)
            self._to_review(lease, left, error.code, error.params)
            return
        if left:
            chunks.give_back(self._database, lease)

    def _tell_once(self, batch_id: str, code: str) -> None:
        """Log an obstacle once for each batch; a resumed batch that meets another one says so."""
        with self._guard:
            known = self._told.get(batch_id) == code
            self._told.pop(batch_id, None)  # the oldest is that not heard of for longest
            self._told[batch_id] = code
            while len(self._told) > TOLD_MAX:
                del self._told[next(iter(self._told))]
        if not known:
            log.warning("cloud_refuses", code=code, batch=batch_id)

    def _asker(self, model: str) -> Asker:
        with self._guard:
            if model not in self._askers:
                self._askers[model] = self._make_asker(model)
            return self._askers[model]

    def _prepare(self, lease: Lease, job: Job, plan: Plan, asker: Asker, price: Price) -> Call:
        question = plan.task.question(job)
        most = bound_usage(question, asker.max_output_tokens(question))
        reserved = price_cloud(most, price, "realtime")
        return Call(lease, job, plan, asker, price, question, reserved)

    def _send(self, call: Call) -> bool:
        """Ask until the row has an end; False if the cloud is too busy and it is to come again."""
        for pause_seconds in (*self._settings.busy_pauses_seconds, None):
            begun = cloud.begin(self._database, call.lease, self._describe(call))
            if isinstance(begun, Refused):
                self._to_review(call.lease, [call.job], begun.code, {})
                return True
            trip("after_intent")
            try:
                reply = call.asker.ask(call.question)
            except CloudBusyError as error:
                log.warning("cloud_busy", code=error.code, batch=call.lease.batch_id)
                self._release(call, begun, error.code)
                if pause_seconds is None:
                    return False
                self._wait(call.lease, error.retry_after_seconds or pause_seconds)
                if self._stopping.is_set():
                    return False
            except CloudAmbiguousError as error:
                cloud.lose(self._database, call.lease, begun, problem=error.code)
                log.warning("cloud_reply_lost", code=error.code, job=call.job.job_id)
            except CloudRowError as error:
                self._release(call, begun, error.code)
                self._to_review(call.lease, [call.job], error.code, error.params)
                return True
            except (CloudAccountError, SpecError) as error:
                self._release(call, begun, error.code)
                raise
            else:
                self._settle(call, begun, reply)
                return True
        return False

    def _describe(self, call: Call) -> Sending:
        text = call.question.system + call.question.user
        salted = hashlib.sha256(self._salt + text.encode("utf-8", "surrogatepass"))
        return Sending(
            job_id=call.job.job_id,
            model=call.plan.route.cloud,
            actor=self._worker.worker_id,
            destination=self._destination,
            text_hash=salted.hexdigest(),
            reserved_nano_usd=call.reserved_nano_usd,
        )

    def _settle(self, call: Call, request: Request, reply: CloudReply) -> None:
        trip("after_reply")
        outcome = conclude_cloud(
            call.plan,
            call.job,
            reply,
            tier=call.lease.tier,
            cost_nano_usd=price_cloud(reply.usage, call.price, "realtime"),
            local_fields=call.job.fields,
        )
        cloud.settle(
            self._database, call.lease, request, outcome, provider_request_id=reply.request_id
        )
        trip("after_settle")

    def _release(self, call: Call, request: Request, problem: str) -> None:
        cloud.release(self._database, call.lease, request, problem=problem)

    def _wait(self, lease: Lease, seconds: float) -> None:
        """Honour the provider's wait, renewing the lease meanwhile."""
        left = seconds
        while left > 0 and not self._stopping.is_set():
            part = min(left, self._settings.lease_seconds / RENEWALS)
            self._stopping.wait(part)
            left -= part
            chunks.commit(self._database, lease, [])

    def _to_review(
        self, lease: Lease, rows: list[Job], code: str, params: Mapping[str, Any]
    ) -> None:
        cloud.to_review(
            self._database,
            lease,
            [job.job_id for job in rows],
            code=code,
            words=say(code, lease.language, **params),
        )
