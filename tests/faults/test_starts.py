"""A worker that does not come up: tried again a few times, then said in words."""

import os
import signal

import pytest

from tests.engines.test_gguf import make_gguf
from tests.faults.settled import check_settled
from tests.faults.world import WORKER_COMMAND, World

pytestmark = pytest.mark.fault


def test_worker_killed_at_boot(embedded_world: World) -> None:
    """A worker killed before it is ready is started again and the run ends well."""
    world = embedded_world
    run = world.start_run(world.write_rows(60))
    os.kill(world.wait_worker(), signal.SIGKILL)
    world.finish(run)
    assert world.said("worker_restarts") == 1
    check_settled(world.database, rows=60)


def test_worker_that_always_dies_at_boot(embedded_world: World) -> None:
    """A worker that dies three times before it is ready is given up with exit status 3."""
    world = embedded_world
    run = world.start_run(world.write_rows(60))
    killed: set[int] = set()

    def kill_another() -> bool:
        for pid in set(world.family.pids(WORKER_COMMAND)) - killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        return run.is_over()

    world.until(kill_another, "the end of the run")
    ended = world.finish(run, status=3)
    assert "dies before it is ready" in ended.stderr
    assert len(killed) == 3
    world.wait_nobody()


def test_model_that_does_not_load(embedded_world: World) -> None:
    """A model file that llama.cpp refuses is said once, without a second try."""
    world = embedded_world
    path = world.folder / "broken.gguf"
    path.write_bytes(make_gguf())
    world.configure(model={"path": str(path)})
    ended = world.finish(world.start_run(world.write_rows(60)), status=2)
    assert str(path) in ended.stderr
    assert world.said("worker_restarts") == 0
    assert ended.report["error"]["code"].startswith("model_")
    world.wait_nobody()
