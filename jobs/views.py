"""The views analysts use: the same columns on SQLite and PostgreSQL.

They are recreated after every migration, so they always equal this text.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

DIALECT_WORDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "sqlite": {"usd": "CAST({} AS REAL) / 1000000000"},
        "postgresql": {"usd": "CAST({} AS NUMERIC) / 1000000000"},
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

VIEWS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fct_results": FCT_RESULTS,
        "fct_results_latest": FCT_RESULTS_LATEST,
        "fct_attempts": FCT_ATTEMPTS,
        "fct_rejects": FCT_REJECTS,
    }
)
"""Name -> SELECT, in the order in which they can be created."""


def view_sql(name: str, dialect: str) -> str:
    """Return the CREATE VIEW statement for one dialect (`sqlite` or `postgresql`)."""
    words = DIALECT_WORDS[dialect]
    select = VIEWS[name].format(
        job_cost=words["usd"].format("j.cost_nano_usd"),
        attempt_cost=words["usd"].format("a.cost_nano_usd"),
    )
    return f"CREATE VIEW {name} AS{select}"
