"""A Python producer dies while it hands in; real services answer what it handed in again."""

import os
import signal
import subprocess
import sys

import pytest

from jobs.client import BatchStatus, Client
from jobs.store import checks
from tests.faults.settled import check_settled
from tests.faults.world import ROOT, World, in_both_worlds

pytestmark = pytest.mark.fault

RECORDS = 10_150  # three load steps
GOOD = range(1, RECORDS + 1, 70)
PRODUCER = f"""
import sys
from jobs.client import Client

def rows():
    for number in range(1, {RECORDS} + 1):
        yield {{"id": number, "text": f"text {{number}}" if number % 70 == 1 else ""}}

with Client() as client:
    batch = client.submit(rows(), sys.argv[1])
    print(batch.batch_id, batch.rows, batch.rejected)
"""


def produce(world: World, fault: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Hand the rows in from a process of its own, which may die at a fault point."""
    tripping = {} if fault is None else {"SEKISHO_FAULT": fault}
    return subprocess.run(
        [sys.executable, "-c", PRODUCER, world.spec],
        env={
            **os.environ,
            **world.family.environment,
            **tripping,
            "SEKISHO_FAULT_LEDGER": str(world.ledger),
            "SEKISHO_DATABASE_URL": world.database_url,
            "XDG_STATE_HOME": str(world.folder / "state"),
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@in_both_worlds
def test_a_producer_killed_twice_hands_in_once(world: World) -> None:
    """Killed in the middle of submit, again, and after the last commit: every row is there once."""
    with Client(world.database_url) as client:
        for deaths in (1, 2):
            killed = produce(world, fault=f"after_load_step:kill:{deaths}")
            assert killed.returncode == -signal.SIGKILL
            left = client.status("latest")
            assert (left.status, left.rows) == (BatchStatus.LOADING, 5_000 * deaths)
        world.ledger.unlink()
        assert produce(world, fault="after_submit_commit:kill").returncode == -signal.SIGKILL
        ended = produce(world)
        assert (ended.returncode, ended.stderr) == (0, "")
        batch_id, rows, rejected = ended.stdout.split()
        assert (int(rows), int(rejected)) == (RECORDS, RECORDS - len(GOOD))
        assert list(world.folder.rglob("spool/*")) == []
        world.start("dispatch")
        world.start_worker()
        status = client.wait(batch_id, timeout_seconds=90)
        assert (status.done, status.bad) == (len(GOOD), RECORDS - len(GOOD))
        found = [row.source_id for row in client.results(batch_id)]
        assert found == [str(number) for number in GOOD]
        rejects = [one.row_number for one in client.rejects(batch_id)]
        assert sorted([*rejects, *GOOD]) == list(range(1, RECORDS + 1))
    check_settled(world.database, rows=RECORDS, rejected=RECORDS - len(GOOD), batch_id=batch_id)
    assert checks.find_violations(world.database) == []
