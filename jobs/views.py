"""The views analysts use: the same columns on SQLite and PostgreSQL.

They are recreated after every migration, so they always equal this text.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

DIALECT_WORDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "sqlite": {
            "usd": "CAST({} AS REAL) / 1000000000",
            "month": "strftime('%Y-%m', {})",
            "bytes": "LENGTH(CAST({} AS BLOB))",
            "route": "json_extract(b.spec, '$.route.{}')",
        },
        "postgresql": {
            "usd": "CAST({} AS NUMERIC) / 1000000000",
            "month": "to_char({}, 'YYYY-MM')",
            "bytes": "OCTET_LENGTH({})",
            "route": "b.spec -> 'route' ->> '{}'",
        },
    }
)

FCT_RESULTS: Final = """
SELECT j.batch_id, j.row_number, j.source_id, b.spec_name, b.spec_hash, b.file_name, b.task,
       j.status, r.output, r.label,
       CASE WHEN j.status = 'done' THEN NULL ELSE COALESCE(a.output, (
         SELECT e.output FROM attempts e
         WHERE e.job_id = j.job_id AND e.output IS NOT NULL
         ORDER BY e.attempt_id DESC LIMIT 1
       )) END AS suggested_output,
       CASE WHEN j.status = 'done' THEN r.fields ELSE a.fields END AS fields,
       a.confidence, a.confidence_source, a.tier, a.model_name AS model, a.verdict,
       COALESCE(j.obstacle_code, a.reason_code) AS reason_code,
       COALESCE(j.obstacle, a.reason) AS reason, {job_cost} AS cost_usd, j.attributes, b.tags,
       j.created_at, j.updated_at, j.finished_at
FROM jobs j
JOIN batches b ON b.batch_id = j.batch_id
LEFT JOIN attempts a ON a.attempt_id = j.attempt_id
LEFT JOIN results r ON r.job_id = j.job_id
"""

FCT_RESULTS_LATEST: Final = """
SELECT batch_id, row_number, source_id, spec_name, spec_hash, file_name, task, status, output,
       label, suggested_output, fields, confidence, confidence_source, tier, model, verdict,
       reason_code, reason, cost_usd, attributes, tags, created_at, updated_at, finished_at
FROM (
  SELECT f.*, ROW_NUMBER() OVER (
    PARTITION BY f.spec_name, f.source_id
    ORDER BY f.created_at DESC, f.batch_id DESC, f.row_number DESC
  ) AS newness
  FROM fct_results f
) ranked
WHERE newness = 1
"""

FCT_ATTEMPTS: Final = """
SELECT a.attempt_id, a.batch_id, j.row_number, j.source_id, b.spec_name, a.kind, a.tier,
       a.model_name AS model, a.model_hash, a.output, a.label, a.signals, a.confidence,
       a.confidence_source, a.verdict, a.reason_code, a.reason, a.prompt_tokens,
       a.shared_tokens, a.output_tokens, a.device_ms, {attempt_cost} AS cost_usd, a.created_at
FROM attempts a
JOIN jobs j ON j.job_id = a.job_id
JOIN batches b ON b.batch_id = a.batch_id
"""

FCT_REJECTS: Final = """
SELECT x.batch_id, x.row_number, x.source_id, b.spec_name, b.file_name, x.reason_code, x.reason,
       x.created_at
FROM rejects x
JOIN batches b ON b.batch_id = x.batch_id
"""

FCT_SAVINGS_MONTHLY: Final = """
SELECT month, spec_name, model, mode, COUNT(*) AS rows, CAST(SUM(kept) AS BIGINT) AS kept,
       CAST(SUM(escalated) AS BIGINT) AS escalated,
       CAST(SUM(measured) AS BIGINT) AS measured_rows,
       CAST(SUM(prompt_tokens) AS BIGINT) AS prompt_tokens,
       CAST(SUM(answer_tokens) AS BIGINT) AS answer_tokens,
       {local_cost} AS local_cost_usd, {cloud_cost} AS cloud_cost_usd, {sum_cost} AS cost_usd,
       {maybe_paid} AS maybe_paid_usd, MIN(created_at) AS first_row_at,
       MAX(created_at) AS last_row_at
