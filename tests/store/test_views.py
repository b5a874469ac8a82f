"""The views on filled tables: sums that agree, counts that are right; the same on both."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from jobs.dictionary import read_dictionary
from jobs.job import JobStatus
from jobs.store import Database, chunks, cloud, results, schema
from jobs.views.dimensions import COUNTED
from tests.conftest import opened
from tests.store.filled import fill, labelled, named
from tests.store.making import claim, make_batch, outcome, rows_of
from tests.store.sending import begin, claim_cloud, cloud_outcome, make_escalated


def total(database: Database, expression: str, view: str) -> Decimal:
    """A sum over a view, to nine places."""
    (line,) = rows_of(database, f"SELECT {expression} AS it FROM {view}")  # noqa: S608 - ours
    return Decimal(str(line["it"])).quantize(Decimal("1e-9"))


@pytest.mark.parametrize(
    ("daily", "single"),
    [
        ("SUM(attempts)", "COUNT(*)"),
        ("SUM(prompt_tokens)", "SUM(prompt_tokens)"),
        ("SUM(shared_tokens)", "SUM(shared_tokens)"),
        ("SUM(output_tokens)", "SUM(output_tokens)"),
        ("SUM(device_seconds)", "SUM(device_ms) / 1000"),
        ("SUM(cost_usd)", "SUM(cost_usd)"),
    ],
)
def test_daily_costs_are_the_sums_of_the_attempts(
    database: Database, daily: str, single: str
) -> None:
    """Every attempt stands in exactly one line, those of rows that are not done too."""
    fill(database)
    make_escalated(database, 2)
    lease = claim_cloud(database)
    for job, cost in zip(lease.jobs, (900, 901), strict=True):
        request = begin(database, lease, job)
        cloud.settle(database, lease, request, cloud_outcome(job, cost), provider_request_id=None)
    assert total(database, daily, "fct_costs_daily") == total(database, single, "fct_attempts")


def test_daily_costs_tell_tiers_and_kinds_apart(database: Database) -> None:
    """A row that went to the cloud is counted in the line of each tier that tried it."""
    batch = make_escalated(database, 1).batch
    lease = claim_cloud(database)
    (job,) = lease.jobs
    request = begin(database, lease, job)
    cloud.settle(database, lease, request, cloud_outcome(job, 900), provider_request_id=None)
    local, remote = rows_of(database, "SELECT * FROM fct_costs_daily ORDER BY tier")
    assert (local["tier"], local["kind"], local["rows"]) == (0, "local", 1)
    assert (remote["tier"], remote["kind"], remote["rows"]) == (1, "cloud", 1)
    assert Decimal(str(remote["cost_usd"])).quantize(Decimal("1e-9")) == Decimal("9.00E-7")
    assert {str(local["day"]), str(remote["day"])} == {f"{batch.created_at:%Y-%m-%d}"}


def test_counted_states_are_those_of_a_job() -> None:
    """`dim_batches` has a column for each state a row can be in."""
    assert set(COUNTED) == {status.value for status in JobStatus}


def test_a_batch_is_one_line_that_counts_its_rows(database: Database) -> None:
    """Counts by state add up to the records, and agree with what `status` shows."""
    first, second, _ = fill(database)
    for batch in (first, second):
        (line,) = rows_of(
            database,
            f"SELECT * FROM dim_batches WHERE batch_id = '{batch.batch_id}'",  # noqa: S608 - ours
        )
        tally = results.tally(database, batch.batch_id)
        assert line["rows"] == tally.rows == line["rejected"] + sum(line[one] for one in COUNTED)
        assert (line["done"], line["review"], line["rejected"]) == (
            tally.done,
            tally.review,
            tally.rejected,
        )
        cost = Decimal(str(line["cost_usd"])) * 10**9
        assert cost.quantize(Decimal(1)) == tally.cost_nano_usd
        assert (line["spec_name"], line["file_name"], line["status"]) == (
            "tickets",
            "rows.csv",
            "closed",
        )
        assert (line["data_class"], line["gate_mode"], line["cloud_model"]) == (
            "local_only",
            "keep_all",
            "none",
        )
        assert line["timezone"] == "UTC"


def test_models_are_files_that_were_loaded_and_clouds_that_were_asked(database: Database) -> None:
    """A local model has its file's hash, a cloud model none."""
    make_escalated(database, 1)
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO models (model_name, model_hash, context_tokens, first_seen_at)"
                " SELECT 'stub', 'hash-a', 2048, created_at FROM batches"
            )
        )
    lease = claim_cloud(database)
    begin(database, lease, lease.jobs[0])
    found = rows_of(database, "SELECT * FROM dim_models ORDER BY kind")
    assert [(line["kind"], line["model_hash"], line["context_tokens"]) for line in found] == [
        ("cloud", "", None),
        ("local", "hash-a", 2048),
    ]
    assert all(line["first_seen_at"] for line in found)


def thresholds(database: Database) -> dict[float, dict[str, Any]]:
    """The lines of what-if by threshold."""
    lines = rows_of(database, "SELECT * FROM what_if_thresholds ORDER BY threshold")
    return {round(line["threshold"], 2): line for line in lines}


