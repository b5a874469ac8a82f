"""The tables of the first light: batches, jobs, attempts, results and their delivery."""

import sqlalchemy as sa
from alembic import op

from jobs.tables import Json, RecordId, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.String(length=32), nullable=False, comment="one input x one spec"),
        sa.Column(
            "identity",
            sa.String(length=64),
            nullable=False,
            comment="sha256 of file bytes and spec hash",
        ),
        sa.Column(
            "generation", sa.Integer(), nullable=False, comment="0, and one more for each --force"
        ),
        sa.Column(
            "status",
            sa.String(length=16),
            nullable=False,
            comment="state, see jobs.job.BatchStatus",
        ),
        sa.Column(
            "task",
            sa.String(length=16),
            nullable=False,
            comment="classify, extract, translate, summarize",
        ),
        sa.Column("spec_name", sa.String(length=64), nullable=False, comment="name of the spec"),
        sa.Column(
            "spec_hash",
            sa.String(length=64),
            nullable=False,
            comment="sha256 of the canonical spec",
        ),
        sa.Column("spec", Json, nullable=False, comment="the canonical spec, defaults filled in"),
        sa.Column("tags", Json, nullable=False, comment="tags of the spec, for reports"),
        sa.Column(
            "language",
            sa.String(length=2),
            nullable=False,
            comment="language of reason words: en or ja",
        ),
        sa.Column(
            "file_name", sa.Text(), nullable=False, comment="name of the input file without folder"
        ),
        sa.Column("file_path", sa.Text(), nullable=False, comment="absolute path it was read from"),
        sa.Column(
            "file_hash", sa.String(length=64), nullable=False, comment="sha256 of the file's bytes"
        ),
        sa.Column(
            "file_bytes", sa.BigInteger(), nullable=False, comment="size of the file in bytes"
        ),
        sa.Column(
            "file_error",
            sa.String(length=64),
            nullable=True,
            comment="code of what broke the file as a whole",
        ),
        sa.Column(
            "file_error_reason",
            sa.Text(),
            nullable=True,
            comment="the same in words, without content",
        ),
        sa.Column(
            "partial", sa.Boolean(), nullable=False, comment="keep the good rows of a broken file"
        ),
        sa.Column("records_read", sa.BigInteger(), nullable=False, comment="records in SQL so far"),
        sa.Column(
            "load_token", sa.Integer(), nullable=False, comment="fences the process that loads"
        ),
        sa.Column(
            "load_lease_until",
            UtcTime(),
            nullable=True,
            comment="until when the loading process is believed",
        ),
        sa.Column(
            "load_host",
            sa.Text(),
            nullable=True,
            comment="machine of the process that loads or last loaded it",
        ),
        sa.Column("load_pid", sa.Integer(), nullable=True, comment="that process on that machine"),
        sa.Column("created_at", UtcTime(), nullable=False, comment="when it was handed in"),
        sa.Column("opened_at", UtcTime(), nullable=True, comment="when its last row was in SQL"),
        sa.Column("closed_at", UtcTime(), nullable=True, comment="when it ended, in whatever way"),
        sa.Column("updated_at", UtcTime(), nullable=False, comment="last change of this record"),
        sa.CheckConstraint(
            "status IN ('loading', 'open', 'deciding', 'closed', 'failed', 'cancelled')",
            name=op.f("ck_batches_status"),
        ),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_batches")),
        sa.UniqueConstraint("identity", "generation", name=op.f("uq_batches_identity_generation")),
        comment="one input x one spec",
    )
    op.create_index(op.f("ix_batches_status"), "batches", ["status"], unique=False)
    op.create_table(
        "models",
        sa.Column("model_name", sa.String(length=64), nullable=False, comment="name used in specs"),
        sa.Column("model_hash", sa.String(length=64), nullable=False, comment="sha256 of the file"),
        sa.Column(
            "context_tokens", sa.Integer(), nullable=False, comment="context it was trained for"
        ),
        sa.Column(
            "first_seen_at", UtcTime(), nullable=False, comment="when a worker first loaded it"
        ),
        sa.PrimaryKeyConstraint("model_name", "model_hash", name=op.f("pk_models")),
        comment="model files that have answered",
    )
    op.create_table(
        "workers",
        sa.Column(
            "worker_id",
            sa.String(length=80),
            nullable=False,
            comment="host, process and a random part",
        ),
        sa.Column("host", sa.Text(), nullable=False, comment="machine it runs on"),
        sa.Column("pid", sa.Integer(), nullable=False, comment="process on that machine"),
        sa.Column("device", sa.String(length=32), nullable=False, comment="device it is pinned to"),
        sa.Column("model_name", sa.String(length=64), nullable=False, comment="model it holds"),
        sa.Column(
            "model_hash", sa.String(length=64), nullable=False, comment="sha256 of the model's file"
        ),
        sa.Column(
            "rows_done", sa.BigInteger(), nullable=False, comment="rows answered since its start"
        ),
        sa.Column(
            "busy_seconds", sa.Float(), nullable=False, comment="device time since its start"
        ),
        sa.Column("started_at", UtcTime(), nullable=False, comment="when it was ready"),
        sa.Column("heartbeat_at", UtcTime(), nullable=False, comment="last sign of life"),
        sa.Column(
            "stopped_at", UtcTime(), nullable=True, comment="when it ended or was found dead"
        ),
        sa.PrimaryKeyConstraint("worker_id", name=op.f("pk_workers")),
        comment="processes that hold a model",
    )
    op.create_index(
        op.f("ix_workers_model_name_heartbeat_at"),
        "workers",
        ["model_name", "heartbeat_at"],
        unique=False,
    )
    op.create_table(
        "chunks",
        sa.Column("chunk_id", RecordId, nullable=False, comment="the unit of lease"),
        sa.Column("batch_id", sa.String(length=32), nullable=False, comment="its batch"),
        sa.Column("tier", sa.Integer(), nullable=False, comment="tier that is to answer it"),
        sa.Column(
            "queue", sa.String(length=80), nullable=False, comment="Redis queue of its messages"
        ),
        sa.Column(
            "status",
            sa.String(length=16),
            nullable=False,
            comment="state, see jobs.job.ChunkStatus",
        ),
        sa.Column(
            "alone", sa.Boolean(), nullable=False, comment="its row runs alone, as a crash suspect"
        ),
        sa.Column(
            "epoch", sa.Integer(), nullable=False, comment="messages of an older epoch are ignored"
        ),
        sa.Column(
            "token", sa.Integer(), nullable=False, comment="fencing token, one more for each claim"
        ),
        sa.Column(
            "attempts", sa.Integer(), nullable=False, comment="claims, counted before the work"
        ),
        sa.Column(
            "lease_until", UtcTime(), nullable=True, comment="until when its worker is believed"
        ),
        sa.Column(
            "worker_id",
            sa.String(length=80),
            nullable=True,
            comment="worker that holds or last held it",
        ),
        sa.Column("rows", sa.Integer(), nullable=False, comment="jobs it was planned with"),
        sa.Column(
            "estimated_tokens", sa.Integer(), nullable=False, comment="planned size in tokens"
        ),
        sa.Column("created_at", UtcTime(), nullable=False, comment="when it was planned"),
        sa.Column("updated_at", UtcTime(), nullable=False, comment="last change of this record"),
        sa.CheckConstraint(
            "status IN ('loading', 'waiting', 'running', 'finished')", name=op.f("ck_chunks_status")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.batch_id"], name=op.f("fk_chunks_batch_id_batches")
        ),
        sa.PrimaryKeyConstraint("chunk_id", name=op.f("pk_chunks")),
        comment="the jobs one message carries",
    )
    op.create_index(
        op.f("ix_chunks_batch_id_status"), "chunks", ["batch_id", "status"], unique=False
    )
    op.create_index(op.f("ix_chunks_status_queue"), "chunks", ["status", "queue"], unique=False)
    op.create_index(
        op.f("ix_chunks_worker_id_status"), "chunks", ["worker_id", "status"], unique=False
    )
    op.create_table(
        "rejects",
        sa.Column("batch_id", sa.String(length=32), nullable=False, comment="its batch"),
        sa.Column("row_number", sa.BigInteger(), nullable=False, comment="record number, from 1"),
        sa.Column(
            "source_id",
            sa.Text(),
            nullable=True,
            comment="the record's own id, if it could be read",
        ),
        sa.Column(
            "reason_code", sa.String(length=64), nullable=False, comment="stable code of the reason"
        ),
        sa.Column(
            "reason", sa.Text(), nullable=False, comment="the reason in words, without content"
        ),
        sa.Column("created_at", UtcTime(), nullable=False, comment="when it was read"),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.batch_id"], name=op.f("fk_rejects_batch_id_batches")
        ),
        sa.PrimaryKeyConstraint("batch_id", "row_number", name=op.f("pk_rejects")),
        comment="records that could not be read as rows",
    )
    op.create_table(
        "tiers",
        sa.Column("batch_id", sa.String(length=32), nullable=False, comment="the batch"),
        sa.Column(
            "tier", sa.Integer(), nullable=False, comment="step of the route, 0 is the cheapest"
        ),
        sa.Column(
            "model_name",
            sa.String(length=64),
            nullable=False,
            comment="model named in the spec's route",
        ),
        sa.Column(
            "model_hash",
            sa.String(length=64),
            nullable=True,
            comment="sha256 of the one file that answers; set once",
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.batch_id"], name=op.f("fk_tiers_batch_id_batches")
        ),
        sa.PrimaryKeyConstraint("batch_id", "tier", name=op.f("pk_tiers")),
        comment="steps of a batch's route and the file pinned to each",
    )
    op.create_table(
        "jobs",
        sa.Column("job_id", RecordId, nullable=False, comment="key of the row inside Sekisho"),
        sa.Column("batch_id", sa.String(length=32), nullable=False, comment="its batch"),
        sa.Column(
            "row_number",
            sa.BigInteger(),
            nullable=False,
            comment="record number in the file, from 1",
        ),
        sa.Column("source_id", sa.Text(), nullable=False, comment="the row's own id"),
        sa.Column("text", sa.Text(), nullable=False, comment="the row's text exactly as decoded"),
        sa.Column(
            "text_hash", sa.String(length=64), nullable=False, comment="sha256 of the text in UTF-8"
        ),
        sa.Column(
            "attributes", Json, nullable=False, comment="business columns named by input.keep"
        ),
        sa.Column(
            "data_class",
            sa.String(length=16),
            nullable=False,
            comment="policy: local_only, mask, open",
        ),
        sa.Column(
            "status", sa.String(length=16), nullable=False, comment="state, see jobs.job.JobStatus"
        ),
        sa.Column("tier", sa.Integer(), nullable=False, comment="tier that answers or answered it"),
        sa.Column("chunk_id", RecordId, nullable=False, comment="chunk it is in"),
        sa.Column(
            "attempt_id", RecordId, nullable=True, comment="the attempt that stands for it now"
        ),
        sa.Column(
            "cost_nano_usd", sa.BigInteger(), nullable=False, comment="sum over its attempts"
        ),
        sa.Column("created_at", UtcTime(), nullable=False, comment="when it was read into SQL"),
        sa.Column("updated_at", UtcTime(), nullable=False, comment="last change of this record"),
        sa.Column(
            "finished_at", UtcTime(), nullable=True, comment="when it came to its final state"
        ),
        sa.CheckConstraint(
            "status IN ('waiting', 'running', 'answered', 'escalated', 'in_cloud', 'done', 'review', 'failed', 'cancelled')",
            name=op.f("ck_jobs_status"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.batch_id"], name=op.f("fk_jobs_batch_id_batches")
        ),
        sa.ForeignKeyConstraint(
            ["chunk_id"], ["chunks.chunk_id"], name=op.f("fk_jobs_chunk_id_chunks")
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("batch_id", "row_number", name=op.f("uq_jobs_batch_id_row_number")),
        sa.UniqueConstraint("batch_id", "source_id", name=op.f("uq_jobs_batch_id_source_id")),
        comment="one row of a batch",
    )
    op.create_index(op.f("ix_jobs_batch_id_status"), "jobs", ["batch_id", "status"], unique=False)
    op.create_index(op.f("ix_jobs_chunk_id"), "jobs", ["chunk_id"], unique=False)
    op.create_index(op.f("ix_jobs_updated_at"), "jobs", ["updated_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("outbox_id", RecordId, nullable=False, comment="a message to be sent"),
        sa.Column("chunk_id", RecordId, nullable=False, comment="its chunk"),
        sa.Column("epoch", sa.Integer(), nullable=False, comment="epoch of the chunk it announces"),
        sa.Column("queue", sa.String(length=80), nullable=False, comment="Redis queue it goes to"),
        sa.Column("sends", sa.Integer(), nullable=False, comment="how often it was sent"),
        sa.Column(
            "sent_at", UtcTime(), nullable=True, comment="when it was last sent, NULL if never"
        ),
        sa.Column("created_at", UtcTime(), nullable=False, comment="committed with its jobs"),
        sa.ForeignKeyConstraint(
            ["chunk_id"], ["chunks.chunk_id"], name=op.f("fk_outbox_chunk_id_chunks")
        ),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("chunk_id", "epoch", name=op.f("uq_outbox_chunk_id_epoch")),
        comment="messages owed to Redis; a row lives until its chunk is claimed",
    )
    op.create_index(op.f("ix_outbox_queue_sent_at"), "outbox", ["queue", "sent_at"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("attempt_id", RecordId, nullable=False, comment="one try at one job"),
        sa.Column("job_id", RecordId, nullable=False, comment="its job"),
        sa.Column("batch_id", sa.String(length=32), nullable=False, comment="its batch"),
        sa.Column("chunk_id", RecordId, nullable=False, comment="chunk it was made in"),
        sa.Column(
            "token", sa.Integer(), nullable=False, comment="fencing token it was written under"
        ),
        sa.Column(
            "kind",
            sa.String(length=16),
            nullable=False,
            comment="local, learned, cache, cloud, ...",
        ),
        sa.Column("tier", sa.Integer(), nullable=False, comment="tier that answered"),
        sa.Column(
            "model_name", sa.String(length=64), nullable=False, comment="model that answered"
        ),
        sa.Column(
            "model_hash", sa.String(length=64), nullable=False, comment="sha256 of the model's file"
        ),
        sa.Column(
            "output",
            Json,
            nullable=True,
            comment="the answer in the task's form, NULL if there is none",
        ),
        sa.Column(
            "label", sa.Text(), nullable=True, comment="the label of a single-label classification"
        ),
        sa.Column(
            "signals", Json, nullable=False, comment="uncalibrated signals, e.g. probabilities"
        ),
        sa.Column("confidence", sa.Float(), nullable=True, comment="0 to 1, NULL when unknown"),
        sa.Column(
            "confidence_source",
            sa.String(length=32),
            nullable=False,
            comment="what confidence rests on",
        ),
        sa.Column(
            "verdict", sa.String(length=16), nullable=False, comment="keep, escalate or failed"
        ),
        sa.Column(
            "reason_code", sa.String(length=64), nullable=False, comment="stable code of the reason"
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="the reason in words"),
        sa.Column(
            "prompt_tokens", sa.Integer(), nullable=False, comment="tokens read for this row alone"
        ),
        sa.Column(
            "shared_tokens", sa.Integer(), nullable=False, comment="tokens of the shared prefix"
        ),
        sa.Column(
            "output_tokens", sa.Integer(), nullable=False, comment="tokens forwarded to answer"
        ),
        sa.Column(
            "device_ms", sa.Float(), nullable=False, comment="this row's share of device time in ms"
        ),
        sa.Column(
            "cost_nano_usd", sa.BigInteger(), nullable=False, comment="cost in 1e-9 US dollars"
        ),
        sa.Column("created_at", UtcTime(), nullable=False, comment="when it was committed"),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.batch_id"], name=op.f("fk_attempts_batch_id_batches")
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.job_id"], name=op.f("fk_attempts_job_id_jobs")),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_attempts")),
        sa.UniqueConstraint(
            "job_id", "chunk_id", "token", name=op.f("uq_attempts_job_id_chunk_id_token")
        ),
        comment="one try at one job",
    )
    op.create_index(op.f("ix_attempts_batch_id"), "attempts", ["batch_id"], unique=False)
    op.create_table(
        "results",
        sa.Column("job_id", RecordId, nullable=False, comment="its job: one result"),
        sa.Column("batch_id", sa.String(length=32), nullable=False, comment="its batch"),
        sa.Column("attempt_id", RecordId, nullable=False, comment="what it rests on"),
        sa.Column("output", Json, nullable=False, comment="the final answer in the task's form"),
        sa.Column(
            "label", sa.Text(), nullable=True, comment="the label of a single-label classification"
        ),
        sa.Column("created_at", UtcTime(), nullable=False, comment="when it was committed"),
        sa.Column("updated_at", UtcTime(), nullable=False, comment="last change of this record"),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempts.attempt_id"], name=op.f("fk_results_attempt_id_attempts")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.batch_id"], name=op.f("fk_results_batch_id_batches")
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.job_id"], name=op.f("fk_results_job_id_jobs")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_results")),
        comment="a job's final answer",
    )
    op.create_index(op.f("ix_results_batch_id"), "results", ["batch_id"], unique=False)


