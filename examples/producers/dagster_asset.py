"""A Dagster asset: the labels of the tickets, as rows for the next asset.

Not run against Dagster itself: the project's tests run these very functions with a small
stand-in for the decorator, on a real database. Try it on a test instance first.

What to learn from it:

- Rows go in straight from the asset upstream, without a file. The spec is what `submit` checks
  every row by: one without a text is a reject with a reason, not an exception.
- The same rows are the same batch, so an asset that is materialized again, or retried, asks no
  row twice.
- The metadata of the run names the batch: `sekisho status BATCH` and SQL go on from there.
- `sekisho dispatch` and `sekisho worker local` run elsewhere, as services on the same database.
  If they do not, `wait` says after `silence_seconds` what to start.
- Where Sekisho's packages cannot stand beside your own, call `sekisho run --json` instead.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from dagster import AssetExecutionContext, RetryPolicy, asset

from jobs.client import Client, JobStatus

SPEC = os.environ.get("TICKETS_SPEC", "/srv/sekisho/tickets.toml")


def label(
    client: Client, rows: Iterable[Mapping[str, Any]], spec: str, timeout_seconds: float = 3600
) -> tuple[dict[str, str | None], dict[str, Any]]:
    """Return id -> label (None where nobody may rely on one), and what the run says of itself."""
    batch = client.submit(rows, spec, name="tickets")
    status = client.wait(batch.batch_id, timeout_seconds=timeout_seconds)
    labels = {
        row.source_id: row.label if row.status is JobStatus.DONE else None
        for row in client.results(batch.batch_id)
    }
    said = {
        "batch_id": status.batch_id,
        "rows": status.rows,
        "done": status.done,
        "without a result": status.bad,
        "cost_usd": float(status.cost_usd),
    }
    return labels, said


@asset(retry_policy=RetryPolicy(max_retries=3, delay=60))
def ticket_labels(
    context: AssetExecutionContext, tickets: list[dict[str, Any]]
) -> dict[str, str | None]:
    """What every ticket is about; `tickets` is the asset upstream."""
    with Client() as client:  # SEKISHO_DATABASE_URL
        labels, said = label(client, tickets, SPEC)
    context.add_output_metadata(said)
    return labels
