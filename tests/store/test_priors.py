"""Priors: set once for each batch and tier, under the fence of a chunk, on both databases."""

import pytest

from jobs.calibration import Prior
from jobs.errors import LeaseLost
from jobs.store import Database, chunks, priors, recovery
from tests.store.making import LEASE_SECONDS, WORKER, all_hints, expire, make_batch

FIRST = Prior(100, {"返金": -0.5, "delivery": -1.25})
LATER = Prior(120, {"返金": -3.0, "delivery": -3.0})


def test_the_first_stands(database: Database) -> None:
    """Whoever comes later is told what is there; other tiers and batches have none."""
    batch, other = make_batch(database, [1, 1]), make_batch(database, [1], identity="i2")
    one, two = (
        chunks.claim(database, hint, WORKER, LEASE_SECONDS) for hint in all_hints(database)[:2]
    )
    assert one is not None
    assert two is not None
    assert priors.find(database, batch.batch_id, 0) is None
    assert priors.pin(database, one, FIRST) == FIRST
    assert priors.pin(database, two, LATER) == FIRST
    assert priors.find(database, batch.batch_id, 0) == FIRST
    assert priors.find(database, batch.batch_id, 1) is None
    assert priors.find(database, other.batch_id, 0) is None


def test_a_lost_lease_sets_nothing(database: Database) -> None:
    """A worker that was given up cannot decide how the others' rows are calibrated."""
    batch = make_batch(database, [1])
    lease = chunks.claim(database, all_hints(database)[0], WORKER, LEASE_SECONDS)
    assert lease is not None
    expire(database, lease)
    recovery.recover_expired(database)
    with pytest.raises(LeaseLost):
        priors.pin(database, lease, FIRST)
    assert priors.find(database, batch.batch_id, 0) is None
