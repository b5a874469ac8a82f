"""Many random deaths over one batch: none of its rows is lost, none is answered twice."""

import os
import random
import signal
from contextlib import suppress

import pytest

from tests.faults.settled import check_settled
from tests.faults.world import WORKER_COMMAND, World, in_both_worlds

pytestmark = pytest.mark.fault

ROWS = 2_000
KILLS = 20
STRIDE_ROWS = 80


@in_both_worlds
def test_twenty_random_kills(world: World) -> None:
    """Worker and run are killed twenty times at random moments; the same command ends the batch."""
    rng = random.Random(20)  # noqa: S311 - not a secret
    world.configure(stub={"rows_per_step": 16, "pause_ms_per_step": 10})
    path = world.write_rows(ROWS)
    run = world.start_run(path)
    for _ in range(KILLS):
        goal = world.done() + rng.randint(0, STRIDE_ROWS)
        world.wait_done(goal)
        workers = world.family.pids(WORKER_COMMAND)
        if workers and rng.random() < 0.6:
            with suppress(ProcessLookupError):
                os.kill(rng.choice(workers), signal.SIGKILL)
        else:
            run.send(signal.SIGKILL)
            world.finish(run, status=-signal.SIGKILL)
            run = world.start_run(path)
    world.finish(run)
    check_settled(world.database, rows=ROWS)
