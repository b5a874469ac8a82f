"""Prices a user has set, asked of a database that may not be ready."""

from pathlib import Path

from jobs.store import price_list


def test_a_database_without_tables_has_no_prices_of_its_own(tmp_path: Path) -> None:
    """A run that starts beside the one that is just making the tables is not refused."""
    path = tmp_path / "own.db"
    assert price_list.find_stored(f"sqlite:///{path}") == ()
    path.touch()
    assert price_list.find_stored(f"sqlite:///{path}") == ()
