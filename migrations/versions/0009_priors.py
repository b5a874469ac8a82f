"""What the labels of a batch score on the mean, for their calibration."""

import sqlalchemy as sa
from alembic import op

from jobs.tables import Json

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    comment = "mean log-probability of each label, and of how many rows; set once"
    prior: sa.Column[object] = sa.Column("prior", Json, comment=comment)
    op.add_column("tiers", prior)


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE tiers DROP COLUMN prior")  # both know it; no table is rebuilt
