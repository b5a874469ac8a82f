"""Messages are lost, doubled, or have nowhere to go: SQL still delivers every chunk."""

import os
import signal
import threading

import pytest

from jobs.errors import ServiceError
from tests.faults.settled import check_settled
from tests.faults.world import World
from tests.servers import RedisServer
from workers.broker import Queues
from workers.dispatch import Dispatcher
from workers.settings import DispatchSection

pytestmark = pytest.mark.fault

ROWS = 700  # six chunks: two in work, four in Redis
FAST = {"rows_per_step": 16}
QUEUE = "dramatiq:local.stub"


def test_dispatcher_killed_between_sending_and_marking(production_world: World) -> None:
    """Messages sent by a dispatcher that died before it noted so come twice and do no harm."""
    world = production_world
    world.configure(stub=FAST)
    world.submit(world.write_rows(300))
    worker = world.start_worker()
    world.finish(world.start("dispatch", fault="after_send:kill"), status=-signal.SIGKILL)
    dispatcher = world.start("dispatch")
    world.wait_closed()
    check_settled(world.database, rows=300)
    for service in (dispatcher, worker):
        service.terminate()
        world.finish(service, status=0)
    world.wait_nobody()


def test_redis_emptied_in_the_middle(production_world: World) -> None:
    """After a FLUSHALL what Redis forgot is sent again."""
    world = production_world
    world.configure(stub=FAST)
    run = world.start_run(world.write_rows(ROWS))
    world.wait_done(16)
    with world.connect_redis() as client:
        assert client.llen(QUEUE) > 0
        client.flushall()
    world.finish(run)
    check_settled(world.database, rows=ROWS)


@pytest.mark.parametrize("victim", ["redis-server", "workers.redis_guard"])
def test_embedded_redis_killed_in_the_middle(embedded_world: World, victim: str) -> None:
    """A killed embedded Redis, or its guard, is replaced and the run ends well."""
    world = embedded_world
    world.configure(stub=FAST)
    run = world.start_run(world.write_rows(ROWS))
    world.wait_done(16)
    [pid] = world.family.pids(victim)
    os.kill(pid, signal.SIGKILL)
    world.finish(run)
    check_settled(world.database, rows=ROWS)
    world.wait_nobody()


def test_redis_by_url_goes_away_and_comes_back(production_world: World) -> None:
    """A run waits for a Redis that is away, even with a new worker, and ends well afterwards."""
    world = production_world
    world.configure(stub=FAST)
    with RedisServer(world.folder / "bouncing.sock") as server:
        world.redis_url = server.url
        server.start()
        run = world.start_run(world.write_rows(ROWS))
        world.wait_done(16)
        server.kill()
        os.kill(world.wait_worker(), signal.SIGKILL)
        world.until(lambda: world.said("service_down") >= 2, "dispatcher and worker missing it")
        server.start()
        world.finish(run)
    check_settled(world.database, rows=ROWS)


def test_redis_that_cannot_be_replaced_at_once(embedded_world: World) -> None:
    """A dispatcher goes on asking for a Redis when starting a new one fails."""
    world = embedded_world
    world.submit(world.write_rows(10))
    stop = threading.Event()
    asked: list[None] = []

    def fail_to_start() -> None:
        asked.append(None)
        if len(asked) == 3:
            stop.set()
        raise ServiceError("redis_start_failed", log="redis.log")

    queues = Queues(f"unix://{world.folder}/nobody.sock")
    Dispatcher(world.database, queues, DispatchSection(tick_seconds=0.01)).run(stop, fail_to_start)
    queues.close()
    assert len(asked) == 3
