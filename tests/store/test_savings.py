"""The view of savings: the same on both databases."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import literal, update

from jobs.job import JobStatus
from jobs.report import read_month
from jobs.spec import Spec
from jobs.store import Database, chunks, loading, results
from jobs.store.database import now
from jobs.tables import UtcTime, attempts
from tests.store.making import claim, make_batch, outcome


def test_a_month_of_one_spec(database: Database) -> None:
    """Rows, kept ones, tokens and money are summed; a row without an attempt is not measured."""
    batch = make_batch(database, [2, 1])
    lease = claim(database)
    states = (JobStatus.DONE, JobStatus.REVIEW)
    done = [outcome(job, status) for job, status in zip(lease.jobs, states, strict=True)]
    chunks.commit(database, lease, done)
    (record,) = [read_month(line) for line in results.savings(database)]
    assert record.month == f"{batch.created_at:%Y-%m}"
    assert (record.spec_name, record.model, record.mode) == ("small", "none", "auto")
    assert (record.rows, record.kept, record.escalated, record.measured_rows) == (3, 1, 0, 2)
    # the prompt and its shared prefix; the answer from the label's bytes, not from what was scored
    assert (record.prompt_tokens, record.answer_tokens) == (2 * 5, 2 * (6 + len("refund") // 3))
    assert (record.local_cost_nano_usd, record.cloud_cost_nano_usd) == (14, 0)
    assert (record.cost_nano_usd, record.maybe_paid_nano_usd) == (14, 0)
    assert record.first_row_at <= record.last_row_at
    assert record.first_row_at.tzinfo is not None


@pytest.mark.parametrize(("kind", "kept"), [("local", 2), ("cache", 2), ("cloud", 0)])
def test_who_answered(database: Database, kind: str, kept: int) -> None:
    """A row the cloud answered is not kept, and its money is the cloud's."""
    make_batch(database, [2])
    lease = claim(database)
    chunks.commit(database, lease, [outcome(job) for job in lease.jobs])
    with database.write() as connection:
        connection.execute(update(attempts).values(kind=kind))
    (record,) = [read_month(line) for line in results.savings(database)]
    assert (record.kept, record.measured_rows) == (kept, 2)
    assert record.cloud_cost_nano_usd == (14 if kind == "cloud" else 0)


def test_nothing_yet(database: Database) -> None:
    """Without rows there is no line."""
    assert results.savings(database) == []


def in_zone(zone: str, **others: str) -> Callable[[Spec], Spec]:
    """A change of a spec: it reports in this zone."""
    return lambda spec: spec.model_copy(update={"timezone": zone, **others})


def stop_clock(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Let rows be read at a moment; leases still end on the database's clock."""

    def at(*, plus_seconds: float = 0.0) -> Any:
        return now(plus_seconds=plus_seconds) if plus_seconds else literal(moment, UtcTime())

    monkeypatch.setattr(loading, "now", at)


@pytest.mark.parametrize(
    ("zone", "month"),
    [("UTC", "2026-03"), ("Asia/Tokyo", "2026-04"), ("America/New_York", "2026-03")],
)
def test_months_are_those_of_the_specs_time_zone(
    database: Database, monkeypatch: pytest.MonkeyPatch, zone: str, month: str
) -> None:
    """The last evening of March in UTC is April in Tokyo, the same on both databases."""
    stop_clock(monkeypatch, datetime(2026, 3, 31, 16, 30, tzinfo=UTC))
    make_batch(database, [2], change=in_zone(zone))
    (record,) = [read_month(line) for line in results.savings(database)]
    assert (record.month, record.rows) == (month, 2)
    assert record.first_row_at == datetime(2026, 3, 31, 16, 30, tzinfo=UTC)


def test_specs_of_two_zones_stand_in_their_own_months(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One moment is two months; each spec's rows are counted in its own."""
    stop_clock(monkeypatch, datetime(2026, 12, 31, 20, 0, tzinfo=UTC))
    for zone in ("UTC", "Asia/Tokyo"):
        make_batch(database, [1], zone, change=in_zone(zone, name=zone))
    months = {line["spec_name"]: line["month"] for line in results.savings(database)}
    assert months == {"UTC": "2026-12", "Asia/Tokyo": "2027-01"}
