"""A row that kills or hangs the engine ends as failed; its neighbours do not notice."""

import pytest

from tests.faults.settled import check_settled
from tests.faults.world import World, in_both_worlds

pytestmark = pytest.mark.fault

EVIL = "this row is evil"
TWO_DEATHS = 2  # among its neighbours, and alone


@in_both_worlds
def test_row_that_aborts_the_process(world: World) -> None:
    """Of 32 rows in one native step the one that aborts the process fails, after two deaths."""
    world.configure(stub={"abort_on": EVIL, "rows_per_step": 64})
    run = world.start_run(world.write_rows(32, {17: EVIL}))
    world.finish(run, status=1, seconds=30)
    assert world.said("worker_restarts") == TWO_DEATHS
    check_settled(world.database, rows=32, failed={17: "poison_row"})


def test_row_that_aborts_a_step_shared_by_two_chunks(embedded_world: World) -> None:
    """Rows of another chunk in the same native step are suspects too, and are all answered."""
    world = embedded_world
    # Rows this long make chunks of 16. The second is sent when the first is claimed, and is there
    # before the engine's second step, which takes 6 rows of the one and 4 of the other.
    texts = {number: f"{number} ".ljust(3_000, "x") for number in range(1, 33)}
    world.configure(
        stub={"abort_on": EVIL, "rows_per_step": 10, "pause_ms_per_step": 200},
        dispatch={"window": 1},
    )
    run = world.start_run(world.write_rows(32, {**texts, 13: texts[13] + EVIL}))
    world.finish(run, status=1, seconds=30)
    assert world.said("worker_restarts") == TWO_DEATHS
    assert world.said("suspects=10") == 1
    check_settled(world.database, rows=32, failed={13: "poison_row"})


def test_row_that_hangs_the_native_call(production_world: World) -> None:
    """A worker hung inside a native call is ended by its watchdog; the row fails in the end."""
    world = production_world
    world.configure(stub={"hang_on": EVIL, "rows_per_step": 16}, worker={"stall_seconds": 0.7})
    run = world.start_run(world.write_rows(64, {20: EVIL}))
    world.finish(run, status=1, seconds=30)
    assert world.said("engine_stalled") == TWO_DEATHS
    check_settled(world.database, rows=64, failed={20: "poison_row"})
