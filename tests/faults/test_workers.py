"""A worker process dies, sleeps or meets its doubles; each chunk is finished once."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from jobs.job import Hint
from jobs.store import batches, open_database
from jobs.store.workers import Worker
from jobs.tables import attempts, chunks
from tests.faults.command import is_stopped
from tests.faults.settled import check_settled
from tests.faults.world import World, in_both_worlds
from workers.engines.stub import StubEngine
from workers.execute import Executor
from workers.journal import Journal
from workers.settings import DeviceSection, WorkerSection

pytestmark = pytest.mark.fault


def test_worker_killed_in_the_middle_of_a_chunk(world: World) -> None:
    """A SIGKILLed worker is replaced and its rows are answered without waiting for its lease."""
    run = world.start_run(world.write_rows(200))
    world.wait_done(8)
    os.kill(world.wait_worker(), signal.SIGKILL)
    world.finish(run, seconds=30)
    assert world.said("worker_restarts") == 1
    check_settled(world.database, rows=200)


def test_worker_killed_between_commit_and_acknowledgement(production_world: World) -> None:
    """A worker that dies after the last commit of a chunk leaves nothing to be done again."""
    world = production_world
    world.configure(
        stub={"rows_per_step": 128},
        worker={"threads": 1, "commit_rows": 128, "commit_ms": 5_000},
    )
    world.finish(world.start_run(world.write_rows(300), fault="after_commit:kill"), seconds=30)
    assert world.said("worker_restarts") == 1
    check_settled(world.database, rows=300)
    with world.database.read() as connection:
        claims = connection.scalars(select(chunks.c.token).order_by(chunks.c.chunk_id)).all()
    assert claims == [1, 1, 1]


@in_both_worlds
def test_paused_worker_finds_its_chunk_finished(world: World) -> None:
    """A worker that sleeps past its lease loses the chunk; what it writes late is refused."""
    world.configure(worker={"threads": 1, "lease_seconds": 1, "heartbeat_seconds": 600})
    world.submit(world.write_rows(60))
    services = [world.start("dispatch"), world.start_worker(fault="after_commit:stop")]
    sleeper = world.wait_worker()
    world.until(lambda: is_stopped(sleeper), "the worker's pause")
    assert 0 < world.done() < 60
    services.append(world.start_worker())
    world.wait_closed()
    os.kill(sleeper, signal.SIGCONT)
    world.until(lambda: world.said("lease_lost"), "the refusal of the late write")
    assert len(holders(world)) == 2
    check_settled(world.database, rows=60)
    for service in services:
        service.press_ctrl_c()
        world.finish(service, status=130)
    world.wait_nobody()


def holders(world: World) -> list[int]:
    """Return the tokens under which attempts were written."""
    with world.database.read() as connection:
        return sorted(connection.scalars(select(attempts.c.token).distinct()))


def test_one_of_eight_workers_claims_a_message(world: World) -> None:
    """The same message at eight workers at once is answered by one, ignored by seven."""
    world.submit(world.write_rows(64))
    with world.database.read() as connection:
        chunk = connection.execute(select(chunks.c.chunk_id, chunks.c.epoch)).one()
    line = threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        claimed = list(
            pool.map(lambda number: answer_at_once(world, number, Hint(*chunk), line), range(8))
        )
    assert sorted(claimed) == [0] * 7 + [64]
    assert batches.close_finished(world.database)
    check_settled(world.database, rows=64)


def answer_at_once(world: World, number: int, hint: Hint, line: threading.Barrier) -> int:
    """Be worker `number`, answer the hint when all are ready, return the rows it answered."""
    journal = Journal(world.folder / f"journal-{number}")
    database = open_database(world.database_url)
    engine = StubEngine(journal)
    worker = Worker(f"w{number}", "host", number, "cpu", "stub", engine.model.file_hash)
    executor = Executor(database, engine, worker, DeviceSection().rate, WorkerSection())
    line.wait()
    executor.answer(hint)
    rows = engine.counters().rows
    engine.close()
    database.close()
    journal.close()
    return rows
