"""A large file goes in and out while its processes are killed: every row is there once."""

import csv
import random
import signal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from jobs.job import BatchStatus
from jobs.store import batches, checks
from jobs.tables import chunks, jobs, outbox, rejects
from tests.faults.world import World, in_both_worlds

pytestmark = [pytest.mark.fault, pytest.mark.heavy]

KILLS = 5
KILLED = -signal.SIGKILL
# Somewhere in one of the next transactions, or between two of them.
SUDDEN_END = """
import os, random, signal, threading
from jobs import submit
from jobs.store import loading
submit.STEP_RECORDS = {step}
chance, add_rows = random.Random({seed}), loading.add_rows
left = chance.randrange(1, 5)
def add_rows_until_killed(*args, **options):
    global left
    left -= 1
    if left == 0:
        end = (os.getpid(), signal.SIGKILL)
        threading.Timer(chance.uniform(0, 0.05), os.kill, end).start()
    return add_rows(*args, **options)
loading.add_rows = add_rows_until_killed
"""
# The kernel ends the process at the byte that is one too many, on whatever machine.
FULL_DISK_END = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
"""
LEAST_BYTES = 100_000  # above what SQLite's own files beside the database may need


def write_file(path: Path, rows: int) -> dict[int, str]:
    """Write a file; return record number -> reason of the records that are no rows."""
    reasons: dict[int, str] = {}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        for number in range(1, rows + 1):
            name, text = f"r{number}", f'"{number}" 行,\nof {rows}'
            earlier = number - 1 if number % 2 else number // 2 + 1  # just before, or long before
            if number % 997 == 0 and earlier not in reasons:
                differs = number % 3 == 0
                name, text = f"r{earlier}", f'"{earlier}" 行,\nof {rows}' + "!" * differs
                reasons[number] = f"duplicate_id_{'conflict' if differs else 'same'}"
            elif number % 1009 == 0:
                text, reasons[number] = "", "empty_text"
            writer.writerow([name, text])
    return reasons


@in_both_worlds
@pytest.mark.parametrize("rows", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_large_file_killed_on_its_way(world: World, rows: int) -> None:
    """Loading and exporting, each killed five times at random, lose and double nothing."""
    path = world.folder / "large.csv"
    reasons = write_file(path, rows)
    load(world, path, rows)
    check_loaded(world, rows, reasons)
    out = export(world, rows)
    with out.open(newline="", encoding="utf-8-sig") as file:
        numbers = [int(line["row_number"]) for line in csv.DictReader(file)]
    assert numbers == [number for number in range(1, rows + 1) if number not in reasons]


def load(world: World, path: Path, rows: int) -> None:
    """Hand a file in again and again until nobody kills the process any more."""
    step = min(5_000, rows // 60)
    for seed in random.sample(range(1_000_000), KILLS):
        end = SUDDEN_END.format(seed=seed, step=step)
        submit = world.start("submit", path, "--spec", world.spec, prelude=end)
        world.finish(submit, status=KILLED, seconds=120)
        batch = batches.get(world.database, "latest")
        assert batch.status is BatchStatus.LOADING
        assert batch.records_read < rows
    last = world.start("submit", path, "--spec", world.spec)
    world.finish(last, status=1, seconds=300)  # some records are no rows


def check_loaded(world: World, rows: int, reasons: dict[int, str]) -> None:
    """Assert that every record is one job or the reject it must be, and every chunk is owed."""
    batch = batches.get(world.database, "latest")
    assert (batch.status, batch.records_read) == (BatchStatus.OPEN, rows)
    with world.database.read() as connection:
        found = connection.execute(select(rejects.c.row_number, rejects.c.reason_code)).all()
        numbers = connection.scalars(select(jobs.c.row_number).order_by(jobs.c.row_number)).all()
        ids = connection.scalar(select(func.count(jobs.c.source_id.distinct())))
        planned, debts = (
            connection.scalar(select(func.count()).select_from(table)) for table in (chunks, outbox)
        )
    assert {row.row_number: row.reason_code for row in found} == reasons
    assert list(numbers) == [number for number in range(1, rows + 1) if number not in reasons]
    assert ids == len(numbers)
    assert planned == debts
    assert checks.find_violations(world.database) == []


def export(world: World, rows: int) -> Path:
    """Export again and again; whenever it is killed there is no file yet, never a part of one."""
    folder = world.folder / "out"
    folder.mkdir()
    out = folder / "results.csv"
    command = ("results", "latest", "--format", "csv", "--out", out)
    for enough in random.sample(range(LEAST_BYTES, 20 * rows), KILLS):
        export = world.start(*command, prelude=FULL_DISK_END.format(size=enough))
        world.finish(export, status=-signal.SIGXFSZ, seconds=120)
        parts = list(folder.iterdir())
        assert out not in parts
        assert [part.stat().st_size for part in parts] == [enough]
        for part in parts:
            part.unlink()
    world.finish(world.start(*command), seconds=300)
    assert list(folder.iterdir()) == [out]
    assert out.stat().st_size > 20 * rows
    return out