def downgrade() -> None:
    """Drop the tables."""
    op.drop_index(op.f("ix_results_batch_id"), table_name="results")
    op.drop_table("results")
    op.drop_index(op.f("ix_attempts_batch_id"), table_name="attempts")
    op.drop_table("attempts")
    op.drop_index(op.f("ix_outbox_queue_sent_at"), table_name="outbox")
    op.drop_table("outbox")
    op.drop_index(op.f("ix_jobs_updated_at"), table_name="jobs")
    op.drop_index(op.f("ix_jobs_chunk_id"), table_name="jobs")
    op.drop_index(op.f("ix_jobs_batch_id_status"), table_name="jobs")
    op.drop_table("jobs")
    op.drop_table("tiers")
    op.drop_table("rejects")
    op.drop_index(op.f("ix_chunks_worker_id_status"), table_name="chunks")
    op.drop_index(op.f("ix_chunks_status_queue"), table_name="chunks")
    op.drop_index(op.f("ix_chunks_batch_id_status"), table_name="chunks")
    op.drop_table("chunks")
    op.drop_index(op.f("ix_workers_model_name_heartbeat_at"), table_name="workers")
    op.drop_table("workers")
    op.drop_table("models")
    op.drop_index(op.f("ix_batches_status"), table_name="batches")
    op.drop_table("batches")
