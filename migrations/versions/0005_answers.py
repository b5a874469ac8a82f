"""Answers kept for equal prompts, and the batches that do without them."""

import sqlalchemy as sa
from alembic import op

from jobs.tables import Json, RecordId, UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and add the column."""
    comment = "equal prompts are answered once, and earlier answers are taken"
    default = sa.true()
    use_cache: sa.Column[bool] = sa.Column(
        "use_cache", sa.Boolean(), nullable=False, server_default=default, comment=comment
    )
    op.add_column("batches", use_cache)
    op.create_table(
        "answers",
        sa.Column("answer_id", RecordId, nullable=False, comment="order in which they came"),
        sa.Column(
            "cache_key",
            sa.String(length=64),
            nullable=False,
            comment="sha256 of model, prompt, constraint, scorer version",
        ),
        sa.Column("job_id", RecordId, nullable=False, comment="row it was computed for"),
        sa.Column("completion", Json, nullable=False, comment="what the model answered"),
        sa.Column("created_at", UtcTime(), nullable=False, comment="when it was committed"),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.job_id"], name=op.f("fk_answers_job_id_jobs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("answer_id", name=op.f("pk_answers")),
        sa.UniqueConstraint("cache_key", name=op.f("uq_answers_cache_key")),
        comment="answers of local models, kept for equal prompts; gone with the row they are of",
    )
    op.create_index(op.f("ix_answers_job_id"), "answers", ["job_id"])


def downgrade() -> None:
    """Drop both."""
    op.drop_table("answers")
    op.execute("ALTER TABLE batches DROP COLUMN use_cache")  # both know it; no table is rebuilt
