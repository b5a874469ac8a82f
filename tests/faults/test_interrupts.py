"""`sekisho run` is interrupted or killed: what is finished stays, nobody is left behind."""

import os
import signal
from collections.abc import Callable

import pytest
from sqlalchemy import update

from jobs.store.database import now
from jobs.store.workers import LIVE_SECONDS
from jobs.tables import workers
from tests.faults.command import Command
from tests.faults.settled import check_settled
from tests.faults.world import World, in_both_worlds

pytestmark = pytest.mark.fault


@pytest.mark.parametrize(
    ("world", "interrupt"),
    [("embedded", Command.press_ctrl_c), ("production", Command.terminate)],
    indirect=["world"],
)
def test_run_interrupted(world: World, interrupt: Callable[[Command], None]) -> None:
    """An interrupted run ends with 130, keeps its rows, leaves nobody; the same command goes on."""
    path = world.write_rows(160)
    run = world.start_run(path)
    world.wait_done(8)
    interrupt(run)
    told = world.finish(run, status=130, seconds=15).report
    assert (told["status"], told["rows"], told["error"]["code"]) == ("open", 160, "interrupted")
    world.wait_nobody()
    assert 8 <= told["done"] == world.done() < 160
    world.finish(world.start_run(path), seconds=15)
    check_settled(world.database, rows=160)
    world.wait_nobody()


@in_both_worlds
def test_run_killed(world: World) -> None:
    """After a SIGKILLed run its worker ends by itself, and the same command need not wait."""
    world.configure(worker={"grace_seconds": 60})
    path = world.write_rows(160)
    run = world.start_run(path)
    world.wait_done(8)
    run.send(signal.SIGKILL)
    world.finish(run, status=-signal.SIGKILL)
    world.wait_nobody()
    world.finish(world.start_run(path), seconds=15)
    check_settled(world.database, rows=160)
    world.wait_nobody()


def test_run_killed_and_started_again_at_once(embedded_world: World) -> None:
    """The next run may start while the worker of a killed one is still ending."""
    world = embedded_world
    path = world.write_rows(160)
    run = world.start_run(path)
    world.wait_done(8)
    run.send(signal.SIGKILL)
    world.finish(world.start_run(path), seconds=20)
    check_settled(world.database, rows=160)
    world.wait_nobody()


def test_run_killed_while_its_worker_hangs(embedded_world: World) -> None:
    """A worker that hangs inside a native call does not outlive its run for long."""
    world = embedded_world
    world.configure(stub={"hang_on": "evil"}, worker={"grace_seconds": 1})
    run = world.start_run(world.write_rows(60, {40: "evil"}))
    world.wait_done(32)
    run.send(signal.SIGKILL)
    world.finish(run, status=-signal.SIGKILL)
    world.wait_nobody()


def test_run_and_worker_killed(production_world: World) -> None:
    """When the worker was killed with its run, even long ago, its chunks are taken back at once."""
    world = production_world
    path = world.write_rows(160)
    run = world.start_run(path)
    world.wait_done(8)
    worker = world.wait_worker()
    for pid in (run.pid, worker):
        os.kill(pid, signal.SIGSTOP)
    for pid in (run.pid, worker):
        os.kill(pid, signal.SIGKILL)
    world.finish(run, status=-signal.SIGKILL)
    forget_heartbeats(world)
    world.finish(world.start_run(path), seconds=15)
    check_settled(world.database, rows=160)


def forget_heartbeats(world: World) -> None:
    """Let the last sign of life of every worker be long ago."""
    with world.database.write() as connection:
        connection.execute(update(workers).values(heartbeat_at=now(plus_seconds=-2 * LIVE_SECONDS)))
