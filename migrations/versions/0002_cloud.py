"""The cloud: intents, reservations, prices, the audit log, and fields of an answer."""

import sqlalchemy as sa
from alembic import op

from jobs.tables import Json, RecordId, UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of the cloud and widen those of answers."""
    op.create_table(
        "audit_log",
        sa.Column("audit_id", RecordId, nullable=False, comment="order of events"),
        sa.Column(
            "action", sa.String(length=32), nullable=False, comment="what was done, e.g. cloud_send"
        ),
        sa.Column("actor", sa.Text(), nullable=False, comment="who did it: worker or user@host"),
        sa.Column("batch_id", sa.String(length=32), nullable=False, comment="batch concerned"),
        sa.Column("job_id", RecordId, nullable=True, comment="row concerned"),
        sa.Column("request_id", RecordId, nullable=True, comment="call concerned"),
        sa.Column("destination", sa.Text(), nullable=False, comment="where it went"),
        sa.Column(
            "data_class", sa.String(length=16), nullable=False, comment="class of what was sent"
        ),
        sa.Column(
            "text_hash",
            sa.String(length=64),
            nullable=False,
            comment="salted sha256 of what was sent",
        ),
        sa.Column("created_at", UtcTime(), nullable=False, comment="when it was committed"),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit_log")),
        comment="every sending, without content; rows are only ever added",
    )
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_log_batch_id"), ["batch_id"], unique=False)
    op.create_table(
        "prices",
        sa.Column("provider", sa.String(length=32), nullable=False, comment="who charges"),
        sa.Column("model", sa.String(length=64), nullable=False, comment="model the price is of"),
        sa.Column("valid_from", sa.Date(), nullable=False, comment="first UTC day it holds"),
        sa.Column(
            "rates", Json, nullable=False, comment="USD per million tokens, as decimal strings"
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="who set it"),
        sa.Column("created_at", UtcTime(), nullable=False, comment="when it was set"),
        sa.PrimaryKeyConstraint("provider", "model", "valid_from", name=op.f("pk_prices")),
        comment="prices set by the user; the built-in ones come with the program",
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:  # cloud_requests refers to it
        batch_op.create_index("uq_jobs_job_id_data_class", ["job_id", "data_class"], unique=True)
    op.create_table(
        "cloud_requests",
        sa.Column("request_id", RecordId, nullable=False, comment="one call, committed before it"),
        sa.Column(
            "custom_id",
            sa.String(length=64),
            nullable=False,
            comment="what the provider is told it is",
        ),
        sa.Column("batch_id", sa.String(length=32), nullable=False, comment="its batch"),
        sa.Column("job_id", RecordId, nullable=False, comment="the row that leaves"),
        sa.Column(
            "data_class",
            sa.String(length=16),
            nullable=False,
            comment="class of the row, never local_only",
        ),
        sa.Column(
            "token", sa.Integer(), nullable=False, comment="fencing token it was begun under"
        ),
        sa.Column("model", sa.String(length=64), nullable=False, comment="cloud model asked"),
        sa.Column("mode", sa.String(length=16), nullable=False, comment="realtime or batch"),
        sa.Column(
            "status", sa.String(length=16), nullable=False, comment="see jobs.job.RequestStatus"
        ),
        sa.Column(
            "provider_request_id",
            sa.Text(),
            nullable=True,
            comment="the provider's own id of the call",
        ),
        sa.Column(
            "problem", sa.String(length=64), nullable=True, comment="code of what went wrong"
        ),
        sa.Column("created_at", UtcTime(), nullable=False, comment="when the intent was committed"),
        sa.Column("ended_at", UtcTime(), nullable=True, comment="when its end was known"),
        sa.CheckConstraint("data_class <> 'local_only'", name=op.f("ck_cloud_requests_may_leave")),
        sa.CheckConstraint(
            "status IN ('intent', 'replied', 'not_charged', 'maybe_paid')",
            name=op.f("ck_cloud_requests_status"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.batch_id"], name=op.f("fk_cloud_requests_batch_id_batches")
        ),
        sa.ForeignKeyConstraint(
            ["job_id", "data_class"],
            ["jobs.job_id", "jobs.data_class"],
            name=op.f("fk_cloud_requests_job_id_jobs"),
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_cloud_requests")),
        sa.UniqueConstraint("custom_id", name=op.f("uq_cloud_requests_custom_id")),
        comment="calls to a cloud; a row that may not leave cannot stand here",
    )
    with op.batch_alter_table("cloud_requests", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_cloud_requests_batch_id_status"), ["batch_id", "status"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_cloud_requests_job_id"), ["job_id"], unique=False)
    op.create_table(
        "reservations",
        sa.Column("request_id", RecordId, nullable=False, comment="the call it is for"),
        sa.Column("batch_id", sa.String(length=32), nullable=False, comment="whose budget"),
        sa.Column(
            "status",
            sa.String(length=16),
            nullable=False,
            comment="held, settled, released, maybe_paid",
        ),
        sa.Column(
            "reserved_nano_usd", sa.BigInteger(), nullable=False, comment="the most it can cost"
        ),
        sa.Column(
            "settled_nano_usd",
            sa.BigInteger(),
            nullable=False,
            comment="what it did cost, if known",
        ),
        sa.Column(
            "created_at", UtcTime(), nullable=False, comment="when it was taken from the budget"
        ),
        sa.Column("ended_at", UtcTime(), nullable=True, comment="when it was settled or released"),
        sa.CheckConstraint(
            "status IN ('held', 'settled', 'released', 'maybe_paid')",
            name=op.f("ck_reservations_status"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.batch_id"], name=op.f("fk_reservations_batch_id_batches")
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["cloud_requests.request_id"],
            name=op.f("fk_reservations_request_id_cloud_requests"),
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_reservations")),
        comment="money set aside before a call",
    )
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reservations_batch_id"), ["batch_id"], unique=False)
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "fields",
                Json,
                nullable=True,
                comment="per field: value, span, confidence, tier (extract)",
            )
        )
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "budget_nano_usd",
                sa.BigInteger(),
                server_default="0",
                nullable=False,
                comment="hard cap on what its cloud calls may cost, in 1e-9 US dollars",
            )
        )
        batch_op.add_column(
            sa.Column(
                "cloud_nano_usd",
                sa.BigInteger(),
                server_default="0",
                nullable=False,
                comment="reserved + settled + maybe paid so far; never above the budget",
            )
        )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "obstacle_code",
                sa.String(length=64),
                nullable=True,
                comment="why nothing dearer was asked, stable code",
            )
        )
        batch_op.add_column(
            sa.Column("obstacle", sa.Text(), nullable=True, comment="the same in words")
        )
    with op.batch_alter_table("results", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "fields",
                Json,
                nullable=True,
                comment="per field: value, span, confidence, tier (extract)",
            )
        )


def downgrade() -> None:
    """Drop what upgrade created."""
    with op.batch_alter_table("results", schema=None) as batch_op:
        batch_op.drop_column("fields")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_column("obstacle")
        batch_op.drop_column("obstacle_code")
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.drop_column("cloud_nano_usd")
        batch_op.drop_column("budget_nano_usd")
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.drop_column("fields")
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reservations_batch_id"))
    op.drop_table("reservations")
    with op.batch_alter_table("cloud_requests", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cloud_requests_job_id"))
        batch_op.drop_index(batch_op.f("ix_cloud_requests_batch_id_status"))
    op.drop_table("cloud_requests")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_index("uq_jobs_job_id_data_class")
    op.drop_table("prices")
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_log_batch_id"))
    op.drop_table("audit_log")
