"""Changes of a batch's budget: who raised it, from what to what."""

import sqlalchemy as sa
from alembic import op

from jobs.tables import RecordId, UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "budget_changes",
        sa.Column("change_id", RecordId, nullable=False, comment="order of the changes"),
        sa.Column("batch_id", sa.String(length=32), nullable=False, comment="whose budget"),
        sa.Column("before_nano_usd", sa.BigInteger(), nullable=False, comment="budget until then"),
        sa.Column("after_nano_usd", sa.BigInteger(), nullable=False, comment="budget from then on"),
        sa.Column("actor", sa.Text(), nullable=False, comment="who did it: user@host"),
        sa.Column("created_at", UtcTime(), nullable=False, comment="when it was changed"),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.batch_id"], name=op.f("fk_budget_changes_batch_id_batches")
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_budget_changes")),
        comment="changes of budgets; rows are only ever added",
    )
    op.create_index(op.f("ix_budget_changes_batch_id"), "budget_changes", ["batch_id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("budget_changes")