FROM (
  SELECT {month} AS month, b.spec_name, COALESCE({cloud}, 'none') AS model,
         COALESCE({mode}, 'auto') AS mode, j.created_at, j.cost_nano_usd AS cost,
         CASE WHEN j.status = 'done' AND e.kind IN ('local', 'learned', 'cache')
           THEN 1 ELSE 0 END AS kept,
         CASE WHEN r.sent > 0 THEN 1 ELSE 0 END AS escalated,
         CASE WHEN f.job_id IS NULL THEN 0 ELSE 1 END AS measured,
         COALESCE(f.prompt_tokens + f.shared_tokens, 0) AS prompt_tokens,
         CASE WHEN f.job_id IS NULL THEN 0
           WHEN b.task = 'classify' AND f.kind <> 'cloud' THEN 6 + COALESCE({label_bytes}, 0) / 3
           ELSE f.output_tokens END AS answer_tokens,
         COALESCE(c.cost, 0) AS cloud_cost, COALESCE(r.maybe_paid, 0) AS maybe_paid
  FROM jobs j
  JOIN batches b ON b.batch_id = j.batch_id
  LEFT JOIN attempts e ON e.attempt_id = j.attempt_id
  LEFT JOIN (
    SELECT t.*, ROW_NUMBER() OVER (
      PARTITION BY t.job_id
      ORDER BY CASE WHEN t.kind = 'cloud' THEN 1 ELSE 0 END, t.attempt_id
    ) AS turn
    FROM attempts t
    WHERE t.kind IN ('local', 'cache', 'cloud') AND t.prompt_tokens + t.shared_tokens > 0
  ) f ON f.job_id = j.job_id AND f.turn = 1
  LEFT JOIN (
    SELECT t.job_id, SUM(t.cost_nano_usd) AS cost
    FROM attempts t
    WHERE t.kind IN ('cloud', 'audit')
    GROUP BY t.job_id
  ) c ON c.job_id = j.job_id
  LEFT JOIN (
    SELECT q.job_id, SUM(CASE WHEN q.status = 'not_charged' THEN 0 ELSE 1 END) AS sent,
           SUM(CASE WHEN v.status = 'maybe_paid' THEN v.reserved_nano_usd ELSE 0 END) AS maybe_paid
    FROM cloud_requests q
    LEFT JOIN reservations v ON v.request_id = q.request_id
    GROUP BY q.job_id
  ) r ON r.job_id = j.job_id
) of_rows
GROUP BY month, spec_name, model, mode
"""
"""One line for each month in which rows were handed in, spec, and cloud of the route.

The month is that of the time zone the spec names.

`prompt_tokens` and `answer_tokens` are those of the first local attempt of each measured row, or
of the answer it was given from the cache (of the cloud's where there is neither): what asking a
cloud row by row would have needed, as an estimate. A local classification scores all labels, so
its answer is estimated from the label's own bytes.
"""

VIEWS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fct_results": FCT_RESULTS,
        "fct_results_latest": FCT_RESULTS_LATEST,
        "fct_attempts": FCT_ATTEMPTS,
        "fct_rejects": FCT_REJECTS,
        "fct_savings_monthly": FCT_SAVINGS_MONTHLY,
    }
)
"""Name -> SELECT, in the order in which they can be created."""


def view_sql(name: str, dialect: str) -> str:
    """Return the CREATE VIEW statement for one dialect (`sqlite` or `postgresql`)."""
    words = DIALECT_WORDS[dialect]
    select = VIEWS[name].format(
        job_cost=words["usd"].format("j.cost_nano_usd"),
        attempt_cost=words["usd"].format("a.cost_nano_usd"),
        local_cost=words["usd"].format("SUM(cost - cloud_cost)"),
        cloud_cost=words["usd"].format("SUM(cloud_cost)"),
        sum_cost=words["usd"].format("SUM(cost)"),
        maybe_paid=words["usd"].format("SUM(maybe_paid)"),
        month=words["month"].format("j.reporting_day"),
        label_bytes=words["bytes"].format("f.label"),
        cloud=words["route"].format("cloud"),
        mode=words["route"].format("mode"),
    )
    return f"CREATE VIEW {name} AS{select}"
