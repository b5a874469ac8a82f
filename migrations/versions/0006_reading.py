"""What reading needs: a batch's counts and cost from an index alone, a spec's batches."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the index of states carry the cost, and find batches by their spec."""
    op.drop_index(op.f("ix_jobs_batch_id_status"), table_name="jobs")
    op.create_index(
        op.f("ix_jobs_batch_id_status_cost_nano_usd"),
        "jobs",
        ["batch_id", "status", "cost_nano_usd"],
    )
    op.create_index(op.f("ix_batches_spec_name_created_at"), "batches", ["spec_name", "created_at"])


def downgrade() -> None:
    """Bring the old index back."""
    op.drop_index(op.f("ix_batches_spec_name_created_at"), table_name="batches")
    op.drop_index(op.f("ix_jobs_batch_id_status_cost_nano_usd"), table_name="jobs")
    op.create_index(op.f("ix_jobs_batch_id_status"), "jobs", ["batch_id", "status"])
