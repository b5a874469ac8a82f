"""What a run says of its batches, for people and for schedulers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from jobs.cost import format_usd
from jobs.errors import SettingError
from jobs.job import BatchStatus
from jobs.store import Database, batches, results
from jobs.store.batches import Batch
from jobs.store.results import Tally


@dataclass(frozen=True, slots=True)
class Report:
    """One batch as `run --json` prints it; the keys are a contract."""

    batch_id: str
    status: str
    rows: int
    rejected: int
    done: int
    review: int
    failed: int
    cancelled: int
    answered: int
    escalated: int
    cached: int
    audited: int
    file_error: str | None
    cost_usd: str
    seconds: float

    @property
    def bad(self) -> int:
        """Rows that ended without a result that stands."""
        return self.rejected + self.review + self.failed + self.cancelled


def report_on(database: Database, batch: Batch, seconds: float) -> Report:
    """Count a batch as it stands; `seconds` is how long the caller worked on it."""
    fresh = batches.get(database, batch.batch_id)
    tally = results.tally(database, batch.batch_id)
    sent = results.count_sent(database, batch.batch_id)
    cached = results.count_cached(database, batch.batch_id)
    return build_report(fresh, tally, seconds, sent=sent, cached=cached)


def build_report(
    batch: Batch, tally: Tally, seconds: float, *, sent: int = 0, cached: int = 0
) -> Report:
    """Put a batch and its counts into the contract's form."""
    return Report(
        batch_id=batch.batch_id,
        status=batch.status.value,
        rows=tally.rows,
        rejected=tally.rejected,
        done=tally.done,
        review=tally.review,
        failed=tally.failed,
        cancelled=tally.cancelled,
        answered=0,
        escalated=sent,
        cached=cached,
        audited=0,
        file_error=batch.file_error,
        cost_usd=format_usd(tally.cost_nano_usd),
        seconds=round(seconds, 3),
    )


def as_json(reports: Sequence[Report]) -> dict[str, Any]:
    """One batch stands alone; several stand in a list."""
    if len(reports) == 1:
        return asdict(reports[0])
    return {"batches": [asdict(report) for report in reports]}


@dataclass(frozen=True, slots=True)
class AllowBad:
    """How many rows of a file may end badly before the exit status is 1."""

    rows: int = 0
    percent: Decimal | None = None

    def permits(self, report: Report) -> bool:
        """Say whether a report is still good."""
        if self.percent is not None:
            return report.bad * 100 <= self.percent * report.rows
        return report.bad <= self.rows


def parse_allow_bad(text: str) -> AllowBad:
    """Read `N` or `P%`; raises SettingError."""
    try:
        if text.endswith("%"):
            percent = Decimal(text[:-1])
            if percent.is_finite() and 0 <= percent <= 100:
                return AllowBad(percent=percent)
        elif int(text) >= 0:
            return AllowBad(rows=int(text))
    except (ValueError, InvalidOperation):
        pass
    raise SettingError("allow_bad_wrong", value=text)


def exit_status(reports: Sequence[Report], allowed: AllowBad) -> int:
    """0 all rows done, 1 some bad rows beyond what is allowed, 2 a broken file."""
    if any(report.status == BatchStatus.FAILED for report in reports):
        return 2
    return 0 if all(allowed.permits(report) for report in reports) else 1
