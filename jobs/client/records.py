"""What the client hands back: frozen records, typed, the same from both databases."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from jobs.cost import NANO_USD_PER_USD
from jobs.job import BatchStatus, JobStatus
from jobs.store.batches import Batch
from jobs.store.results import Tally

OVER: Final = frozenset({BatchStatus.CLOSED, BatchStatus.FAILED, BatchStatus.CANCELLED})
NANO_USD: Final = Decimal(1).scaleb(-9)


@dataclass(frozen=True, slots=True)
class Submitted:
    """A batch that was handed in: every record is in SQL, as a job or as a reject.

    `status` is `open`; `closed` where no record became a job, or where the same rows were done
    before; `failed` where the file is broken (`file_error` holds the code, its good rows are
    cancelled unless `partial` was asked for).
    """

    batch_id: str
    status: BatchStatus
    rows: int
    """Every record of the file, rejects included."""
    rejected: int
    file_error: str | None
    file_error_reason: str | None
    """The same in words."""
    warnings: tuple[str, ...] = ()
    """What was odd about the file and cost no row, in words."""


@dataclass(frozen=True, slots=True)
class Status:
    """A batch as it stands: rows = waiting + running + escalated + the five that are over."""

    batch_id: str
    status: BatchStatus
    spec_name: str
    file_name: str
    rows: int
    """Every record of the file read so far, rejects included."""
    rejected: int
    waiting: int
    running: int
    escalated: int
    """On their way to a dearer model or a cloud."""
    done: int
    review: int
    """Not kept by the gate: a person decides; `Result.suggested_output` is the best answer."""
    failed: int
    cancelled: int
    cost_usd: Decimal
    """Exact, to a nano-dollar."""
    file_error: str | None
    file_error_reason: str | None
    created_at: datetime
    closed_at: datetime | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to any row."""
        return self.status in OVER

    @property
    def bad(self) -> int:
        """How many rows ended without a result: what `--allow-bad` of the commands counts."""
        return self.rejected + self.review + self.failed + self.cancelled


@dataclass(frozen=True, slots=True)
class Result:
    """One row of a batch: a line of `fct_results`."""

    batch_id: str
    row_number: int
    """The record number from 1; of rows handed in by a program their place."""
    source_id: str
    status: JobStatus
    output: Mapping[str, Any] | None
    """The whole answer, None unless `done`."""
    label: str | None
    """Of a classification that is done."""
    fields: Mapping[str, Any] | None
    """Of an extraction: per field its value, span, confidence and tier."""
    suggested_output: Mapping[str, Any] | None
    """The best answer of a row without a result."""
    confidence: float | None
    confidence_source: str | None
    tier: int | None
    model: str | None
    verdict: str | None
    reason_code: str | None
    reason: str | None
    cost_usd: Decimal
    """Exact, to a nano-dollar; 0 for an answer from the cache."""
    attributes: Mapping[str, str]
    """The columns the spec keeps."""
    updated_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be read as a row: a line of `fct_rejects`."""

    batch_id: str
    row_number: int
    source_id: str | None
    """None where the record has no readable id."""
    reason_code: str
    reason: str


def as_status(batch: Batch, tally: Tally) -> Status:
    """Put a batch and its counts together."""
    return Status(
        batch_id=batch.batch_id,
        status=batch.status,
        spec_name=batch.spec_name,
        file_name=batch.file_name,
        rows=tally.rows,
        rejected=tally.rejected,
        waiting=tally.waiting,
        running=tally.running,
        escalated=tally.escalated,
        done=tally.done,
        review=tally.review,
        failed=tally.failed,
        cancelled=tally.cancelled,
        cost_usd=(Decimal(tally.cost_nano_usd) / NANO_USD_PER_USD).quantize(NANO_USD),
        file_error=batch.file_error,
        file_error_reason=batch.file_error_reason,
        created_at=batch.created_at,
        closed_at=batch.closed_at,
    )


def as_result(line: Mapping[str, Any]) -> Result:
    """Turn a line of `fct_results` into a record."""
    named = {name: line[name] for name in Result.__dataclass_fields__}
    # SQLite hands over a REAL: the nearest float of an amount in nano-USD, so rounding undoes it.
    cost = Decimal(str(line["cost_usd"] or 0)).quantize(NANO_USD)
    return Result(
        **{
            **named,
            "status": JobStatus(line["status"]),
            "cost_usd": cost,
            "attributes": line["attributes"] or {},
        }
    )


def as_rejected(line: Mapping[str, Any]) -> Rejected:
    """Turn a line of `fct_rejects` into a record."""
    return Rejected(**{name: line[name] for name in Rejected.__dataclass_fields__})
