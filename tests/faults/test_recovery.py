"""Several take back what a dead worker held, all at the same moment; it comes back once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from jobs.job import ChunkStatus, Hint
from jobs.store import batches, chunks, open_database
from jobs.store.recovery import MAX_CLAIMS, recover_expired
from jobs.store.workers import Worker
from jobs.tables import chunks as chunk_table
from tests.faults.settled import check_settled
from tests.faults.world import World
from workers.engines.stub import StubEngine
from workers.journal import Journal

pytestmark = pytest.mark.fault

DISPATCHERS = 8
OVER = -1.0


def test_expired_leases_are_recovered_once(world: World) -> None:
    """Of eight dispatchers one frees an expired chunk, isolates a tired one, fails a lone row."""
    world.submit(world.write_rows(3))
    worker = make_worker(world)
    claim_waiting(world, worker)
    assert recover_at_once(world) == 1  # the chunk of three rows waits again
    claim_waiting(world, worker, attempts=MAX_CLAIMS)
    assert recover_at_once(world) == 1  # its rows are alone now
    claim_waiting(world, worker, attempts=MAX_CLAIMS)
    assert recover_at_once(world) == 3
    assert batches.close_finished(world.database)
    check_settled(world.database, rows=3, failed=dict.fromkeys((1, 2, 3), "worker_lost"))


def make_worker(world: World) -> Worker:
    """Return a worker that holds the stub's model."""
    journal = Journal(world.folder / "journal")
    engine = StubEngine(journal)
    engine.close()
    journal.close()
    return Worker("w", "host", 1, "cpu", "stub", engine.model.file_hash)


def claim_waiting(world: World, worker: Worker, attempts: int | None = None) -> None:
    """Lease every waiting chunk and let the lease be over at once."""
    with world.database.read() as connection:
        waiting = connection.execute(
            select(chunk_table.c.chunk_id, chunk_table.c.epoch).where(
                chunk_table.c.status == ChunkStatus.WAITING
            )
        ).all()
    for row in waiting:
        assert chunks.claim(world.database, Hint(*row), worker, OVER)
    if attempts is not None:
        with world.database.write() as connection:
            connection.execute(update(chunk_table).values(attempts=attempts))


def recover_at_once(world: World) -> int:
    """Recover in many threads at the same moment; return how many chunks they freed in all."""
    line = threading.Barrier(DISPATCHERS)

    def recover(_: int) -> int:
        database = open_database(world.database_url)
        line.wait()
        freed = recover_expired(database)
        database.close()
        return freed

    with ThreadPoolExecutor(DISPATCHERS) as pool:
        return sum(pool.map(recover, range(DISPATCHERS)))
