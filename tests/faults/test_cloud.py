"""The sender and everybody around it die at any moment: no row is lost, no nano-dollar unseen."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select

from jobs.job import BatchStatus, JobStatus
from jobs.store import batches, budget, checks, results
from jobs.store.budget import CloudMoney
from jobs.store.cloud import LOST_REPLIES_MAX
from jobs.tables import jobs
from jobs.tables import results as result_table
from tests.faults.command import Command
from tests.faults.world import SPEC, World, in_both_worlds
from tests.standin import RunningStandIn, run_standin

pytestmark = pytest.mark.fault

SENDER = "--model cloud"
LOCAL = "--model stub"
ROUTE = """cloud = "claude-haiku-5-5"
[gate]
mode = "escalate_all"
[policy]
data_class = "open"
budget_usd = 1
"""
ROWS = 200
KILLS = 20
STRIDE_ROWS = 16
ENDED = (0, 1)


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningStandIn]:
    """A stand-in that outlives every process of the world; they are told its address."""
    with run_standin() as running:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", running.key)
        yield running


def open_route(world: World) -> None:
    """Let every row of the world leave."""
    world.spec.write_text(SPEC + ROUTE)


def check_paid(world: World, standin: RunningStandIn, rows: int) -> CloudMoney:
    """Assert that each row has one end and that the invoice lies within the ledger's bounds."""
    batch = batches.get(world.database, "latest")
    tally = results.tally(world.database, batch.batch_id)
    money = budget.money(world.database, batch.batch_id)
    assert batch.status is BatchStatus.CLOSED
    assert (tally.rows, tally.done + tally.review) == (rows, rows)
    assert checks.find_violations(world.database) == []
    with world.database.read() as connection:
        unasked = connection.scalars(
            select(jobs.c.obstacle_code).where(jobs.c.status == JobStatus.REVIEW).distinct()
        ).all()
        written = connection.scalar(select(func.count()).select_from(result_table))
    assert set(unasked) <= {"cloud_ambiguous"}
    assert written == tally.done
    assert money.held_nano_usd == 0
    assert (
        money.settled_nano_usd
        <= standin.invoice_nano_usd
        <= money.settled_nano_usd + money.maybe_paid_nano_usd
        <= money.budget_nano_usd
    )
    asked = [entry.body["messages"][-1]["content"] for entry in standin.entries]
    assert max(asked.count(text) for text in set(asked)) <= LOST_REPLIES_MAX
    return money


@in_both_worlds
@pytest.mark.parametrize(
    ("point", "unseen"), [("after_intent", False), ("after_reply", True), ("after_settle", False)]
)
def test_a_sender_killed_around_its_call(
    world: World, standin: RunningStandIn, point: str, unseen: bool
) -> None:
    """Killed before the call: maybe paid, not charged. After the reply: maybe paid, charged.

    After the settlement: exact. In each case the row is answered.
    """
    open_route(world)
    world.configure(cloud={"threads": 1})
    world.finish(world.start_run(world.write_rows(12), fault=f"{point}:kill"))
    money = check_paid(world, standin, 12)
    assert world.said("worker_restarts") == 1
    assert world.done() == 12
    assert (standin.invoice_nano_usd > money.settled_nano_usd) is unseen
    assert (money.maybe_paid_nano_usd > 0) is (point != "after_settle")
    assert len(standin.entries) == 12 + unseen


def test_a_row_whose_senders_die_twice_is_for_a_person(
    embedded_world: World, standin: RunningStandIn
) -> None:
    """The second reply lost with its sender ends the row in review; its neighbours are done."""
    world = embedded_world
    open_route(world)
    world.configure(cloud={"threads": 1})
    world.finish(world.start_run(world.write_rows(4), fault="after_reply:kill:2"), status=1)
    check_paid(world, standin, 4)
    assert world.done() == 3
    assert len(standin.entries) == 5


