"""What another threshold would have done: counted from the answers that are there."""

from typing import Final

STEPS: Final = 20
"""Thresholds are told from 0 to 1 in steps of 1/20."""

LEVEL: Final = " ".join(
    f"WHEN a.confidence >= {step / STEPS:.2f} THEN {step}" for step in range(STEPS, -1, -1)
)
THRESHOLDS: Final = " UNION ALL ".join(
    f"SELECT {step} AS step, CAST({step / STEPS:.2f} AS DOUBLE PRECISION) AS threshold"
    for step in range(STEPS + 1)
)

OF_SPEC: Final = "PARTITION BY l.spec_name, l.spec_hash, l.task"
DOWN_FROM_THE_TOP: Final = f"({OF_SPEC} ORDER BY l.level DESC)"

WHAT_IF_THRESHOLDS: Final = f"""
SELECT w.spec_name, w.spec_hash, w.task, w.gate_mode, w.gate_threshold, t.threshold,
       CAST(w.all_rows AS BIGINT) AS rows,
       CAST(CASE WHEN t.step <= w.level THEN w.kept_rows ELSE 0 END AS BIGINT) AS kept,
       CAST(w.all_rows - CASE WHEN t.step <= w.level THEN w.kept_rows ELSE 0 END AS BIGINT)
         AS escalated,
       {{kept_cost}} AS kept_cost_usd, {{escalated_cost}} AS escalated_cost_usd,
       CAST(w.all_tokens - CASE WHEN t.step <= w.level THEN w.kept_tokens ELSE 0 END AS BIGINT)
         AS escalated_prompt_tokens
FROM (
  SELECT l.spec_name, l.spec_hash, l.task, l.gate_mode, l.gate_threshold, l.level,
         LEAD(l.level) OVER {DOWN_FROM_THE_TOP} AS below,
         ROW_NUMBER() OVER {DOWN_FROM_THE_TOP} AS place,
         SUM(l.rows) OVER {DOWN_FROM_THE_TOP} AS kept_rows,
         SUM(l.cost) OVER {DOWN_FROM_THE_TOP} AS kept_cost,
         SUM(l.tokens) OVER {DOWN_FROM_THE_TOP} AS kept_tokens,
         SUM(l.rows) OVER ({OF_SPEC}) AS all_rows,
         SUM(l.cost) OVER ({OF_SPEC}) AS all_cost,
         SUM(l.tokens) OVER ({OF_SPEC}) AS all_tokens
  FROM (
    SELECT b.spec_name, b.spec_hash, b.task, MIN({{gate_mode}}) AS gate_mode,
           MIN(CAST({{gate_threshold}} AS DOUBLE PRECISION)) AS gate_threshold,
           CASE WHEN a.verdict <> 'keep'
             AND a.reason_code NOT IN ('below_threshold', 'escalate_all')
             THEN -1 {LEVEL} ELSE -1 END AS level,
           COUNT(*) AS rows, SUM(a.cost_nano_usd) AS cost,
           SUM(a.prompt_tokens + a.shared_tokens) AS tokens
    FROM batches b
    JOIN jobs j ON j.batch_id = b.batch_id
    JOIN attempts a ON a.job_id = j.job_id
    WHERE a.kind IN ('local', 'learned', 'cache') AND NOT EXISTS (
      SELECT 1 FROM attempts later
      WHERE later.job_id = a.job_id AND later.kind IN ('local', 'learned', 'cache')
        AND later.attempt_id + 0 > a.attempt_id
    )
    GROUP BY b.spec_name, b.spec_hash, b.task, level
  ) l
) w
JOIN ({THRESHOLDS}) t
  ON t.step <= w.level AND t.step > COALESCE(w.below, -1)
  OR w.place = 1 AND t.step > w.level
"""  # noqa: S608 - our own text
"""One line for each spec and threshold: what the gate in mode `threshold` would have kept.

Looked at is the last attempt of each row on this side (local, learned, cache), also of rows
that a cloud or a person answered later. An answer that failed a check, and one of unknown
confidence, is kept at no threshold. `escalated_cost_usd` is what those attempts cost that would
have led nowhere; `escalated_prompt_tokens` is what a cloud would have had to read, at least.

Answers are counted once, by the highest threshold that keeps them (`level`), then summed from
the top down; a threshold takes the sum of the next level from it on. (Nothing is grouped outside
of that, so that a condition on spec_name reaches the rows.)
"""
