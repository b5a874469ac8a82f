"""Evaluations: how good a model's answers were, kept for the next choice."""

import sqlalchemy as sa
from alembic import op

from jobs.tables import Json, RecordId, UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "evaluations",
        sa.Column(
            "evaluation_id", RecordId, nullable=False, comment="order in which they were made"
        ),
        sa.Column(
            "identity",
            sa.String(length=64),
            nullable=False,
            comment="sha256 of batch, gold and options",
        ),
        sa.Column("batch_id", sa.String(length=32), nullable=False, comment="batch measured"),
        sa.Column(
            "spec_name", sa.String(length=64), nullable=False, comment="name of the user's spec"
        ),
        sa.Column(
            "spec_hash",
            sa.String(length=64),
            nullable=False,
            comment="sha256 of the spec that was run",
        ),
        sa.Column(
            "task",
            sa.String(length=16),
            nullable=False,
            comment="classify, extract, translate, summarize",
        ),
        sa.Column(
            "file_name", sa.Text(), nullable=False, comment="name of the input file without folder"
        ),
        sa.Column(
            "file_hash", sa.String(length=64), nullable=False, comment="sha256 of the file's bytes"
        ),
        sa.Column("gold_column", sa.Text(), nullable=False, comment="column of the right answers"),
        sa.Column(
            "model_name", sa.String(length=64), nullable=False, comment="model of the first tier"
        ),
        sa.Column(
            "model_hash",
            sa.String(length=64),
            nullable=False,
            comment="sha256 of its file, empty: unknown",
        ),
        sa.Column(
            "prompt_hash",
            sa.String(length=64),
            nullable=False,
            comment="sha256 of what is asked of a row",
        ),
        sa.Column("rows", sa.BigInteger(), nullable=False, comment="rows that were scored"),
        sa.Column(
            "metrics", Json, nullable=False, comment="all figures, see jobs.evaluate.measure"
        ),
        sa.Column("scores", Json, nullable=False, comment="[source_id, score, right] of every row"),
        sa.Column("created_at", UtcTime(), nullable=False, comment="when it was committed"),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.batch_id"], name=op.f("fk_evaluations_batch_id_batches")
        ),
        sa.PrimaryKeyConstraint("evaluation_id", name=op.f("pk_evaluations")),
        sa.UniqueConstraint("identity", name=op.f("uq_evaluations_identity")),
        comment="answers measured against right ones; records are only ever added",
    )
    op.create_index(
        op.f("ix_evaluations_file_hash_gold_column"), "evaluations", ["file_hash", "gold_column"]
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("evaluations")
