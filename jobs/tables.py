"""The tables, as SQLAlchemy metadata; all that migrations import.

Analysts use the views of `jobs.views`, never these tables. Times are UTC on the database's
clock; money is integer nano-USD; a comment stands on every column.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from jobs.job import BatchStatus, ChunkStatus, JobStatus, RequestStatus, ReservationStatus


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC: timestamptz on PostgreSQL, sortable text on SQLite."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


RecordId = BigInteger().with_variant(Integer, "sqlite")
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _one_of(column: str, values: Any) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


batches = Table(
    "batches",
    metadata,
    Column("batch_id", String(32), primary_key=True, comment="one input x one spec"),
    Column("identity", String(64), nullable=False, comment="sha256 of file bytes and spec hash"),
    Column("generation", Integer, nullable=False, comment="0, and one more for each --force"),
    Column("status", String(16), nullable=False, comment="state, see jobs.job.BatchStatus"),
    Column("task", String(16), nullable=False, comment="classify, extract, translate, summarize"),
    Column("spec_name", String(64), nullable=False, comment="name of the spec"),
    Column("spec_hash", String(64), nullable=False, comment="sha256 of the canonical spec"),
    Column("spec", Json, nullable=False, comment="the canonical spec, defaults filled in"),
    Column("tags", Json, nullable=False, comment="tags of the spec, for reports"),
    Column("language", String(2), nullable=False, comment="language of reason words: en or ja"),
    Column("file_name", Text, nullable=False, comment="name of the input file without folder"),
    Column("file_path", Text, nullable=False, comment="absolute path it was read from"),
    Column("file_hash", String(64), nullable=False, comment="sha256 of the file's bytes"),
    Column("file_bytes", BigInteger, nullable=False, comment="size of the file in bytes"),
    Column("file_error", String(64), comment="code of what broke the file as a whole"),
    Column("file_error_reason", Text, comment="the same in words, without content"),
    Column(
        "budget_nano_usd",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="hard cap on what its cloud calls may cost, in 1e-9 US dollars",
    ),
    Column(
        "cloud_nano_usd",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="reserved + settled + maybe paid so far; never above the budget",
    ),
    Column("partial", Boolean, nullable=False, comment="keep the good rows of a broken file"),
    Column(
        "use_cache",
        Boolean,
        nullable=False,
        server_default=true(),
        comment="equal prompts are answered once, and earlier answers are taken",
    ),
    Column("records_read", BigInteger, nullable=False, comment="records in SQL so far"),
    Column("load_token", Integer, nullable=False, comment="fences the process that loads"),
    Column("load_lease_until", UtcTime, comment="until when the loading process is believed"),
    Column("load_host", Text, comment="machine of the process that loads or last loaded it"),
    Column("load_pid", Integer, comment="that process on that machine"),
    Column("created_at", UtcTime, nullable=False, comment="when it was handed in"),
    Column("opened_at", UtcTime, comment="when its last row was in SQL"),
    Column("closed_at", UtcTime, comment="when it ended, in whatever way"),
    Column("deadline_at", UtcTime, comment="when rows without an end go to review, NULL if never"),
    Column("updated_at", UtcTime, nullable=False, comment="last change of this record"),
    _one_of("status", BatchStatus),
    UniqueConstraint("identity", "generation"),
    Index(None, "status"),
    Index(None, "spec_name", "created_at"),  # a spec's batches: what most questions begin with
    comment="one input x one spec",
)

tiers = Table(
    "tiers",
    metadata,
    Column("batch_id", ForeignKey("batches.batch_id"), primary_key=True, comment="the batch"),
    Column("tier", Integer, primary_key=True, comment="step of the route, 0 is the cheapest"),
    Column("model_name", String(64), nullable=False, comment="model named in the spec's route"),
    Column("model_hash", String(64), comment="sha256 of the one file that answers; set once"),
    Column(
        "prior", Json, comment="mean log-probability of each label, and of how many rows; set once"
    ),
    comment="steps of a batch's route and the file pinned to each",
)

chunks = Table(
    "chunks",
    metadata,
    Column("chunk_id", RecordId, primary_key=True, comment="the unit of lease"),
    Column("batch_id", ForeignKey("batches.batch_id"), nullable=False, comment="its batch"),
    Column("tier", Integer, nullable=False, comment="tier that is to answer it"),
    Column("queue", String(80), nullable=False, comment="Redis queue of its messages"),
    Column("status", String(16), nullable=False, comment="state, see jobs.job.ChunkStatus"),
    Column("alone", Boolean, nullable=False, comment="its row runs alone, as a crash suspect"),
    Column("epoch", Integer, nullable=False, comment="messages of an older epoch are ignored"),
    Column("token", Integer, nullable=False, comment="fencing token, one more for each claim"),
    Column("attempts", Integer, nullable=False, comment="claims, counted before the work"),
    Column("lease_until", UtcTime, comment="until when its worker is believed"),
    Column("worker_id", String(80), comment="worker that holds or last held it"),
    Column("rows", Integer, nullable=False, comment="jobs it was planned with"),
    Column("estimated_tokens", Integer, nullable=False, comment="planned size in tokens"),
    Column("created_at", UtcTime, nullable=False, comment="when it was planned"),
    Column("updated_at", UtcTime, nullable=False, comment="last change of this record"),
    _one_of("status", ChunkStatus),
    Index(None, "status", "queue"),
    Index(None, "batch_id", "status"),
    Index(None, "worker_id", "status"),
    comment="the jobs one message carries",
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", RecordId, primary_key=True, comment="key of the row inside Sekisho"),
    Column("batch_id", ForeignKey("batches.batch_id"), nullable=False, comment="its batch"),
    Column("row_number", BigInteger, nullable=False, comment="record number in the file, from 1"),
    Column("source_id", Text, nullable=False, comment="the row's own id"),
    Column("text", Text, nullable=False, comment="the row's text exactly as decoded"),
    Column("text_hash", String(64), nullable=False, comment="sha256 of the text in UTF-8"),
    Column("attributes", Json, nullable=False, comment="business columns named by input.keep"),
    Column("data_class", String(16), nullable=False, comment="policy: local_only, mask, open"),
    Column("status", String(16), nullable=False, comment="state, see jobs.job.JobStatus"),
    Column("tier", Integer, nullable=False, comment="tier that answers or answered it"),
    Column("chunk_id", ForeignKey("chunks.chunk_id"), nullable=False, comment="chunk it is in"),
    Column("attempt_id", RecordId, comment="the attempt that stands for it now"),
    Column("cost_nano_usd", BigInteger, nullable=False, comment="sum over its attempts"),
    Column("created_at", UtcTime, nullable=False, comment="when it was read into SQL"),
    Column("updated_at", UtcTime, nullable=False, comment="last change of this record"),
    Column("finished_at", UtcTime, comment="when it came to its final state"),
    Column("reporting_day", Date, comment="day it was read, in the time zone of its spec"),
    Column("obstacle_code", String(64), comment="why nothing dearer was asked, stable code"),
    Column("obstacle", Text, comment="the same in words"),
    _one_of("status", JobStatus),
    UniqueConstraint("batch_id", "row_number"),
    UniqueConstraint("batch_id", "source_id"),
    Index("uq_jobs_job_id_data_class", "job_id", "data_class", unique=True),
    Index(None, "chunk_id"),
    # with the cost: `sekisho status` and progress read a batch's tally from the index alone
    Index(None, "batch_id", "status", "cost_nano_usd"),
    Index(None, "updated_at"),  # the watermark of incremental loads
    comment="one row of a batch",
)

attempts = Table(
    "attempts",
    metadata,
    Column("attempt_id", RecordId, primary_key=True, comment="one try at one job"),
    Column("job_id", ForeignKey("jobs.job_id"), nullable=False, comment="its job"),
    Column("batch_id", ForeignKey("batches.batch_id"), nullable=False, comment="its batch"),
    Column("chunk_id", RecordId, nullable=False, comment="chunk it was made in"),
    Column("token", Integer, nullable=False, comment="fencing token it was written under"),
    Column("kind", String(16), nullable=False, comment="local, learned, cache, cloud, ..."),
    Column("tier", Integer, nullable=False, comment="tier that answered"),
    Column("model_name", String(64), nullable=False, comment="model that answered"),
    Column("model_hash", String(64), nullable=False, comment="sha256 of the model's file"),
    Column("output", Json, comment="the answer in the task's form, NULL if there is none"),
    Column("fields", Json, comment="per field: value, span, confidence, tier (extract)"),
    Column("label", Text, comment="the label of a single-label classification"),
    Column("signals", Json, nullable=False, comment="uncalibrated signals, e.g. probabilities"),
    Column("confidence", Float, comment="0 to 1, NULL when unknown"),
    Column("confidence_source", String(32), nullable=False, comment="what confidence rests on"),
    Column("verdict", String(16), nullable=False, comment="keep, escalate or failed"),
    Column("reason_code", String(64), nullable=False, comment="stable code of the reason"),
    Column("reason", Text, nullable=False, comment="the reason in words"),
    Column("prompt_tokens", Integer, nullable=False, comment="tokens read for this row alone"),
    Column("shared_tokens", Integer, nullable=False, comment="tokens of the shared prefix"),
    Column("output_tokens", Integer, nullable=False, comment="tokens forwarded to answer"),
    Column("device_ms", Float, nullable=False, comment="this row's share of device time in ms"),
    Column("cost_nano_usd", BigInteger, nullable=False, comment="cost in 1e-9 US dollars"),
    Column("created_at", UtcTime, nullable=False, comment="when it was committed"),
    UniqueConstraint("job_id", "chunk_id", "token"),
    Index(None, "batch_id"),
    comment="one try at one job",
)

results = Table(
    "results",
    metadata,
    Column("job_id", ForeignKey("jobs.job_id"), primary_key=True, comment="its job: one result"),
    Column("batch_id", ForeignKey("batches.batch_id"), nullable=False, comment="its batch"),
    Column(
        "attempt_id", ForeignKey("attempts.attempt_id"), nullable=False, comment="what it rests on"
    ),
    Column("output", Json, nullable=False, comment="the final answer in the task's form"),
    Column("fields", Json, comment="per field: value, span, confidence, tier (extract)"),
    Column("label", Text, comment="the label of a single-label classification"),
    Column("created_at", UtcTime, nullable=False, comment="when it was committed"),
    Column("updated_at", UtcTime, nullable=False, comment="last change of this record"),
    Index(None, "batch_id"),
    comment="a job's final answer",
)

answers = Table(
    "answers",
    metadata,
    Column("answer_id", RecordId, primary_key=True, comment="order in which they came"),
    Column(
        "cache_key",
        String(64),
        nullable=False,
        comment="sha256 of model, prompt, constraint, scorer version",
    ),
    Column(
        "job_id",
        ForeignKey("jobs.job_id", ondelete="CASCADE"),
        nullable=False,
        comment="row it was computed for",
    ),
    Column("completion", Json, nullable=False, comment="what the model answered"),
    Column("created_at", UtcTime, nullable=False, comment="when it was committed"),
    UniqueConstraint("cache_key"),
    Index(None, "job_id"),
    comment="answers of local models, kept for equal prompts; gone with the row they are of",
)

rejects = Table(
    "rejects",
    metadata,
    Column("batch_id", ForeignKey("batches.batch_id"), primary_key=True, comment="its batch"),
    Column("row_number", BigInteger, primary_key=True, comment="record number, from 1"),
    Column("source_id", Text, comment="the record's own id, if it could be read"),
    Column("reason_code", String(64), nullable=False, comment="stable code of the reason"),
    Column("reason", Text, nullable=False, comment="the reason in words, without content"),
    Column("created_at", UtcTime, nullable=False, comment="when it was read"),
    comment="records that could not be read as rows",
)

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", RecordId, primary_key=True, comment="a message to be sent"),
    Column("chunk_id", ForeignKey("chunks.chunk_id"), nullable=False, comment="its chunk"),
    Column("epoch", Integer, nullable=False, comment="epoch of the chunk it announces"),
    Column("queue", String(80), nullable=False, comment="Redis queue it goes to"),
    Column("sends", Integer, nullable=False, comment="how often it was sent"),
    Column("sent_at", UtcTime, comment="when it was last sent, NULL if never"),
    Column("created_at", UtcTime, nullable=False, comment="committed with its jobs"),
    UniqueConstraint("chunk_id", "epoch"),
    Index(None, "queue", "sent_at"),
    comment="messages owed to Redis; a row lives until its chunk is claimed",
)

models = Table(
    "models",
    metadata,
    Column("model_name", String(64), primary_key=True, comment="name used in specs"),
    Column("model_hash", String(64), primary_key=True, comment="sha256 of the file"),
    Column("context_tokens", Integer, nullable=False, comment="context it was trained for"),
    Column("first_seen_at", UtcTime, nullable=False, comment="when a worker first loaded it"),
    comment="model files that have answered",
)

workers = Table(
    "workers",
    metadata,
    Column("worker_id", String(80), primary_key=True, comment="host, process and a random part"),
    Column("host", Text, nullable=False, comment="machine it runs on"),
    Column("pid", Integer, nullable=False, comment="process on that machine"),
    Column("device", String(32), nullable=False, comment="device it is pinned to"),
    Column("model_name", String(64), nullable=False, comment="model it holds"),
    Column("model_hash", String(64), nullable=False, comment="sha256 of the model's file"),
    Column("rows_done", BigInteger, nullable=False, comment="rows answered since its start"),
    Column("busy_seconds", Float, nullable=False, comment="device time since its start"),
    Column("started_at", UtcTime, nullable=False, comment="when it was ready"),
    Column("heartbeat_at", UtcTime, nullable=False, comment="last sign of life"),
    Column("stopped_at", UtcTime, comment="when it ended or was found dead"),
    Index(None, "model_name", "heartbeat_at"),
    comment="processes that hold a model",
)

cloud_requests = Table(
    "cloud_requests",
    metadata,
    Column("request_id", RecordId, primary_key=True, comment="one call, committed before it"),
    Column("custom_id", String(64), nullable=False, comment="what the provider is told it is"),
    Column("batch_id", ForeignKey("batches.batch_id"), nullable=False, comment="its batch"),
    Column("job_id", RecordId, nullable=False, comment="the row that leaves"),
    Column("data_class", String(16), nullable=False, comment="class of the row, never local_only"),
    Column("token", Integer, nullable=False, comment="fencing token it was begun under"),
    Column("model", String(64), nullable=False, comment="cloud model asked"),
    Column("mode", String(16), nullable=False, comment="realtime or batch"),
    Column("status", String(16), nullable=False, comment="see jobs.job.RequestStatus"),
    Column("provider_request_id", Text, comment="the provider's own id of the call"),
    Column("problem", String(64), comment="code of what went wrong"),
    Column("created_at", UtcTime, nullable=False, comment="when the intent was committed"),
    Column("ended_at", UtcTime, comment="when its end was known"),
    ForeignKeyConstraint(["job_id", "data_class"], ["jobs.job_id", "jobs.data_class"]),
    CheckConstraint("data_class <> 'local_only'", name="may_leave"),
    _one_of("status", RequestStatus),
    UniqueConstraint("custom_id"),
    Index(None, "job_id"),
    Index(None, "batch_id", "status"),
    comment="calls to a cloud; a row that may not leave cannot stand here",
)

reservations = Table(
    "reservations",
    metadata,
    Column(
        "request_id",
        ForeignKey("cloud_requests.request_id"),
        primary_key=True,
        comment="the call it is for",
    ),
    Column("batch_id", ForeignKey("batches.batch_id"), nullable=False, comment="whose budget"),
    Column("status", String(16), nullable=False, comment="held, settled, released, maybe_paid"),
    Column("reserved_nano_usd", BigInteger, nullable=False, comment="the most it can cost"),
    Column("settled_nano_usd", BigInteger, nullable=False, comment="what it did cost, if known"),
    Column("created_at", UtcTime, nullable=False, comment="when it was taken from the budget"),
    Column("ended_at", UtcTime, comment="when it was settled or released"),
    _one_of("status", ReservationStatus),
    Index(None, "batch_id"),
    comment="money set aside before a call",
)

prices = Table(
    "prices",
    metadata,
    Column("provider", String(32), primary_key=True, comment="who charges"),
    Column("model", String(64), primary_key=True, comment="model the price is of"),
    Column("valid_from", Date, primary_key=True, comment="first UTC day it holds"),
    Column("rates", Json, nullable=False, comment="USD per million tokens, as decimal strings"),
    Column("source", Text, nullable=False, comment="who set it"),
    Column("created_at", UtcTime, nullable=False, comment="when it was set"),
    comment="prices set by the user; the built-in ones come with the program",
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("audit_id", RecordId, primary_key=True, comment="order of events"),
    Column("action", String(32), nullable=False, comment="what was done, e.g. cloud_send"),
    Column("actor", Text, nullable=False, comment="who did it: worker or user@host"),
    Column("batch_id", String(32), nullable=False, comment="batch concerned"),
    Column("job_id", RecordId, comment="row concerned"),
    Column("request_id", RecordId, comment="call concerned"),
    Column("destination", Text, nullable=False, comment="where it went"),
    Column("data_class", String(16), nullable=False, comment="class of what was sent"),
    Column("text_hash", String(64), nullable=False, comment="salted sha256 of what was sent"),
    Column("created_at", UtcTime, nullable=False, comment="when it was committed"),
    Index(None, "batch_id"),
    comment="every sending, without content; rows are only ever added",
)

budget_changes = Table(
    "budget_changes",
    metadata,
    Column("change_id", RecordId, primary_key=True, comment="order of the changes"),
    Column("batch_id", ForeignKey("batches.batch_id"), nullable=False, comment="whose budget"),
    Column("before_nano_usd", BigInteger, nullable=False, comment="budget until then"),
    Column("after_nano_usd", BigInteger, nullable=False, comment="budget from then on"),
    Column("actor", Text, nullable=False, comment="who did it: user@host"),
    Column("created_at", UtcTime, nullable=False, comment="when it was changed"),
    Index(None, "batch_id"),
    comment="changes of budgets; rows are only ever added",
)

run_locks = Table(
    "run_locks",
    metadata,
    Column("lock_name", String(64), primary_key=True, comment="what may run once"),
    Column("token", String(32), nullable=False, comment="fences its holder"),
    Column("host", Text, nullable=False, comment="machine of the holder"),
    Column("pid", Integer, nullable=False, comment="process on that machine"),
    Column("since_at", UtcTime, nullable=False, comment="when it was taken"),
    Column("lease_until", UtcTime, nullable=False, comment="until when it is believed"),
    comment="runs that must not overlap",
)

notifications = Table(
    "notifications",
    metadata,
    Column("notification_id", RecordId, primary_key=True, comment="one thing to be told"),
    Column("event", String(16), nullable=False, comment="closed, failed or alarm"),
    Column("alarm", String(32), comment="which alarm it is"),
    Column("batch_id", ForeignKey("batches.batch_id"), comment="batch concerned"),
    Column("model_name", String(64), comment="model concerned"),
    Column("payload", Json, comment="what is sent; NULL until it was judged"),
    Column("tries", Integer, nullable=False, comment="how often it was sent"),
    Column("next_try_at", UtcTime, comment="when it is due, NULL if ended"),
    Column("sent_at", UtcTime, comment="when the receiver took it"),
    Column("given_up_at", UtcTime, comment="when it was given up"),
    Column("problem", String(64), comment="why the last try failed"),
    Column("created_at", UtcTime, nullable=False, comment="committed with what it tells"),
    Index(None, "next_try_at"),
    Index(None, "given_up_at"),
    comment="what is owed to the webhook; counts and ids only",
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("evaluation_id", RecordId, primary_key=True, comment="order in which they were made"),
    Column("identity", String(64), nullable=False, comment="sha256 of batch, gold and options"),
    Column("batch_id", ForeignKey("batches.batch_id"), nullable=False, comment="batch measured"),
    Column("spec_name", String(64), nullable=False, comment="name of the user's spec"),
    Column("spec_hash", String(64), nullable=False, comment="sha256 of the spec that was run"),
    Column("task", String(16), nullable=False, comment="classify, extract, translate, summarize"),
    Column("file_name", Text, nullable=False, comment="name of the input file without folder"),
    Column("file_hash", String(64), nullable=False, comment="sha256 of the file's bytes"),
    Column("gold_column", Text, nullable=False, comment="column of the right answers"),
    Column("model_name", String(64), nullable=False, comment="model of the first tier"),
    Column("model_hash", String(64), nullable=False, comment="sha256 of its file, empty: unknown"),
    Column("prompt_hash", String(64), nullable=False, comment="sha256 of what is asked of a row"),
    Column("rows", BigInteger, nullable=False, comment="rows that were scored"),
    Column("metrics", Json, nullable=False, comment="all figures, see jobs.evaluate.measure"),
    Column("scores", Json, nullable=False, comment="[source_id, score, right] of every row"),
    Column("created_at", UtcTime, nullable=False, comment="when it was committed"),
    UniqueConstraint("identity"),
    Index(None, "file_hash", "gold_column"),
    comment="answers measured against right ones; records are only ever added",
)
