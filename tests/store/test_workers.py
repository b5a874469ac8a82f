"""Workers: alive by their heartbeats on the database's clock, remembered with their files."""

from sqlalchemy import update

from jobs.store import Database, workers
from jobs.store.database import now
from jobs.tables import workers as worker_table
from tests.store.making import WORKER, other_worker, rows_of


def test_a_registered_worker_is_alive(database: Database) -> None:
    """A worker is listed with its facts, by its model or among all."""
    workers.register(database, WORKER, 8192)
    (live,) = workers.list_live(database)
    assert (live.worker_id, live.model_hash, live.rows_done) == ("w1", "hash-a", 0)
    assert workers.list_live(database, ["stub"]) == [live]
    assert workers.list_live(database, ["other"]) == []


def test_a_heartbeat_carries_the_counters(database: Database) -> None:
    """Rows and busy time so far stand in the worker's record, and in nobody else's."""
    workers.register(database, WORKER, 8192)
    workers.register(database, other_worker(), 8192)
    workers.beat(database, "w1", rows_done=12, busy_seconds=3.5)
    live = {worker.worker_id: worker for worker in workers.list_live(database)}
    assert (live["w1"].rows_done, live["w1"].busy_seconds) == (12, 3.5)
    assert live["w2"].rows_done == 0
    assert live["w1"].heartbeat_at >= live["w1"].started_at


def test_a_silent_worker_is_not_alive(database: Database) -> None:
    """Without a heartbeat a worker is believed for a while only; a beat brings it back."""
    workers.register(database, WORKER, 8192)
    with database.write() as connection:
        silent = now(plus_seconds=-workers.LIVE_SECONDS - 1)
        connection.execute(update(worker_table).values(heartbeat_at=silent))
    assert workers.list_live(database) == []
    workers.beat(database, "w1", rows_done=0, busy_seconds=0)
    assert len(workers.list_live(database)) == 1


def test_a_retired_worker_is_gone(database: Database) -> None:
    """A worker that said it has ended is not alive, whatever its heartbeat."""
    workers.register(database, WORKER, 8192)
    workers.retire(database, "w1")
    assert workers.list_live(database) == []


def test_a_model_file_is_remembered_once(database: Database) -> None:
    """Workers of one file leave one record of it, those of another file another."""
    for number, model_hash in enumerate(["a", "a", "b"]):
        worker = other_worker(worker_id=f"w{number}", model_hash=model_hash)
        workers.register(database, worker, 8192)
    assert len(rows_of(database, "SELECT * FROM models")) == 2
