"""The reporting day of a row: months of reports are those of the spec's time zone."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UTC_DAY = {"sqlite": "date(created_at)", "postgresql": "(created_at AT TIME ZONE 'UTC')::date"}


def upgrade() -> None:
    """Add the column; rows that are there were handed in under specs without a time zone."""
    comment = "day it was read, in the time zone of its spec"
    op.add_column("jobs", sa.Column("reporting_day", sa.Date(), nullable=True, comment=comment))
    day = UTC_DAY[op.get_bind().dialect.name]
    op.execute(f"UPDATE jobs SET reporting_day = {day}")  # noqa: S608 - ours


def downgrade() -> None:
    """Drop the column."""
    op.execute("ALTER TABLE jobs DROP COLUMN reporting_day")  # both know it; no table is rebuilt
