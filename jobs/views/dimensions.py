"""What facts are joined with: batches and models. No row content stands here."""

from typing import Final

COUNTED: Final = (
    "waiting", "running", "answered", "escalated", "in_cloud", "done", "review", "failed",
    "cancelled",
)  # fmt: skip
"""The states of a job; a test keeps them those of `jobs.job`."""


def _count(status: str) -> str:
    # one range of the index for each state: together they read a batch's entries once
    of_batch = "SELECT COUNT(*) FROM jobs j WHERE j.batch_id = b.batch_id"
    return f"       ({of_batch} AND j.status = '{status}') AS {status},"


DIM_BATCHES: Final = f"""
SELECT b.batch_id, b.status, b.spec_name, b.spec_hash, b.task, {{timezone}} AS timezone,
       {{data_class}} AS data_class, {{gate_mode}} AS gate_mode,
       COALESCE({{cloud}}, 'none') AS cloud_model, b.tags, b.file_name, b.file_hash,
       b.file_bytes, b.file_error, b.records_read AS rows,
       (SELECT COUNT(*) FROM rejects x WHERE x.batch_id = b.batch_id) AS rejected,
{chr(10).join(_count(status) for status in COUNTED)}
       (SELECT {{jobs_cost}} FROM jobs j WHERE j.batch_id = b.batch_id) AS cost_usd,
       {{budget}} AS budget_usd, {{taken}} AS cloud_taken_usd, b.created_at, b.opened_at,
       b.closed_at
FROM batches b
"""  # noqa: S608 - our own text
"""One line for each batch; what is not selected is not counted.

There is no updated_at: the counts change with the rows, not with the batch's own record.
"""

DIM_MODELS: Final = """
SELECT m.model_name AS model, m.model_hash, 'local' AS kind, m.context_tokens, m.first_seen_at
FROM models m
UNION ALL
SELECT q.model, '' AS model_hash, 'cloud' AS kind, NULL AS context_tokens,
       MIN(q.created_at) AS first_seen_at
FROM cloud_requests q
GROUP BY q.model
"""
"""One line for each model file that a worker loaded, and each cloud model that was asked."""
