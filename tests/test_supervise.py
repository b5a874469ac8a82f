"""The supervisor: children that die are replaced, their rows taken back; hopeless ones given up."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.errors import ModelError, ServiceError
from jobs.store import Database
from tests.store.making import (
    WORKER,
    all_hints,
    assert_sound,
    claim,
    make_batch,
    rows_of,
    statuses,
)
from workers.journal import Journal
from workers.settings import Settings, read_settings
from workers.supervise import BARREN_DEATHS_MAX, Post, Supervisor

READY = """echo '{"event": "ready", "worker_id": "w1"}'\n"""
STAY = "exec cat >/dev/null\n"
PATIENCE_SECONDS = 60

Make = Callable[..., Supervisor]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose state lies in the test's folder."""
    database = f"sqlite:///{tmp_path / 'sekisho.db'}"
    return read_settings(database_url=database, redis_url="redis://r", environment={})


@pytest.fixture
def make(
    sqlite: Database, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Make]:
    """Make supervisors whose children run a script; its n-th start runs the n-th part."""
    monkeypatch.setattr("workers.supervise.BACKOFF_SECONDS", (0.001,))
    made: list[Supervisor] = []

    def build(*parts: str, on_event: Callable[[str], None] = lambda _: None) -> Supervisor:
        script = tmp_path / "child.sh"
        counter = tmp_path / "starts"
        cases = "".join(f"{number}) {part};;\n" for number, part in enumerate(parts, start=1))
        script.write_text(
            f"#!{shutil.which('sh')}\necho x >> {counter}\n"
            f"case $(wc -l < {counter}) in\n{cases}*) {parts[-1]};;\nesac\n"
        )
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script))
        supervisor = Supervisor(
            Post("stub", "cpu"),
            settings,
            sqlite,
            log_path=tmp_path / "log" / "worker.log",
            on_event=on_event,
        )
        made.append(supervisor)
        supervisor.start()
        return supervisor

    yield build
    for supervisor in made:
        supervisor.kill()


def test_a_ready_child_is_waited_for_and_stopped(make: Make) -> None:
    """After `ready` the supervisor is ready; a stop ends the child and nothing is restarted."""
    events: list[str] = []
    noise = "echo words of a library; echo '[1]'; echo '\"x\"'\n"
    supervisor = make(noise + READY + STAY, on_event=events.append)
    supervisor.wait_ready()
    supervisor.stop()
    assert supervisor.join(PATIENCE_SECONDS)
    assert (supervisor.failure, supervisor.restarts) == (None, 0)
    assert events == ["ready"]


def test_what_a_child_cannot_do_is_raised(make: Make, tmp_path: Path) -> None:
    """A child that says why it failed is not started again, and the reason keeps its kind."""
    failed = {"event": "failed", "kind": "ModelError", "code": "model_missing"}
    told = json.dumps({**failed, "params": {"path": "x"}})
    supervisor = make(f"echo '{told}'; exit 72\n")
    with pytest.raises(ModelError) as caught:
        supervisor.wait_ready()
    assert (caught.value.code, caught.value.params) == ("model_missing", {"path": "x"})
    assert supervisor.join(PATIENCE_SECONDS)
    assert (tmp_path / "starts").read_text().count("x") == 1


def test_a_child_that_never_gets_ready_is_given_up(
    make: Make, sqlite: Database, tmp_path: Path
) -> None:
    """After some deaths without a `ready` the supervisor says so and alarms, and tries no more."""
    supervisor = make("exit 9\n")
    with pytest.raises(ServiceError) as caught:
        supervisor.wait_ready()
    assert caught.value.code == "worker_keeps_dying"
    assert caught.value.params == {"model": "stub", "status": 9}
    assert (tmp_path / "starts").read_text().count("x") == BARREN_DEATHS_MAX
    owed = rows_of(sqlite, "SELECT event, alarm, model_name FROM notifications")
    assert owed == [{"event": "alarm", "alarm": "worker_given_up", "model_name": "stub"}]


def crash_with_journal(
    make: Make, sqlite: Database, settings: Settings, how: str
) -> tuple[list[str], int]:
    """Let a child die in this way while the first of two rows stands in its journal."""
    batch = make_batch(sqlite, [2])
    lease = claim(sqlite, all_hints(sqlite)[0], WORKER)
    settings.state_folder.mkdir(parents=True)
    restarted: list[str] = []
    journal = settings.state_folder / "suspects.json"
    writing = Journal(journal)
    writing.write([lease.jobs[0].job_id])
    writing.close()
    copy = f'while [ "$1" != --journal ]; do shift; done; cp {journal} "$2"\n'
    supervisor = make(READY + copy + how, READY + STAY, on_event=restarted.append)
    while restarted.count("ready") < 2:
        assert not supervisor.join(0.01)
    assert supervisor.restarts == 1
    supervisor.stop()
    assert_sound(sqlite)
    alone = rows_of(sqlite, "SELECT chunk_id FROM chunks WHERE alone")
    return statuses(sqlite, batch), len(alone)


@pytest.mark.parametrize(
    ("how", "suspects"),
    [("kill -ABRT $$\n", 1), ("kill -SEGV $$\n", 1), ("exit 71\n", 1)],
)
def test_a_native_death_makes_suspects(
    make: Make, sqlite: Database, settings: Settings, how: str, suspects: int
) -> None:
    """After a crash or a hang in native code the rows of the journal are isolated at once."""
    assert crash_with_journal(make, sqlite, settings, how) == (["waiting"] * 2, suspects)


@pytest.mark.parametrize("how", ["kill -KILL $$\n", "exit 0\n", "exit 70\n"])
def test_another_death_accuses_nobody(
    make: Make, sqlite: Database, settings: Settings, how: str
) -> None:
    """A child killed from outside, or one that ended, gives its rows back together."""
    assert crash_with_journal(make, sqlite, settings, how) == (["waiting"] * 2, 0)


def test_addresses_are_handed_over_by_environment(make: Make, tmp_path: Path) -> None:
    """The child gets the settings without any address in its arguments."""
    seen = tmp_path / "seen"
    supervisor = make(f'echo "$@" > {seen}; env >> {seen}\n' + READY + STAY)
    supervisor.wait_ready()
    supervisor.stop()
    arguments, *environment = seen.read_text().splitlines()
    assert "--model stub --device cpu" in arguments
    assert "sqlite:" not in arguments
    assert "redis:" not in arguments
    assert "SEKISHO_REDIS_URL=redis://r" in environment
    assert f"SEKISHO_DATABASE_URL=sqlite:///{tmp_path / 'sekisho.db'}" in environment


def test_a_child_is_pinned_by_its_post(
    make: Make, sqlite: Database, settings: Settings, tmp_path: Path
) -> None:
    """The GPU stands in the child's environment, its cores among its arguments."""
    seen = tmp_path / "seen"
    make(f'echo "$@" >> {seen}; echo "gpu=$CUDA_VISIBLE_DEVICES" >> {seen}\n' + READY + STAY)
    for post in (Post("stub", "3"), Post("stub", "cpu-2of2", (4, 5))):
        supervisor = Supervisor(post, settings, sqlite)
        supervisor.start()
        supervisor.wait_ready()
        supervisor.stop()
    told = seen.read_text()
    assert "gpu=3" in told
    assert "--cores 4 5" in told
    assert told.count("--cores") == 1


def test_the_journal_goes_with_the_supervisor(make: Make, settings: Settings) -> None:
    """After a stop no journal is left behind."""
    supervisor = make(READY + STAY)
    supervisor.wait_ready()
    supervisor.stop()
    assert list(settings.state_folder.glob("journal-*")) == []
