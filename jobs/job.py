"""The records of the work, and the states with their legal transitions.

Records are frozen: a stage takes one and returns a new one. A row's key (`job_id`, and with it
`row_number` and `source_id`) travels inside every record.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Literal

from jobs.prompt import ConfidenceSource


class BatchStatus(StrEnum):
    """Where a batch (one input x one spec) stands."""

    LOADING = "loading"  # rows are being read into SQL
    OPEN = "open"  # every row is in; chunks are being answered
    DECIDING = "deciding"  # every row has a score; the certified gate decides
    CLOSED = "closed"  # every row is rejected, done, in review, failed or cancelled
    FAILED = "failed"  # the file was broken; its good rows are cancelled
    CANCELLED = "cancelled"  # ended by its owner


class JobStatus(StrEnum):
    """Where a job (one row of a batch) stands."""

    WAITING = "waiting"  # in a chunk nobody works on yet
    RUNNING = "running"  # its chunk is leased to a worker
    ANSWERED = "answered"  # has an answer and a score, the gate has not decided
    ESCALATED = "escalated"  # the gate wants a dearer tier
    IN_CLOUD = "in_cloud"  # an intent for the cloud is committed
    DONE = "done"  # has its result
    REVIEW = "review"  # waits for a person, best answer as suggested_output
    FAILED = "failed"  # can not be answered; the attempt says why
    CANCELLED = "cancelled"  # ended without an answer on request or with its file


class ChunkStatus(StrEnum):
    """Where a chunk (the jobs one message carries, the unit of lease) stands."""

    LOADING = "loading"  # its batch is still being read
    WAITING = "waiting"  # may be claimed
    RUNNING = "running"  # leased under a token
    FINISHED = "finished"  # none of its jobs is left


class RequestStatus(StrEnum):
    """How a call to a cloud stands."""

    INTENT = "intent"  # committed; the call may or may not have been made
    REPLIED = "replied"  # the reply was seen and its cost is settled
    NOT_CHARGED = "not_charged"  # refused by the provider, or never sent
    MAYBE_PAID = "maybe_paid"  # sent, the reply was lost


class ReservationStatus(StrEnum):
    """How the money of a call stands."""

    HELD = "held"
    SETTLED = "settled"
    RELEASED = "released"
    MAYBE_PAID = "maybe_paid"


JOB_TRANSITIONS: Final[Mapping[JobStatus, frozenset[JobStatus]]] = MappingProxyType(
    {
        JobStatus.WAITING: frozenset(
            {JobStatus.RUNNING, JobStatus.REVIEW, JobStatus.FAILED, JobStatus.CANCELLED}
        ),
        JobStatus.RUNNING: frozenset(
            {
                JobStatus.WAITING,
                JobStatus.ANSWERED,
                JobStatus.ESCALATED,
                JobStatus.DONE,
                JobStatus.REVIEW,
                JobStatus.FAILED,
                JobStatus.CANCELLED,
            }
        ),
        JobStatus.ANSWERED: frozenset(
            {JobStatus.DONE, JobStatus.ESCALATED, JobStatus.REVIEW, JobStatus.CANCELLED}
        ),
        JobStatus.ESCALATED: frozenset(
            {JobStatus.WAITING, JobStatus.IN_CLOUD, JobStatus.REVIEW, JobStatus.CANCELLED}
        ),
        JobStatus.IN_CLOUD: frozenset(
            {JobStatus.DONE, JobStatus.ESCALATED, JobStatus.REVIEW, JobStatus.FAILED}
        ),
        JobStatus.REVIEW: frozenset({JobStatus.WAITING, JobStatus.ESCALATED, JobStatus.DONE}),
        JobStatus.DONE: frozenset({JobStatus.DONE}),
        JobStatus.FAILED: frozenset({JobStatus.WAITING}),
        JobStatus.CANCELLED: frozenset(),
    }
)

BATCH_TRANSITIONS: Final[Mapping[BatchStatus, frozenset[BatchStatus]]] = MappingProxyType(
    {
        BatchStatus.LOADING: frozenset(
            {
                BatchStatus.OPEN,
                BatchStatus.CLOSED,  # no record became a job
                BatchStatus.FAILED,
                BatchStatus.CANCELLED,
            }
        ),
        BatchStatus.OPEN: frozenset(
            {BatchStatus.DECIDING, BatchStatus.CLOSED, BatchStatus.CANCELLED}
        ),
        BatchStatus.DECIDING: frozenset({BatchStatus.CLOSED, BatchStatus.CANCELLED}),
        BatchStatus.CLOSED: frozenset({BatchStatus.OPEN}),
        BatchStatus.FAILED: frozenset(),
        BatchStatus.CANCELLED: frozenset(),
    }
)

FINAL_JOB_STATUSES: Final = frozenset(
    {JobStatus.DONE, JobStatus.REVIEW, JobStatus.FAILED, JobStatus.CANCELLED}
)

CLOUD_QUEUE: Final = "cloud"

AttemptKind = Literal["local", "learned", "cache", "cloud", "audit", "human"]
Verdict = Literal["keep", "escalate", "failed"]


@dataclass(frozen=True, slots=True)
class NewJob:
    """A good record on its way into SQL."""

    row_number: int
    source_id: str
    text: str
    attributes: Mapping[str, str]
    estimated_tokens: int
    text_hash: str = ""
    """sha256 of the text; empty: nobody has asked for it yet."""
    start_tier: int = 0
    """The local tier that is asked first."""


@dataclass(frozen=True, slots=True)
class NewReject:
    """A record that could not be read as a row; `reason` is words for people."""

    row_number: int
    source_id: str | None
    reason_code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Job:
    """A row as a worker sees it."""

    job_id: int
    batch_id: str
    row_number: int
    source_id: str
    text: str
    tier: int
    attributes: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] | None = None
    """What the tier before made of each field (extract), on a row that was escalated."""


@dataclass(frozen=True, slots=True)
class Hint:
    """All a message carries; SQL owns the truth."""

    chunk_id: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Lease:
    """A claimed chunk; every write under it is fenced by `token`."""

    chunk_id: int
    batch_id: str
    tier: int
    token: int
    alone: bool
    lease_seconds: float
    spec: Mapping[str, Any]
    language: Literal["en", "ja"]
    jobs: tuple[Job, ...]
    use_cache: bool = True


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one job: what came out, how sure, what it cost, what the gate said."""

    job_id: int
    kind: AttemptKind
    tier: int
    model_name: str
    model_hash: str
    output: Mapping[str, Any] | None
    label: str | None
    signals: Mapping[str, Any]
    confidence: float | None
    confidence_source: ConfidenceSource
    verdict: Verdict
    reason_code: str
    reason: str
    prompt_tokens: int
    shared_tokens: int
    output_tokens: int
    device_ms: float
    cost_nano_usd: int
    fields: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Where a row goes next. `review` carries the code of why nothing dearer may be asked."""

    kind: Literal["local", "cloud", "review"]
    tier: int
    queue: str | None = None
    obstacle: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """An attempt and the state its job goes to; a result is written iff that is `done`.

    `step` is where the row is asked next, None if nowhere; `obstacle` says in words why not.
    """

    attempt: Attempt
    status: JobStatus
    step: Step | None = None
    obstacle_code: str | None = None
    obstacle: str | None = None


def queue_name(model_name: str) -> str:
    """Return the Redis queue of a local model's chunks."""
    return f"local.{model_name}"
