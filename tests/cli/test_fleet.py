"""Workers by the command line: the live ones, or all, with their rates."""

from datetime import UTC, datetime

from sqlalchemy import update

from jobs.store import open_database, workers
from jobs.tables import workers as worker_table
from tests.cli.conftest import Call
from tests.store.making import WORKER, other_worker


def test_workers(call: Call) -> None:
    """A live worker is shown with its rows a second; one that has ended only with --all."""
    call("db", "upgrade")
    assert "No worker" in call("workers").out
    database = open_database("sqlite:///sekisho.db")
    workers.register(database, WORKER, 8192)
    workers.register(database, other_worker(), 8192)
    workers.beat(database, "w2", rows_done=30, busy_seconds=1.0)
    workers.retire(database, "w2")
    with database.write() as connection:
        began = datetime(2026, 1, 1, tzinfo=UTC)
        ended = datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)
        connection.execute(
            update(worker_table)
            .where(worker_table.c.worker_id == "w2")
            .values(started_at=began, heartbeat_at=ended)
        )
    database.close()
    (live,) = call("workers", "--json").data["workers"]
    assert (live["worker_id"], live["alive"], live["model_hash"]) == ("w1", True, "hash-a")
    gone, again = call("workers", "--all", "--json").data["workers"]
    assert (gone["worker_id"], gone["alive"], gone["rows_per_second"]) == ("w2", False, 3.0)
    assert again["worker_id"] == "w1"
    shown = call("workers").out
    assert "cpu" in shown
    assert "hash-a" in shown
    assert shown.count("\n") == 2


def test_workers_without_a_database(call: Call) -> None:
    """A database that is not there is said, and not made."""
    called = call("workers", "--json")
    assert (called.status, called.code) == (2, "database_missing")
