"""Equal rows when their leader dies: nobody waits for an answer that never comes."""

import os
import signal

import pytest
from sqlalchemy import func, select

from jobs.job import ChunkStatus
from jobs.tables import attempts, chunks
from tests.faults.settled import check_settled
from tests.faults.world import World, in_both_worlds

pytestmark = pytest.mark.fault

ROWS = 300
EQUAL = dict.fromkeys(range(1, ROWS + 1), "the same text")


def count_kinds(world: World) -> dict[str, int]:
    """How many attempts there are of each kind."""
    query = select(attempts.c.kind, func.count().label("attempts")).group_by(attempts.c.kind)
    with world.database.read() as connection:
        return {row.kind: row.attempts for row in connection.execute(query)}


def count_claims(world: World) -> int:
    """How many chunks are at work."""
    query = select(func.count()).where(chunks.c.status == ChunkStatus.RUNNING)
    with world.database.read() as connection:
        return connection.scalar(query) or 0


def test_killed_while_followers_wait(world: World) -> None:
    """One row of two chunks is at the engine, all others wait for it, and the worker is killed."""
    world.configure(stub={"rows_per_step": 1, "pause_ms_per_step": 1_500})
    run = world.start_run(world.write_rows(ROWS, EQUAL))
    world.until(lambda: count_claims(world) >= 2, "two chunks at work")
    os.kill(world.wait_worker(), signal.SIGKILL)
    report = world.finish(run, seconds=60).report
    assert world.said("worker_restarts") == 1
    check_settled(world.database, rows=ROWS)
    assert count_kinds(world) == {"local": 1, "cache": ROWS - 1}
    assert report["cached"] == ROWS - 1


@in_both_worlds
def test_the_next_day_costs_nothing(world: World) -> None:
    """The same file by force is another batch without any work of the engine."""
    rows = world.write_rows(40, dict.fromkeys(range(1, 21), "the same text"))
    first = world.finish(world.start_run(rows)).report
    assert (first["done"], first["cached"]) == (40, 19)
    again = world.finish(world.start("run", rows, "--spec", world.spec, "--json", "--force")).report
    assert (again["done"], again["cached"], float(again["cost_usd"])) == (40, 40, 0.0)
    assert again["batch_id"] != first["batch_id"]
    check_settled(world.database, rows=40)
    asked = world.start("run", rows, "--spec", world.spec, "--json", "--force", "--no-cache")
    assert world.finish(asked).report["cached"] == 0
    check_settled(world.database, rows=40)
