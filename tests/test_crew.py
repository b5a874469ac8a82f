"""The crew: live workers are used, dead ones buried, and only else one of our own is started."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.errors import ModelError, ServiceError
from jobs.store import Database, batches, workers
from tests.store.making import all_hints, assert_sound, claim, make_batch, other_worker, statuses
from workers import crew as crew_module
from workers.crew import Crew
from workers.settings import read_settings
from workers.supervise import Post


class FakeSupervisor:
    """Stands in for a supervised process."""

    made: list["FakeSupervisor"]

    def __init__(self, *arguments: object, **_: object) -> None:
        self.arguments = arguments
        self.did: list[str] = []
        self.failure: Exception | None = None
        self.made.append(self)

    def start(self) -> None:
        self.did.append("start")

    def wait_ready(self) -> None:
        self.did.append("wait")

    def stop(self) -> None:
        self.did.append("stop")

    def kill(self) -> None:
        self.did.append("kill")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[FakeSupervisor]:
    """The supervisors that a crew has started."""
    FakeSupervisor.made = []
    monkeypatch.setattr(crew_module, "Supervisor", FakeSupervisor)
    return FakeSupervisor.made


@pytest.fixture
def crew(sqlite: Database, tmp_path: Path, started: list[FakeSupervisor]) -> Crew:
    """A crew without anybody."""
    settings = read_settings(database_url=f"sqlite:///{tmp_path / 'x.db'}", environment={})
    return Crew(settings, sqlite, "cpu", lambda _: None)


def dead_pid() -> int:
    """The id of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_without_workers_one_is_started(crew: Crew, started: list[FakeSupervisor]) -> None:
    """One process for each model, once, waited for and ended with the crew."""
    for _ in range(3):
        crew.ensure(["stub"])
    crew.wait_ready("stub")
    crew.wait_ready("other")
    crew.stop()
    crew.kill()
    assert [one.did for one in started] == [["start", "wait", "stop", "kill"]]


def test_live_workers_are_used(crew: Crew, sqlite: Database, started: list[FakeSupervisor]) -> None:
    """A worker elsewhere, or alive on this machine, is enough; of another model it is not."""
    workers.register(sqlite, other_worker(host="elsewhere"), 100)
    crew.ensure(["stub"])
    assert started == []
    crew.ensure(["other"])
    assert len(started) == 1


def test_a_worker_whose_process_is_gone_is_buried(
    crew: Crew, sqlite: Database, started: list[FakeSupervisor]
) -> None:
    """A dead worker of this machine is retired, its chunks taken back, and one of ours started."""
    host = socket.gethostname()
    gone = other_worker(host=host)
    object.__setattr__(gone, "pid", dead_pid())
    workers.register(sqlite, gone, 100)
    batch = make_batch(sqlite, [2])
    claim(sqlite, all_hints(sqlite)[0], gone)
    crew.ensure(["stub"])
    assert len(started) == 1
    assert workers.list_live(sqlite) == []
    assert statuses(sqlite, batch) == ["waiting"] * 2
    assert_sound(sqlite)


def test_a_worker_of_this_machine_that_lives_is_used(
    crew: Crew, sqlite: Database, started: list[FakeSupervisor]
) -> None:
    """A process that is there is not buried."""
    here = other_worker(host=socket.gethostname())
    object.__setattr__(here, "pid", os.getpid())
    workers.register(sqlite, here, 100)
    crew.ensure(["stub"])
    assert started == []


def test_what_keeps_ours_from_working_is_raised(crew: Crew, started: list[FakeSupervisor]) -> None:
    """A supervisor that gave up is heard at the next look, and so is any other check."""
    crew.ensure(["stub"])
    started[0].failure = ServiceError("worker_keeps_dying", model="stub", status=1)
    with pytest.raises(ServiceError):
        crew.ensure(["stub"])

    def fail() -> None:
        raise KeyError

    crew.watch(fail)
    with pytest.raises(KeyError):
        crew.ensure(["other"])


def test_a_pin_that_nobody_holds_is_named(crew: Crew, sqlite: Database) -> None:
    """A batch pinned to a file that no live worker has can not go on, and says so."""
    batch = make_batch(sqlite, [1, 1])
    workers.register(sqlite, other_worker(model_hash="hash-b"), 100)
    crew.check_pins(batches.pinned_models(sqlite, batch.batch_id))
    claim(sqlite)
    with pytest.raises(ModelError) as caught:
        crew.check_pins(batches.pinned_models(sqlite, batch.batch_id))
    assert caught.value.params == {"model": "stub", "pinned": "hash-a"}
    workers.register(sqlite, other_worker(worker_id="w3", model_hash="hash-a"), 100)
    crew.check_pins(batches.pinned_models(sqlite, batch.batch_id))


def test_workers_that_gave_up_are_let_go(crew: Crew, started: list[FakeSupervisor]) -> None:
    """A watch tries again with new ones; those that work stay."""
    crew.ensure(["stub"])
    crew.dismiss_failed()
    assert started[0].did == ["start"]
    started[0].failure = ServiceError("worker_keeps_dying", model="stub", status=1)
    crew.dismiss_failed()
    crew.ensure(["stub"])
    assert (started[0].did, started[1].did) == (["start", "stop"], ["start"])


def test_models_on_servers_work_beside_the_local_one(
    sqlite: Database, tmp_path: Path, started: list[FakeSupervisor]
) -> None:
    """They hold no device: neither waits for the other, and both stay while both have work."""
    config = tmp_path / "sekisho.toml"
    config.write_text(
        '[models.big]\nengine = "openai"\nurls = ["http://127.0.0.1:1/v1"]\ndevice = "box"\n'
    )
    url = f"sqlite:///{tmp_path / 'x.db'}"
    settings = read_settings(database_url=url, config=config, environment={})
    crew = Crew(settings, sqlite, "cpu", lambda _: None)
    crew.ensure(["small", "big"])
    crew.ensure(["large", "big"])
    assert [one.did for one in started] == [["start", "stop"], ["start"], ["start"]]
    assert [one.arguments[0] for one in started] == [
        Post("small", "cpu"),
        Post("big", "server-big"),
        Post("large", "cpu"),
    ]
