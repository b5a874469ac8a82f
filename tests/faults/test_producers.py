"""A producer dies while it loads, or two load at once: each record enters SQL once."""

import signal

import pytest

from jobs.job import BatchStatus
from jobs.store import batches, checks, outbox
from tests.faults.settled import check_settled
from tests.faults.world import World, in_both_worlds

pytestmark = pytest.mark.fault

RECORDS = 10_150  # three load steps
GOOD = range(1, RECORDS + 1, 70)
KILLED = -signal.SIGKILL
SHORT_LEASE = "from jobs.store import loading; loading.LOAD_LEASE_SECONDS = 1"


@in_both_worlds
def test_producer_killed_between_load_steps(world: World) -> None:
    """The same command loads on where a killed one stopped, at once, and the run ends well."""
    empty = {number: "" for number in range(1, RECORDS + 1) if number not in GOOD}
    path = world.write_rows(RECORDS, empty)
    for deaths, command in enumerate(["submit", "run"], start=1):
        producer = world.start(
            command, path, "--spec", world.spec, fault=f"after_load_step:kill:{deaths}"
        )
        world.finish(producer, status=KILLED, seconds=20)
        batch = batches.get(world.database, "latest")
        assert (batch.status, batch.records_read) == (BatchStatus.LOADING, 5_000 * deaths)
    world.finish(world.start_run(path), status=1, seconds=20)
    check_settled(world.database, rows=RECORDS, rejected=len(empty))


def test_producer_killed_before_anything_is_sent(embedded_world: World) -> None:
    """A batch whose producer died right after its last commit is finished by the next run."""
    world = embedded_world
    path = world.write_rows(200)
    submit = world.start("submit", path, "--spec", world.spec, fault="after_submit_commit:kill")
    world.finish(submit, status=KILLED)
    [debt] = outbox.debts(world.database)
    assert (debt.unsent, debt.unclaimed) == (2, 0)
    world.finish(world.start_run(path))
    check_settled(world.database, rows=200)


def test_two_runs_of_one_file(world: World) -> None:
    """Two runs of the same file at once share one batch and both end well."""
    path = world.write_rows(200)
    runs = [world.start_run(path), world.start_run(path)]
    reports = [world.finish(run).report for run in runs]
    assert len(batches.list_recent(world.database)) == 1
    assert reports[0]["batch_id"] == reports[1]["batch_id"]
    assert [report["done"] for report in reports] == [200, 200]
    check_settled(world.database, rows=200)


def test_two_runs_of_two_files(world: World) -> None:
    """Two runs of different files on one database do not disturb each other."""
    paths = [world.write_rows(150, name="one.csv"), world.write_rows(250, name="two.csv")]
    runs = [world.start_run(path) for path in paths]
    reports = [world.finish(run).report for run in runs]
    assert [report["done"] for report in reports] == [150, 250]
    for report, rows in zip(reports, (150, 250), strict=True):
        check_settled(world.database, rows=rows, batch_id=report["batch_id"])


def test_paused_producer_finds_its_file_loaded(world: World) -> None:
    """A producer that sleeps past its lease lets the one who loaded on have the batch."""
    empty = {number: "" for number in range(1, RECORDS + 1) if number not in GOOD}
    path = world.write_rows(RECORDS, empty)
    command = ["submit", str(path), "--spec", str(world.spec), "--json"]
    sleeper = world.start(*command, fault="after_load_step:stop", prelude=SHORT_LEASE)
    world.until(sleeper.is_stopped, "the producer's pause")
    world.finish(world.start(*command), status=1, seconds=20)
    sleeper.send(signal.SIGCONT)
    assert world.finish(sleeper, status=1).report["rejected"] == len(empty)
    assert len(batches.list_recent(world.database)) == 1
    assert batches.get(world.database, "latest").records_read == RECORDS
    assert checks.find_violations(world.database) == []
