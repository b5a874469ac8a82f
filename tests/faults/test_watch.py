"""A real watch: it answers what is dropped, is killed at random, and ends when asked to."""

import json
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.store import batches
from tests.faults.command import Command
from tests.faults.settled import check_settled
from tests.faults.world import World, in_both_worlds

pytestmark = pytest.mark.fault

RULES = """settle_seconds = 0.2
scan_seconds = 0.2
[[rules]]
match = "*.csv"
spec = "../spec.toml"
results = "../out"
"""
FILES = 12
ROWS = 12
LONG_ROWS = 400
KILLS = 10
POINTS = (
    "watch_after_submit",
    "watch_after_results",
    "watch_after_sidecar",
    "watch_after_marker",
    "watch_after_move",
)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    """A world with a folder to watch; the embedded one unless a test wants the other."""
    found: World = request.getfixturevalue(f"{getattr(request, 'param', 'embedded')}_world")
    drop = found.folder / "drop"
    drop.mkdir()
    (drop / "watch.toml").write_text(RULES)
    return found


def drop(world: World, number: int, copy_of: int | None = None) -> None:
    """Put a file into the folder, whole at once."""
    content = world.write_rows(ROWS, name=f"content-{copy_of or number}.csv")
    content.rename(world.folder / "drop" / f"f{number}.csv")


def filed(world: World) -> list[Path]:
    """The files in processed/ and failed/, without their sidecars."""
    sections = [world.folder / "drop" / name for name in ("processed", "failed")]
    return sorted(path for one in sections for path in one.glob("*.csv"))


def waiting(world: World) -> list[Path]:
    """The files that stand in the folder yet."""
    return list((world.folder / "drop").glob("*.csv"))


def start(world: World, *options: str, fault: str | None = None) -> Command:
    """Start the watch."""
    return world.start("watch", world.folder / "drop", *options, fault=fault)


def check_filed(world: World, contents: int, copies: int) -> None:
    """Each content is one batch, each file stands in one folder with one sidecar."""
    assert waiting(world) == []
    files = filed(world)
    names = {path.name for path in (world.folder / "drop" / "processed").iterdir()}
    assert names == {name for path in files for name in (path.name, f"{path.name}.json")}
    said = [json.loads(Path(f"{path}.json").read_text()) for path in files]
    assert len(files) == contents + copies
    assert sorted(one["status"] for one in said) == ["already_taken"] * copies + ["closed"] * (
        contents
    )
    found = batches.list_recent(world.database, 100)
    assert {batch.batch_id for batch in found} == {one["batch_id"] for one in said}
    assert len(found) == contents
    for batch in found:
        check_settled(world.database, rows=ROWS, batch_id=batch.batch_id)
    results = sorted(path.name for path in (world.folder / "out").iterdir())
    assert len(results) == contents


@pytest.mark.parametrize(
    ("interrupt", "status"), [(Command.terminate, 0), (Command.press_ctrl_c, 130)]
)
def test_a_watch_works_and_stops(
    world: World, interrupt: Callable[[Command], None], status: int
) -> None:
    """Files are answered by one worker as they come; asked to end it leaves nobody, and what is
    unfinished stays where it is for the next one.
    """
    watch = start(world, "--json")
    for number in (1, 2):
        drop(world, number)
        world.until(lambda: len(filed(world)) == number, "a filed file")  # noqa: B023 - asked now
    assert watch.words().count("Loading the model") == 1
    world.write_rows(LONG_ROWS, name="long.csv").rename(world.folder / "drop" / "long.csv")
    world.until(lambda: (one := world.batch()) and one.file_name == "long.csv", "its batch")
    world.wait_done(8)
    interrupt(watch)
    ended = world.finish(watch, status=status, seconds=20)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line["filed_as"] for line in lines] == ["processed/f1.csv", "processed/f2.csv"]
    world.wait_nobody()
    assert [path.name for path in waiting(world)] == ["long.csv"]
    assert 8 <= world.done() < LONG_ROWS
    world.finish(start(world, "--once"))
    assert [path.name for path in filed(world)] == ["f1.csv", "f2.csv", "long.csv"]
    assert len(batches.list_recent(world.database, 100)) == 3
    check_settled(world.database, rows=LONG_ROWS)


@in_both_worlds
def test_once(world: World) -> None:
    """What is there is worked off: 0; a file that fails makes it 1; links are left."""
    drop(world, 1)
    (world.folder / "drop" / "link.csv").symlink_to(world.spec)
    world.finish(start(world, "--once"))
    assert [path.name for path in filed(world)] == ["f1.csv"]
    (world.folder / "drop" / "empty.csv").touch()
    ended = world.finish(start(world, "--once", "--json"), status=1)
    assert ended.report["reason_code"] == "empty_file"
    assert (world.folder / "drop" / "link.csv").is_symlink()
    world.wait_nobody()


def test_killed_between_two_steps(world: World) -> None:
    """Each time the next watch finishes what the killed one had begun."""
    for number, point in enumerate(POINTS, start=1):
        drop(world, number)
        (world.folder / "drop" / f"f{number}.csv.done").touch()
        watch = start(world, fault=f"{point}:kill:{number}")
        world.finish(watch, status=-signal.SIGKILL)
    drop(world, len(POINTS) + 1, copy_of=1)
    world.finish(start(world, "--once"))
    check_filed(world, len(POINTS), 1)


@pytest.mark.slow
def test_killed_at_random(world: World) -> None:
    """Ten deaths while files come in: each content is one batch, each file ends once."""
    rng = random.Random(5)  # noqa: S311 - not a secret
    world.configure(stub={"rows_per_step": 8, "pause_ms_per_step": 10})
    watch = start(world)
    number = 0
    for kill in range(KILLS):
        while number < FILES * (kill + 1) // KILLS:
            number += 1
            drop(world, number, copy_of=number - 1 if number % 4 == 0 else None)
        goal = len(filed(world)) + rng.randint(0, 1)
        world.until(lambda: len(filed(world)) >= goal or not waiting(world), "some progress")  # noqa: B023 - asked now
        watch.send(signal.SIGKILL)
        world.finish(watch, status=-signal.SIGKILL)
        watch = start(world)
    world.until(lambda: not waiting(world), "an empty folder", seconds=60)
    watch.terminate()
    world.finish(watch)
    check_filed(world, FILES - FILES // 4, FILES // 4)
    world.wait_nobody()
