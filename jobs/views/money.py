"""What it cost: by day, and by month beside what a cloud would have needed."""

from typing import Final

FCT_COSTS_DAILY: Final = """
SELECT j.reporting_day AS day, b.spec_name, b.task, a.tier, a.kind, a.model_name AS model,
       COUNT(DISTINCT a.job_id) AS rows, COUNT(*) AS attempts,
       CAST(SUM(a.prompt_tokens) AS BIGINT) AS prompt_tokens,
       CAST(SUM(a.shared_tokens) AS BIGINT) AS shared_tokens,
       CAST(SUM(a.output_tokens) AS BIGINT) AS output_tokens,
       SUM(a.device_ms) / 1000 AS device_seconds, {attempts_cost} AS cost_usd
FROM attempts a
JOIN jobs j ON j.job_id = a.job_id
JOIN batches b ON b.batch_id = j.batch_id
GROUP BY j.reporting_day, b.spec_name, b.task, a.tier, a.kind, a.model_name
"""
"""Every attempt is in exactly one line, that of the day on which its row was handed in.

The day is that of the time zone the spec names, as in `fct_savings_monthly`. A row that climbed
is counted in the line of each tier that tried it: `rows` may be summed within one tier and kind,
everything else may be summed at will.
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
