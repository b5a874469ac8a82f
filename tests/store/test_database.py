"""Connections: addresses, the database's clock, transactions that hold or vanish as a whole."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from jobs.errors import ServiceError, SettingError
from jobs.store import Database, open_database, sqlite_file
from jobs.store.database import now
from jobs.tables import models
from tests.store.making import rows_of

MODEL = {"model_name": "m", "model_hash": "h", "context_tokens": 8}


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("no address", "database_url_wrong"),
        ("mysql://host/name", "database_kind_unknown"),
        ("nonsense://host/name", "database_kind_unknown"),
        ("postgresql+nosuchdriver://host/name", "database_driver_missing"),
    ],
)
def test_wrong_addresses_are_refused(address: str, code: str) -> None:
    """An address that cannot be used is a setting that is wrong."""
    with pytest.raises(SettingError) as caught:
        open_database(address)
    assert caught.value.code == code


def test_unreachable_places_are_services_down(tmp_path: Path) -> None:
    """Nothing listening, no such folder, a folder, a file that is no database: all are named."""
    (tmp_path / "words.db").write_text("these are only words, not a database\n" * 100)
    for address in (
        f"postgresql://sekisho:hidden@/name?host={tmp_path}",
        f"sqlite:///{tmp_path}/no/such.db",
        f"sqlite:///{tmp_path}",
        f"sqlite:///{tmp_path}/words.db",
    ):
        with pytest.raises(ServiceError) as caught:
            open_database(address)
        assert caught.value.code == "database_fails"
        assert "hidden" not in str(caught.value)
        assert "\n" not in str(caught.value.params["problem"])


def test_the_file_of_an_address() -> None:
    """Only a SQLite address with a file has one, and it is absolute."""
    assert sqlite_file("sqlite:///some.db") == Path("some.db").absolute()
    assert sqlite_file("sqlite:////tmp/some.db") == Path("/tmp/some.db")  # noqa: S108 - only a name
    assert sqlite_file("sqlite://") is None
    assert sqlite_file("sqlite:///:memory:") is None
    assert sqlite_file("postgresql://host/name") is None


def test_the_clock_is_utc(database: Database) -> None:
    """The database's now is an aware moment in UTC, and an offset moves it."""
    with database.read() as connection:
        times = [connection.scalar(select(now(plus_seconds=offset))) for offset in (0, 90, -90.5)]
    here = datetime.now(UTC)
    moments = [moment for moment in times if moment is not None]
    assert len(moments) == 3
    assert all(moment.utcoffset() == timedelta(0) for moment in moments)
    assert abs((moments[0] - here).total_seconds()) < 60
    assert (moments[1] - moments[0]).total_seconds() == pytest.approx(90, abs=5)
    assert (moments[2] - moments[0]).total_seconds() == pytest.approx(-90.5, abs=5)


def test_stored_times_compare_with_the_clock(database: Database) -> None:
    """A stored moment is earlier than a later now, to the millisecond and across midnight."""
    with database.write() as connection:
        connection.execute(insert(models).values(first_seen_at=now(), **MODEL))
    with database.read() as connection:
        for offset, later in ((0.001, True), (86_400, True), (-0.5, False), (-86_400, False)):
            after = models.c.first_seen_at < now(plus_seconds=offset)
            if offset == 0.001:
                assert connection.scalar(select(models.c.first_seen_at)) is not None
            assert (connection.scalar(select(after)) in (True, 1)) is later


def test_a_failed_block_writes_nothing(database: Database) -> None:
    """An exception inside a write takes the whole transaction back."""

    def fail() -> None:
        with database.write() as connection:
            connection.execute(insert(models).values(first_seen_at=now(), **MODEL))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert rows_of(database, "SELECT * FROM models") == []


def test_a_read_is_one_snapshot(database: Database) -> None:
    """What is committed during a read is not seen by it."""
    with database.read() as connection:
        assert connection.execute(select(models)).all() == []
        with database.write() as writer:
            writer.execute(insert(models).values(first_seen_at=now(), **MODEL))
        assert connection.execute(select(models)).all() == []
    assert len(rows_of(database, "SELECT * FROM models")) == 1


def test_a_write_after_a_read_writes(database: Database) -> None:
    """A connection that read before is not left read-only or in another isolation."""
    for number in range(4):
        rows_of(database, "SELECT * FROM models")
        with database.write() as connection:
            values = {**MODEL, "model_hash": f"h{number}"}
            connection.execute(insert(models).values(first_seen_at=now(), **values))
    assert len(rows_of(database, "SELECT * FROM models")) == 4


def test_a_file_that_was_replaced_is_noticed(tmp_path: Path) -> None:
    """Writing on into a removed or replaced file would lose rows unseen."""
    path = tmp_path / "own.db"
    database = open_database(f"sqlite:///{path}")
    database.require_in_place()
    path.rename(tmp_path / "moved.db")
    with pytest.raises(ServiceError) as caught:
        database.require_in_place()
    assert caught.value.code == "database_replaced"
    database.close()
