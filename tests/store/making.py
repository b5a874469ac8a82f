"""Small batches for tests: made, answered, and brought into trouble."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select, text, update

from jobs.job import Attempt, Hint, Job, JobStatus, Lease, NewJob, NewReject, Outcome
from jobs.spec import Spec, parse_spec
from jobs.store import Database, batches, checks, chunks, loading, results
from jobs.store.batches import Batch, InputFile, NewBatch
from jobs.store.database import now
from jobs.store.workers import Worker
from jobs.tables import chunks as chunk_table
from jobs.tables import outbox as outbox_table

SPEC = """
name = "small"
tags = { team = "desk" }
[task]
kind = "classify"
labels = ["refund", "delivery"]
[input]
id = "id"
text = "text"
keep = ["store"]
[route]
tiers = ["stub"]
"""
WORKER = Worker("w1", "host", 1, "cpu", "stub", "hash-a")
LEASE_SECONDS = 60.0


def make_spec(name: str = "small") -> Spec:
    """A spec for two labels and one tier."""
    return parse_spec(SPEC.replace('"small"', f'"{name}"', 1), "small.toml")


def make_new(
    identity: str = "i1", *, partial: bool = False, change: Callable[[Spec], Spec] = lambda it: it
) -> NewBatch:
    """What is handed in for a small file."""
    file = InputFile("rows.csv", "/in/rows.csv", "f" * 64, 100)
    return NewBatch(identity, change(make_spec()), file, "en", partial)


def make_rows(first: int, count: int) -> tuple[NewJob, ...]:
    """Rows with ids r1, r2, ..."""
    numbers = range(first, first + count)
    return tuple(NewJob(n, f"r{n}", f"text {n}", {"store": "東京"}, 4) for n in numbers)


def make_reject(number: int) -> NewReject:
    """A record whose text was empty."""
    return NewReject(number, f"r{number}", "empty_text", "the text is empty")


def make_batch(
    database: Database,
    sizes: Sequence[int] = (3, 2),
    identity: str = "i1",
    rejected: int = 0,
    change: Callable[[Spec], Spec] = lambda it: it,
) -> Batch:
    """An open batch with one chunk for each size, loaded in one step."""
    batch = batches.create(database, make_new(identity, change=change))
    lease = loading.claim_loading(database, batch.batch_id)
    assert lease is not None
    planned, first = [], 1
    for size in sizes:
        planned.append(make_rows(first, size))
        first += size
    bad = [make_reject(number) for number in range(first, first + rejected)]
    lease = loading.add_rows(
        database,
        lease,
        spec=change(make_spec()),
        planned=planned,
        rejected=bad,
        records_read=first - 1 + rejected,
    )
    loading.finish_loading(database, lease, file_error=None, partial=False)
    return batches.get(database, batch.batch_id)


def load_texts(
    database: Database,
    *texts: Sequence[str],
    identity: str = "i1",
    use_cache: bool = True,
    change: Callable[[Spec], Spec] = lambda it: it,
) -> Batch:
    """An open batch with a chunk for each list of texts."""
    new = replace(make_new(identity, change=change), use_cache=use_cache)
    batch = batches.create(database, new)
    lease = loading.claim_loading(database, batch.batch_id)
    assert lease is not None
    planned: list[tuple[NewJob, ...]] = []
    number = 0
    for chunk in texts:
        numbered = enumerate(chunk, number + 1)
        planned.append(tuple(NewJob(n, f"r{n}", text, {}, 4) for n, text in numbered))
        number += len(chunk)
    lease = loading.add_rows(
        database, lease, spec=new.spec, planned=planned, rejected=[], records_read=number
    )
    loading.finish_loading(database, lease, file_error=None, partial=False)
    return batches.get(database, batch.batch_id)


def all_hints(database: Database) -> list[Hint]:
    """The messages owed now, in the order of their chunks."""
    query = select(outbox_table.c.chunk_id, outbox_table.c.epoch)
    with database.read() as connection:
        rows = connection.execute(query.order_by(outbox_table.c.chunk_id)).all()
    return [Hint(row.chunk_id, row.epoch) for row in rows]


def claim(database: Database, hint: Hint | None = None, worker: Worker = WORKER) -> Lease:
    """Claim a chunk, the first one owed if none is named."""
    hint = all_hints(database)[0] if hint is None else hint
    lease = chunks.claim(database, hint, worker, LEASE_SECONDS)
    assert lease is not None
    return lease


def outcome(job: Job, status: JobStatus = JobStatus.DONE, cost_nano_usd: int = 7) -> Outcome:
    """An answer to one job."""
    attempt = Attempt(
        job_id=job.job_id,
        kind="local",
        tier=0,
        model_name="stub",
        model_hash="hash-a",
        output={"label": "refund"},
        label="refund",
        signals={"margin": 0.5},
        confidence=0.75,
        confidence_source="label_probability",
        verdict="keep" if status is JobStatus.DONE else "escalate",
        reason_code="keep_all",
        reason="kept",
        prompt_tokens=3,
        shared_tokens=2,
        output_tokens=1,
        device_ms=1.5,
        cost_nano_usd=cost_nano_usd,
    )
    return Outcome(attempt, status)


def answer(database: Database, lease: Lease) -> None:
    """Answer every row of a lease."""
    chunks.commit(database, lease, [outcome(job) for job in lease.jobs])


def expire(database: Database, *leases: Lease) -> None:
    """Let leases be over, without waiting."""
    ids = [lease.chunk_id for lease in leases]
    with database.write() as connection:
        connection.execute(
            update(chunk_table)
            .where(chunk_table.c.chunk_id.in_(ids))
            .values(lease_until=now(plus_seconds=-1))
        )


def read_chunk(database: Database, chunk_id: int) -> dict[str, Any]:
    """One chunk's record."""
    with database.read() as connection:
        row = connection.execute(
            select(chunk_table).where(chunk_table.c.chunk_id == chunk_id)
        ).one()
    return dict(row._mapping)


def rows_of(database: Database, query: str) -> list[dict[str, Any]]:
    """Lines of a query on the tables or views."""
    with database.read() as connection:
        return [dict(row._mapping) for row in connection.execute(text(query))]


def statuses(database: Database, batch: Batch) -> list[str]:
    """The state of each job in the order of the file."""
    return [line["status"] for line in results.stream_results(database, batch.batch_id)]


def assert_sound(database: Database) -> None:
    """No invariant is broken."""
    assert checks.find_violations(database) == []


def drive(database: Database, worker: Worker = WORKER) -> None:
    """Answer whatever is owed until nothing is, then close."""
    while hints := all_hints(database):
        answer(database, claim(database, hints[0], worker))
    batches.close_finished(database)


def other_worker(**changes: str) -> Worker:
    """Another worker, e.g. with another model file."""
    return replace(WORKER, **{"worker_id": "w2", **changes})  # type: ignore[arg-type]
