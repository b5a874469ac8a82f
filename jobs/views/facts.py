"""What happened: rows, attempts, rejects, one line each."""

from typing import Final

LINE: Final = """
       b.spec_hash, b.file_name, b.task, j.status, r.output, r.label,
       CASE WHEN j.status = 'done' OR j.attempt_id IS NULL THEN NULL ELSE COALESCE(a.output, (
         SELECT e.output FROM attempts e
         WHERE e.job_id = j.job_id AND e.output IS NOT NULL
         ORDER BY e.attempt_id + 0 DESC LIMIT 1
       )) END AS suggested_output,
       CASE WHEN j.status = 'done' THEN r.fields ELSE a.fields END AS fields,
       a.confidence, a.confidence_source, a.tier, a.model_name AS model, a.verdict,
       COALESCE(j.obstacle_code, a.reason_code) AS reason_code,
       COALESCE(j.obstacle, a.reason) AS reason, {job_cost} AS cost_usd, j.attributes, b.tags,
       j.created_at, j.updated_at, j.finished_at"""
"""What a line tells beside its key.

The attempt before the deciding one is looked up only where that one has no output (and never for
a row that was not tried). `+ 0` keeps planners from walking all attempts backwards by their key
in the hope of meeting one of this row.
"""

JOINS: Final = """
JOIN batches b ON b.batch_id = j.batch_id
LEFT JOIN attempts a ON a.attempt_id = j.attempt_id
LEFT JOIN results r ON r.job_id = j.job_id
"""

FCT_RESULTS: Final = f"""
SELECT j.batch_id, j.row_number, j.source_id, b.spec_name,{LINE}
FROM jobs j{JOINS}"""  # noqa: S608 - our own text
"""`updated_at` changes with every change of the line: each write of a row sets jobs.updated_at."""

FCT_RESULTS_LATEST: Final = f"""
SELECT k.batch_id, k.row_number, k.source_id, k.spec_name,{LINE}
FROM (
  SELECT n.job_id, n.batch_id, n.row_number, n.source_id, s.spec_name, ROW_NUMBER() OVER (
    PARTITION BY s.spec_name, n.source_id
    ORDER BY n.created_at DESC, n.batch_id DESC, n.row_number DESC
  ) AS newness
  FROM jobs n
  JOIN batches s ON s.batch_id = n.batch_id
) k
JOIN jobs j ON j.job_id = k.job_id{JOINS}WHERE k.newness = 1
"""  # noqa: S608 - our own text
"""Only keys are ranked; the line is read for the newest alone. The key's columns are those of
the ranking, so that a condition on spec_name reads the batches of that spec and no others."""

FCT_ATTEMPTS: Final = """
SELECT a.attempt_id, j.batch_id, j.row_number, j.source_id, b.spec_name, a.kind, a.tier,
       a.model_name AS model, a.model_hash, a.output, a.label, a.signals, a.confidence,
       a.confidence_source, a.verdict, a.reason_code, a.reason, a.prompt_tokens,
       a.shared_tokens, a.output_tokens, a.device_ms, {attempt_cost} AS cost_usd, a.created_at
FROM attempts a
JOIN jobs j ON j.job_id = a.job_id
JOIN batches b ON b.batch_id = j.batch_id
"""
"""The batch is the job's: one row's attempts are found by the row, not among the batch's."""

FCT_REJECTS: Final = """
SELECT x.batch_id, x.row_number, x.source_id, b.spec_name, b.file_name, x.reason_code, x.reason,
       x.created_at
FROM rejects x
JOIN batches b ON b.batch_id = x.batch_id
"""
