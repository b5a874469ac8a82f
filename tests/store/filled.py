"""A small database with something for every view: two specs, several batches, all endings."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from jobs.job import Job, JobStatus, Outcome
from jobs.spec import Spec, parse_spec
from jobs.store import Database, batches, chunks
from jobs.store.batches import Batch
from tests.store.making import all_hints, claim, make_batch, outcome

EXTRACT = """
name = "invoices"
[task]
kind = "extract"
[task.fields.vendor]
type = "string"
[task.fields.invoice_date]
type = "date"
[task.fields.total]
type = "money"
[task.fields.items]
type = "integer"
[task.fields.weight]
type = "number"
[task.fields.paid]
type = "boolean"
[task.fields.kind]
type = "enum"
values = ["goods", "services"]
[task.fields."支払先"]
type = "string"
required = false
[input]
id = "id"
text = "text"
[route]
tiers = ["stub"]
"""
RECORD: Mapping[str, Any] = {
    "vendor": "Blue Door",
    "invoice_date": "2026-02-28",
    "total": {"amount": "1045.90", "currency": "USD"},
    "items": 12,
    "weight": 2.5,
    "paid": True,
    "kind": "goods",
    "支払先": "青い扉",
}


def extract_spec() -> Spec:
    """A spec with a field of every type."""
    return parse_spec(EXTRACT, "invoices.toml")


def named(name: str, **changes: Any) -> Callable[[Spec], Spec]:
    """A change of a spec: its name, and more."""
    return lambda spec: spec.model_copy(update={"name": name, **changes})


def labelled(job: Job, label: str, status: JobStatus = JobStatus.DONE, **facts: Any) -> Outcome:
    """An answer with a label, and with other facts of the attempt."""
    made = outcome(job, status)
    attempt = replace(made.attempt, label=label, output={"label": label}, **facts)
    return replace(made, attempt=attempt)


def extracted(job: Job, record: Mapping[str, Any]) -> Outcome:
    """An answer with a record."""
    made = outcome(job)
    return replace(made, attempt=replace(made.attempt, label=None, output=dict(record)))


def answer_all(database: Database, answer: Callable[[Job], Outcome]) -> None:
    """Answer whatever is owed, and close."""
    while hints := all_hints(database):
        lease = claim(database, hints[0])
        chunks.commit(database, lease, [answer(job) for job in lease.jobs])
    batches.close_finished(database)


def make_extracted(database: Database, *records: Mapping[str, Any]) -> Batch:
    """A batch of invoices with these answers."""
    made = make_batch(database, [len(records)], "invoices", change=lambda _: extract_spec())
    answer_all(database, lambda job: extracted(job, records[job.row_number - 1]))
    return made


def fill(database: Database) -> tuple[Batch, Batch, Batch]:
    """Two batches of tickets, the second with one row in review and one label changed; invoices."""
    first = make_batch(database, [3], "t1", rejected=2, change=named("tickets"))
    answer_all(database, lambda job: labelled(job, "refund"))
    second = make_batch(database, [3], "t2", change=named("tickets"))

    def again(job: Job) -> Outcome:
        if job.row_number == 3:
            return labelled(
                job, "refund", JobStatus.REVIEW, reason_code="below_threshold", confidence=0.3
            )
        return labelled(job, "delivery" if job.row_number == 2 else "refund", confidence=0.95)

    answer_all(database, again)
    return first, second, make_extracted(database, RECORD)
