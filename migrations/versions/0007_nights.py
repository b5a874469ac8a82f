"""Nights: a batch's deadline, locks against two nights at once, notifications owed to a webhook."""

import sqlalchemy as sa
from alembic import op

from jobs.tables import Json, RecordId, UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and create the tables."""
    comment = "when rows without an end go to review, NULL if never"
    op.add_column("batches", sa.Column("deadline_at", UtcTime(), nullable=True, comment=comment))
    op.create_table(
        "run_locks",
        sa.Column("lock_name", sa.String(length=64), nullable=False, comment="what may run once"),
        sa.Column("token", sa.String(length=32), nullable=False, comment="fences its holder"),
        sa.Column("host", sa.Text(), nullable=False, comment="machine of the holder"),
        sa.Column("pid", sa.Integer(), nullable=False, comment="process on that machine"),
        sa.Column("since_at", UtcTime(), nullable=False, comment="when it was taken"),
        sa.Column("lease_until", UtcTime(), nullable=False, comment="until when it is believed"),
        sa.PrimaryKeyConstraint("lock_name", name=op.f("pk_run_locks")),
        comment="runs that must not overlap",
    )
    op.create_table(
        "notifications",
        sa.Column("notification_id", RecordId, nullable=False, comment="one thing to be told"),
        sa.Column("event", sa.String(length=16), nullable=False, comment="closed, failed or alarm"),
        sa.Column("alarm", sa.String(length=32), nullable=True, comment="which alarm it is"),
        sa.Column("batch_id", sa.String(length=32), nullable=True, comment="batch concerned"),
        sa.Column("model_name", sa.String(length=64), nullable=True, comment="model concerned"),
        sa.Column("payload", Json, nullable=True, comment="what is sent; NULL until it was judged"),
        sa.Column("tries", sa.Integer(), nullable=False, comment="how often it was sent"),
        sa.Column("next_try_at", UtcTime(), nullable=True, comment="when it is due, NULL if ended"),
        sa.Column("sent_at", UtcTime(), nullable=True, comment="when the receiver took it"),
        sa.Column("given_up_at", UtcTime(), nullable=True, comment="when it was given up"),
        sa.Column(
            "problem", sa.String(length=64), nullable=True, comment="why the last try failed"
        ),
        sa.Column("created_at", UtcTime(), nullable=False, comment="committed with what it tells"),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.batch_id"], name=op.f("fk_notifications_batch_id_batches")
        ),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("pk_notifications")),
        comment="what is owed to the webhook; counts and ids only",
    )
    op.create_index(op.f("ix_notifications_next_try_at"), "notifications", ["next_try_at"])
    op.create_index(op.f("ix_notifications_given_up_at"), "notifications", ["given_up_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("notifications")
    op.drop_table("run_locks")
    op.execute("ALTER TABLE batches DROP COLUMN deadline_at")  # both know it; no table is rebuilt