def test_what_another_threshold_would_have_kept(database: Database) -> None:
    """An answer is kept from its own confidence down; the edge itself is kept, as by the gate."""
    make_batch(database, [4], change=named("tickets"))
    lease = claim(database)
    sure = (0.05, 0.35, 0.8, 1.0)
    chunks.commit(
        database,
        lease,
        [labelled(job, "refund", confidence=it) for job, it in zip(lease.jobs, sure, strict=True)],
    )
    found = thresholds(database)
    assert list(found) == [round(step / 20, 2) for step in range(21)]
    for threshold, line in found.items():
        kept = sum(one >= threshold for one in sure)
        assert (line["rows"], line["kept"], line["escalated"]) == (4, kept, 4 - kept)
        assert line["escalated_prompt_tokens"] == 5 * (4 - kept)
        assert Decimal(str(line["kept_cost_usd"])) * 10**9 == 7 * kept
        assert Decimal(str(line["escalated_cost_usd"])) * 10**9 == 7 * (4 - kept)
    assert (found[0.5]["gate_mode"], found[0.5]["gate_threshold"]) == ("keep_all", 0.8)


def test_unsound_and_unknown_answers_are_kept_at_no_threshold(database: Database) -> None:
    """A failed check and a missing confidence escalate whatever the threshold; a low one not."""
    make_batch(database, [3])
    lease = claim(database)
    facts: tuple[dict[str, Any], ...] = (
        {"verdict": "escalate", "reason_code": "answer_not_json", "confidence": 0.9},
        {"verdict": "keep", "reason_code": "keep_all", "confidence": None},
        {"verdict": "escalate", "reason_code": "below_threshold", "confidence": 0.5},
    )
    chunks.commit(
        database,
        lease,
        [
            labelled(job, "refund", JobStatus.REVIEW, **one)
            for job, one in zip(lease.jobs, facts, strict=True)
        ],
    )
    found = thresholds(database)
    assert [found[at]["kept"] for at in (0.0, 0.5, 0.55)] == [1, 1, 0]


def test_the_last_own_attempt_is_looked_at(database: Database) -> None:
    """A row that climbed or went to the cloud counts once, with its last attempt on this side."""
    make_escalated(database, 1)
    lease = claim_cloud(database)
    (job,) = lease.jobs
    request = begin(database, lease, job)
    answered = cloud_outcome(job, 900)
    answered = replace(answered, attempt=replace(answered.attempt, confidence=0.99))
    cloud.settle(database, lease, request, answered, provider_request_id=None)
    found = thresholds(database)
    assert {line["rows"] for line in found.values()} == {1}
    assert found[0.75]["rows"] == 1
    assert found[0.8]["kept"] == 0  # the local answer's 0.75, not the cloud's 0.99


def test_the_best_answer_of_an_earlier_tier_is_suggested(database: Database) -> None:
    """A row whose deciding attempt has no output shows the newest one that has; waiting none."""
    batch = make_batch(database, [1, 1])
    lease = claim(database)
    chunks.commit(database, lease, [outcome(lease.jobs[0], JobStatus.REVIEW)])
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO attempts (job_id, batch_id, chunk_id, token, kind, tier, model_name,"
                " model_hash, signals, confidence_source, verdict, reason_code, reason,"
                " prompt_tokens, shared_tokens, output_tokens, device_ms, cost_nano_usd,"
                " created_at) SELECT job_id, batch_id, chunk_id, 99, 'local', 1, 'big', 'h', '{}',"
                " 'none', 'escalate', 'no_answer', 'none', 0, 0, 0, 0, 0, created_at FROM attempts"
            )
        )
        connection.execute(
            text(
                "UPDATE jobs SET attempt_id = (SELECT MAX(attempt_id) FROM attempts a"
                " WHERE a.job_id = jobs.job_id)"
            )
        )
    review, waiting = results.stream_results(database, batch.batch_id)
    assert (review["model"], review["suggested_output"]) == ("big", {"label": "refund"})
    assert (waiting["suggested_output"], waiting["cost_usd"]) == (None, 0)


def test_latest_is_a_line_of_fct_results(database: Database) -> None:
    """The newest line of each id is the very line that fct_results has."""
    fill(database)
    latest = rows_of(database, "SELECT * FROM fct_results_latest ORDER BY batch_id, row_number")
    every = rows_of(database, "SELECT * FROM fct_results ORDER BY batch_id, row_number")
    assert [line for line in every if line in latest] == latest
    keys = {(line["spec_name"], line["source_id"]) for line in every}
    assert len(latest) == len(keys)
    of_spec = "SELECT * FROM fct_results_latest WHERE spec_name = 'invoices'"
    assert rows_of(database, of_spec) == [
        line for line in latest if line["spec_name"] == "invoices"
    ]


@pytest.mark.integration
def test_postgres_carries_the_words_of_the_views(postgres_url: str) -> None:
    """An analyst sees a comment on every view and column in PostgreSQL's catalogue."""
    with opened(postgres_url) as database:
        schema.upgrade(database)
        query = (
            "SELECT c.relname AS view, obj_description(c.oid, 'pg_class') AS said, a.attname AS"
            " name, col_description(c.oid, a.attnum) AS words FROM pg_class c JOIN pg_attribute a"
            " ON a.attrelid = c.oid WHERE c.relkind = 'v' AND a.attnum > 0"
            " AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'public')"
        )
        lines = rows_of(database, query)
    known = read_dictionary()
    assert {line["view"] for line in lines} == set(known)
    for line in lines:
        assert line["said"] == known[line["view"]].words["en"]
        (column,) = [one for one in known[line["view"]].columns if one.name == line["name"]]
        assert line["words"] == column.words["en"]
