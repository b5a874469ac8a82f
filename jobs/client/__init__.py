"""The Python producer API: hand rows in, wait, read answers.

.. code-block:: python

    from jobs.client import Client

    rows = [{"id": "1", "text": "Where is my parcel?"}, {"id": "2", "text": "Money back, please."}]
    with Client("postgresql://sekisho@db/sekisho") as client:
        batch = client.submit(rows, "tickets.toml")
        status = client.wait(batch.batch_id, timeout_seconds=3600)
        for row in client.results(batch.batch_id):
            print(row.source_id, row.label, row.confidence, row.status)

The client needs nothing but the database. Answers come from `sekisho dispatch` and `sekisho
worker local` (and `sekisho worker cloud`), which somebody keeps running on the same database;
`wait` says which of them is missing. Without such services let the command do it all:
`subprocess.run(["sekisho", "run", "rows.csv", "--spec", "tickets.toml", "--json"])`. The same
command is the way for producers that cannot have Sekisho's packages in their own environment.
"""

from jobs.client.client import Client
from jobs.client.given import AnySpec, Rows
from jobs.client.records import Rejected, Result, Status, Submitted
from jobs.errors import NobodyWorksError, SekishoError, WaitTimeoutError
from jobs.job import BatchStatus, JobStatus
from jobs.spec import Spec

__all__ = [
    "AnySpec",
    "BatchStatus",
    "Client",
    "JobStatus",
    "NobodyWorksError",
    "Rejected",
    "Result",
    "Rows",
    "SekishoError",
    "Spec",
    "Status",
    "Submitted",
    "WaitTimeoutError",
]
