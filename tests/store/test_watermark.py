"""`updated_at` of fct_results: it moves with every change of a line, whoever makes it."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

import jobs.store
from jobs.job import JobStatus
from jobs.store import Database, batches, chunks, cloud, loading, recovery, review
from jobs.store.budget import NewBudget
from jobs.store.database import now
from jobs.tables import jobs as job_table
from tests.store.making import (
    WORKER,
    answer,
    claim,
    drive,
    expire,
    make_batch,
    make_new,
    make_rows,
    make_spec,
    outcome,
    rows_of,
)
from tests.store.sending import begin, claim_cloud, cloud_outcome, make_escalated

Lines = dict[tuple[str, int], dict[str, Any]]
AN_HOUR_AGO = -3600.0


def lines_of(database: Database) -> Lines:
    """Every line of the view by its key."""
    lines = rows_of(database, "SELECT * FROM fct_results")
    return {(line["batch_id"], line["row_number"]): line for line in lines}


def watched(database: Database, work: Callable[[], object], *, changes: bool = True) -> None:
    """Do some work; every line it changed must be younger than before, by this very work.

    The stamps are set back first, so that not even two changes in one millisecond look alike.
    """
    with database.write() as connection:
        connection.execute(update(job_table).values(updated_at=now(plus_seconds=AN_HOUR_AGO)))
    before = lines_of(database)
    work()
    changed = []
    for key, line in lines_of(database).items():
        if key not in before or line != before[key]:
            changed.append(key)
        if key in before and line != before[key]:
            assert line["updated_at"] > before[key]["updated_at"], line["status"]
    assert bool(changed) is changes


def test_loading_stamps_new_lines(database: Database) -> None:
    """A new line has the stamp of its reading; a broken file's lines are stamped once more."""
    batch = batches.create(database, make_new())
    lease = loading.claim_loading(database, batch.batch_id)
    assert lease is not None

    def add() -> None:
        loading.add_rows(
            database,
            lease,
            spec=make_spec(),
            planned=[make_rows(1, 2)],
            rejected=[],
            records_read=2,
        )

    watched(database, add)
    assert all(line["updated_at"] == line["created_at"] for line in lines_of(database).values())
    watched(
        database,
        lambda: loading.finish_loading(database, lease, file_error="cut_gzip", partial=False),
    )


@pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.REVIEW, JobStatus.FAILED])
def test_claiming_and_answering(database: Database, status: JobStatus) -> None:
    """A claim, an answer, a chunk given back and a lease that is over each move the stamp."""
    make_batch(database, [2, 2])
    held = []
    watched(database, lambda: held.append(claim(database)))
    watched(database, lambda: chunks.give_back(database, held[0]))
    watched(database, lambda: held.append(claim(database)))
    answers = [outcome(job, status) for job in held[1].jobs]
    watched(database, lambda: chunks.commit(database, held[1], answers[:1]))
    expire(database, held[1])
    watched(database, lambda: recovery.recover_expired(database))
    watched(database, lambda: drive(database))


def test_rows_that_kill_their_worker(database: Database) -> None:
    """Suspects that are set apart, and those that fail in the end, are stamped."""
    make_batch(database, [2])
    lease = claim(database)
    suspects = [job.job_id for job in lease.jobs]

    def crash() -> None:
        recovery.recover_worker(database, WORKER.worker_id, suspects, native_crash=True)

    watched(database, crash)
    claim(database)
    watched(database, crash)
    assert "failed" in {line["status"] for line in lines_of(database).values()}


def test_a_row_in_the_cloud(database: Database) -> None:
    """Sending, taking back, losing, review, resuming and settling each move the stamp."""
    batch = make_escalated(database, 1).batch
    lease = claim_cloud(database)
    (job,) = lease.jobs
    requests = []

    def send() -> None:
        requests.append(begin(database, lease, job))

    watched(database, send)
    watched(database, lambda: cloud.release(database, lease, requests[-1], problem="busy"))
    send()
    watched(database, lambda: cloud.lose(database, lease, requests[-1], problem="lost"))
    watched(
        database,
        lambda: cloud.to_review(database, lease, [job.job_id], code="no_cloud_key", words="no key"),
    )
    batches.close_finished(database)
    watched(database, lambda: review.resume(database, batch.batch_id))
    again = claim_cloud(database)
    request = begin(database, again, job)
    watched(
        database,
        lambda: cloud.settle(
            database, again, request, cloud_outcome(job, 900), provider_request_id=None
        ),
    )
    assert {line["status"] for line in lines_of(database).values()} == {"done"}


def test_what_is_not_in_the_line_leaves_the_stamp(database: Database) -> None:
    """A renewed lease, a closed batch and another budget change no line, and no stamp."""
    batch = make_batch(database, [1])
    lease = claim(database)
    watched(database, lambda: chunks.commit(database, lease, []), changes=False)
    answer(database, lease)
    watched(database, lambda: batches.close_finished(database), changes=False)
    bigger = NewBudget(10**9, "me@here")
    watched(database, lambda: review.resume(database, batch.batch_id, bigger), changes=False)


def test_loading_again_from_the_watermark_misses_nothing(database: Database) -> None:
    """A copy that is merged from the highest stamp on equals the view after every step."""
    copy: Lines = {}
    watermark = "2000-01-01 00:00:00"
    make_batch(database, [2, 1])

    def load() -> str:
        query = f"SELECT * FROM fct_results WHERE updated_at >= '{watermark}'"  # noqa: S608 - ours
        for line in rows_of(database, query):
            copy[line["batch_id"], line["row_number"]] = line
        return max(str(line["updated_at"]) for line in copy.values())

    watermark = load()
    lease = claim(database)
    watermark = load()
    chunks.commit(database, lease, [outcome(lease.jobs[0], JobStatus.REVIEW)])
    watermark = load()
    assert copy == lines_of(database)
    drive(database)
    load()
    assert copy == lines_of(database)


def test_every_update_of_a_job_sets_the_stamp() -> None:
    """No statement of the store changes `jobs` without `updated_at`: a rule for later writers."""
    folder = Path(jobs.store.__file__).parent
    found = 0
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _is_values_of_jobs(node):
                found += 1
                named = {keyword.arg for keyword in node.keywords}
                assert "updated_at" in named, f"{path.name}:{node.lineno}"
    assert found >= 9


def _is_values_of_jobs(call: ast.Call) -> bool:
    """Whether this is `update(jobs)....values(...)`."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr == "values"):
        return False
    inner: ast.expr = call.func.value
    while isinstance(inner, ast.Call):
        if isinstance(inner.func, ast.Name):
            table = inner.args[0] if inner.args else None
            return inner.func.id == "update" and isinstance(table, ast.Name) and table.id == "jobs"
        if not isinstance(inner.func, ast.Attribute):
            return False
        inner = inner.func.value
    return False
