"""An Airflow DAG: hand in the file of the day, wait, write the answers. For Airflow 3.

Not run against Airflow itself: the project's tests run these very functions with a small
stand-in for the decorators, on a real database, and nothing of Airflow but its names is known
to them. Try it on a test instance first. (Airflow 2 has the decorators in `airflow.decorators`.)

What to learn from it:

- Sekisho lives in an environment of its own, since Airflow pins other versions of the same
  libraries. `external_python` runs a task with that environment's Python; what a task needs is
  imported inside of it, and what it takes and returns is plain data.
- Handing in is safe to repeat: the same rows are the same batch. A task that is retried, or a
  run that is cleared, asks no row twice and pays nothing twice.
- Waiting is a task of its own with its own retries: when it times out, the batch goes on, and
  the next try waits on. A batch id is all that travels between tasks.
- `sekisho dispatch` and `sekisho worker local` run elsewhere, as services on the same database.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task

SEKISHO_PYTHON = "/opt/sekisho/bin/python"
DATABASE_URL = "postgresql://sekisho@db/sekisho"  # its password: a .pgpass file beside the worker
SPEC = "/srv/sekisho/tickets.toml"


@task.external_python(python=SEKISHO_PYTHON, expect_airflow=False, retries=3)
def hand_in(database_url: str, spec: str, path: str) -> str:
    """Hand the file of the day in and return its batch."""
    from jobs.client import BatchStatus, Client

    with Client(database_url) as client:
        batch = client.submit(path, spec)
    if batch.status is BatchStatus.FAILED:
        raise RuntimeError(f"{batch.batch_id}: {batch.file_error_reason}")
    print(f"batch {batch.batch_id}: {batch.rows} rows, {batch.rejected} rejected")
    return batch.batch_id


@task.external_python(
    python=SEKISHO_PYTHON, expect_airflow=False, retries=8, retry_delay=timedelta(minutes=5)
)
def wait(database_url: str, batch_id: str, timeout_seconds: float, allow_bad: float) -> str:
    """Wait until the batch is over; too many rows without a result are an error."""
    from jobs.client import Client

    with Client(database_url) as client:
        status = client.wait(batch_id, timeout_seconds=timeout_seconds)
    print(f"{status.done} of {status.rows} rows done, {status.cost_usd} USD")
    if status.bad > allow_bad * status.rows:
        raise RuntimeError(f"{status.bad} of {status.rows} rows of {batch_id} need a hand")
    return batch_id


@task.external_python(python=SEKISHO_PYTHON, expect_airflow=False, retries=3)
def write_answers(database_url: str, batch_id: str, path: str) -> int:
    """Write id and label of every row that is done; return how many."""
    import csv
    from pathlib import Path

    from jobs.client import Client, JobStatus

    written = 0
    aside = Path(f"{path}.new")
    with Client(database_url) as client, aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "label", "confidence"])
        for row in client.results(batch_id):  # a million rows or ten: memory stays flat
            if row.status is JobStatus.DONE:
                writer.writerow([row.source_id, row.label, row.confidence])
                written += 1
    aside.replace(path)
    return written


@dag(
    schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1
)
def sekisho_tickets() -> None:
    """The file of the day in, the labels of the day out."""
    batch_id = hand_in(DATABASE_URL, SPEC, "/srv/drop/tickets-{{ ds }}.csv")
    ended = wait(DATABASE_URL, batch_id, timeout_seconds=3600, allow_bad=0.02)
    write_answers(DATABASE_URL, ended, "/srv/out/labels-{{ ds }}.csv")


sekisho_tickets()