def kill(pid: int) -> None:
    """Kill a process that may have ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def ended(world: World) -> int:
    """Return how many rows have come to an end."""
    batch = world.batch()
    return 0 if batch is None else results.tally(world.database, batch.batch_id).ended


@pytest.mark.slow
def test_twenty_random_kills_of_a_run(embedded_world: World, standin: RunningStandIn) -> None:
    """Run, worker and sender die twenty times at random moments; the same command ends it."""
    world, rng = embedded_world, random.Random(3)  # noqa: S311 - not a secret
    open_route(world)
    path = world.write_rows(ROWS)
    run = world.start_run(path)
    for _ in range(KILLS):
        goal = min(ended(world) + rng.randint(0, STRIDE_ROWS), ROWS - 1)
        world.until(lambda goal=goal: ended(world) >= goal, f"{goal} rows ended")  # type: ignore[misc]
        victims = world.family.pids(rng.choice([SENDER, LOCAL, "no such process"]))
        if victims:
            kill(rng.choice(victims))
        else:
            run = start_again(world, run, path)
    world.until(run.is_over, "the run's end", seconds=60)
    assert run.read().status in ENDED
    check_paid(world, standin, ROWS)


def start_again(world: World, run: Command, path: Path) -> Command:
    """Kill a run and start the same one."""
    kill(run.pid)
    world.until(run.is_over, "the run's death")
    return world.start_run(path)


@pytest.mark.slow
def test_twenty_random_kills_of_services(production_world: World, standin: RunningStandIn) -> None:
    """Dispatcher, supervisors and their processes die twenty times; each is started again."""
    world, rng = production_world, random.Random(5)  # noqa: S311 - not a secret
    open_route(world)
    # A process that outlives its killed supervisor and is killed too leaves only its lease.
    world.configure(worker={"lease_seconds": 5}, cloud={"lease_seconds": 5, "timeout_seconds": 4})
    world.submit(world.write_rows(ROWS))
    names = [["dispatch"], ["worker", "local", "--model", "stub"], ["worker", "cloud"]]
    services = [world.start(*name) for name in names]
    for _ in range(KILLS):
        goal = min(ended(world) + rng.randint(0, STRIDE_ROWS), ROWS - 1)
        world.until(lambda goal=goal: ended(world) >= goal, f"{goal} rows ended")  # type: ignore[misc]
        number = rng.randrange(5)
        if number < 3:
            kill(services[number].pid)
            world.until(services[number].is_over, "the service's death")
            services[number] = world.start(*names[number])
        elif victims := world.family.pids(SENDER if number == 3 else LOCAL):
            kill(rng.choice(victims))
    world.wait_closed(seconds=90)
    check_paid(world, standin, ROWS)


@pytest.mark.slow
def test_a_cloud_that_cannot_be_reached_ends_the_run_and_the_next_one_goes_on(
    embedded_world: World, standin: RunningStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said before the local part and while waiting; no row is lost, none is paid."""
    world = embedded_world
    open_route(world)
    world.configure(
        cloud={"timeout_seconds": 0.5, "give_up_seconds": 4, "busy_pauses_seconds": [0.2]}
    )
    path = world.write_rows(6)
    with monkeypatch.context() as unplugged:
        unplugged.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
        ended_run = world.finish(world.start_run(path), status=3)
    assert '"cloud_gives_up"' in ended_run.stdout
    said = ended_run.stderr.splitlines()
    assert said[0].startswith("Cloud: The cloud could not be reached")
    assert len([line for line in said if line.startswith("6 rows wait for the cloud")]) == 1
    batch = world.batch()
    assert batch is not None
    assert batch.status is BatchStatus.OPEN
    assert budget.money(world.database, batch.batch_id).held_nano_usd == 0
    assert checks.find_violations(world.database) == []
    world.configure()
    ended_run = world.finish(world.start_run(path))
    assert "Cloud" not in ended_run.stderr
    check_paid(world, standin, 6)
    assert world.done() == 6
