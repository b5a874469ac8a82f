"""Batches whose rows the gate has escalated to the cloud, for tests."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from jobs.job import CLOUD_QUEUE, Hint, Job, JobStatus, Lease, Outcome, Step
from jobs.spec import Spec, parse_spec
from jobs.store import Database, batches, chunks, cloud, loading
from jobs.store.batches import Batch, InputFile, NewBatch
from jobs.store.cloud import Refused, Request, Sending
from jobs.store.workers import Worker
from jobs.tables import outbox
from tests.store.making import LEASE_SECONDS, SPEC, WORKER, claim, make_rows, outcome, rows_of

MODEL = "claude-haiku-5-5"
SENDER = Worker("s1", "host", 2, "network", CLOUD_QUEUE, "")
STEP = Step("cloud", 1, CLOUD_QUEUE)
RESERVED = 1_000
ROUTED = (
    SPEC.replace('tiers = ["stub"]', f'tiers = ["stub"]\ncloud = "{MODEL}"')
    + """
[gate]
mode = "threshold"
threshold = 0.9
[policy]
"""
)


@dataclass(frozen=True)
class Escalated:
    """A batch whose rows wait for the cloud."""

    batch: Batch
    spec: Spec


def make_escalated(
    database: Database, rows: int = 1, *, budget_nano_usd: int = 10**9, data_class: str = "open"
) -> Escalated:
    """A batch of which every row was escalated by its local tier, in chunks of 16."""
    policy = f'data_class = "{data_class}"\nbudget_usd = {budget_nano_usd / 10**9:.9f}\n'
    spec = parse_spec(ROUTED + policy, "small.toml")
    file = InputFile("rows.csv", "/in/rows.csv", "f" * 64, 100)
    batch = batches.create(database, NewBatch("i1", spec, file, "en", False))
    loader = loading.claim_loading(database, batch.batch_id)
    assert loader is not None
    loader = loading.add_rows(
        database,
        loader,
        spec=spec,
        planned=[make_rows(1, rows)],
        rejected=[],
        records_read=rows,
    )
    loading.finish_loading(database, loader, file_error=None, partial=False)
    lease = claim(database, worker=WORKER)
    escalated = [replace(outcome(job, JobStatus.ESCALATED), step=STEP) for job in lease.jobs]
    chunks.commit(database, lease, escalated)
    return Escalated(batches.get(database, batch.batch_id), spec)


def cloud_hints(database: Database) -> list[Hint]:
    """The messages owed to senders, in the order of their chunks."""
    owed = select(outbox.c.chunk_id, outbox.c.epoch).where(outbox.c.queue == CLOUD_QUEUE)
    with database.read() as connection:
        rows = connection.execute(owed.order_by(outbox.c.chunk_id)).all()
    return [Hint(row.chunk_id, row.epoch) for row in rows]


def claim_cloud(database: Database, worker: Worker = SENDER) -> Lease:
    """Claim the first chunk owed to senders."""
    lease = chunks.claim(database, cloud_hints(database)[0], worker, LEASE_SECONDS)
    assert lease is not None
    return lease


def sending(job: Job, reserved: int = RESERVED) -> Sending:
    """What the audit log is told about a row that is about to leave."""
    return Sending(job.job_id, MODEL, "s1", "stand-in", "h" * 64, reserved)


def begin(database: Database, lease: Lease, job: Job, reserved: int = RESERVED) -> Request:
    """Begin a call that may be made."""
    begun = cloud.begin(database, lease, sending(job, reserved))
    assert isinstance(begun, Request)
    return begun


def refusal(database: Database, lease: Lease, job: Job, reserved: int = RESERVED) -> str:
    """Begin a call that may not be made; return the code of why."""
    begun = cloud.begin(database, lease, sending(job, reserved))
    assert isinstance(begun, Refused)
    return begun.code


def cloud_outcome(job: Job, cost: int, status: JobStatus = JobStatus.DONE) -> Outcome:
    """A cloud's answer to a row."""
    local = outcome(job, status, cost)
    return Outcome(replace(local.attempt, kind="cloud", tier=1, model_name=MODEL), status)


def taken(database: Database) -> int:
    """What the only batch has taken from its budget."""
    total: int = rows_of(database, "SELECT cloud_nano_usd FROM batches")[0]["cloud_nano_usd"]
    return total


def requests(database: Database) -> list[tuple[Any, ...]]:
    """(status of the call, status of its money, reserved, settled) of each call."""
    query = (
        "SELECT q.status, r.status AS money, reserved_nano_usd, settled_nano_usd FROM"
        " cloud_requests q JOIN reservations r ON r.request_id = q.request_id"
        " ORDER BY q.request_id"
    )
    return [tuple(row.values()) for row in rows_of(database, query)]
