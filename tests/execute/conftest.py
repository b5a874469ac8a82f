"""Stub engines for the executor's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.job import Lease
from jobs.store import Database, chunks
from tests.store.making import WORKER, all_hints
from workers.engines.stub import StubEngine
from workers.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal of the test's own."""
    made = Journal(tmp_path / "journal")
    yield made
    made.close()


@pytest.fixture
def engine(journal: Journal) -> Iterator[StubEngine]:
    """A stub that answers at once."""
    made = StubEngine(journal)
    yield made
    made.close()


@pytest.fixture
def slow(journal: Journal) -> Iterator[StubEngine]:
    """A stub that answers one row a step and hangs at row 3 until released."""
    made = StubEngine(journal, rows_per_step=1, hang_on="text 3")
    yield made
    made.release_hang()
    made.close()


@pytest.fixture
def worker_lease(sqlite: Database) -> Callable[[], Lease]:
    """Claim the next chunk that is owed."""

    def claim() -> Lease:
        found = chunks.claim(sqlite, all_hints(sqlite)[0], WORKER, 60.0)
        assert found is not None
        return found

    return claim
