"""Priors: the mean scores of a batch's labels at a tier, set once and the same for all its rows."""

from typing import Any

from sqlalchemy import select, update

from jobs.calibration import Prior
from jobs.job import Lease
from jobs.store.chunks import fence
from jobs.store.database import Database
from jobs.tables import tiers


def find(database: Database, batch_id: str, tier: int) -> Prior | None:
    """Return the prior that is pinned; None where there is none yet."""
    with database.read() as connection:
        kept = connection.scalar(select(tiers.c.prior).where(_is(batch_id, tier)))
    return None if kept is None else Prior(int(kept["rows"]), kept["logs"])


def pin(database: Database, lease: Lease, prior: Prior) -> Prior:
    """Set the prior of a lease's batch and tier; return the one that stands: the first to come.

    Raises LeaseLost, having written nothing, when the chunk is no longer this lease's.
    """
    with database.write() as connection:
        fence(connection, lease)
        connection.execute(
            update(tiers)
            .where(_is(lease.batch_id, lease.tier), tiers.c.prior.is_(None))
            .values(prior={"rows": prior.rows, "logs": dict(prior.logs)})
        )
        kept: Any = connection.scalar(select(tiers.c.prior).where(_is(lease.batch_id, lease.tier)))
    return Prior(int(kept["rows"]), kept["logs"])


def _is(batch_id: str, tier: int) -> Any:
    return (tiers.c.batch_id == batch_id) & (tiers.c.tier == tier)
