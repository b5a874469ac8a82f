"""A house to watch."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.store import Database
from tests.watch.making import House


@pytest.fixture
def house(sqlite: Database, tmp_path: Path) -> Iterator[House]:
    """A folder with a rule for CSV files, and a database beside it."""
    base = tmp_path / "house"
    base.mkdir()
    made = House(base, sqlite)
    yield made
    made.close()
