"""`sekisho worker local --devices`: real processes, each pinned to its device."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.store import open_database, workers
from jobs.store.workers import LiveWorker
from workers.device import own_cores
from workers.settings import read_settings

MAIN = "from workers.cli import main; main()"
linux = pytest.mark.skipif(len(own_cores()) < 2, reason="two cores that can be pinned are needed")


class Crew:
    """A `sekisho worker local` and what it says."""

    def __init__(self, folder: Path, redis_url: str, *arguments: str) -> None:
        (folder / "sekisho.toml").write_text("[models.stub]\nengine = 'stub'\n")
        self.url = f"sqlite:///{folder / 'devices.db'}"
        environment = {
            **{name: value for name, value in os.environ.items() if "SEKISHO" not in name},
            "SEKISHO_LANG": "en",
            "SEKISHO_DATABASE_URL": self.url,
            "SEKISHO_REDIS_URL": redis_url,
            "TMPDIR": str(folder),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "worker", "local", *arguments],
            cwd=folder,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def hear(self, *wanted: str) -> None:
        """Read until every one of these lines has been said."""
        missing = list(wanted)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            missing = [words for words in missing if not line.startswith(words)]
            if not missing:
                return
        pytest.fail(f"never said: {missing}")

    def live(self) -> dict[str, LiveWorker]:
        """The live workers by device."""
        database = open_database(self.url)
        try:
            return {worker.device: worker for worker in workers.list_live(database)}
        finally:
            database.close()

    def stop(self) -> int:
        """End it as a service manager does; return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=60)
        return self.process.returncode


Start = Callable[..., Crew]


@pytest.fixture
def start(tmp_path: Path, redis_url: str) -> Iterator[Start]:
    """Start workers that end with the test."""
    started: list[Crew] = []

    def run(*arguments: str) -> Crew:
        started.append(Crew(tmp_path, redis_url, *arguments))
        return started[-1]

    yield run
    for crew in started:
        crew.process.kill()
        crew.process.communicate()


def gpu_of(worker: LiveWorker) -> str | None:
    """What a process was started with as the GPUs it may see."""
    content = Path(f"/proc/{worker.pid}/environ").read_text()
    pairs = dict(pair.split("=", 1) for pair in content.split("\0") if "=" in pair)
    return pairs.get("CUDA_VISIBLE_DEVICES")


@linux
def test_a_process_on_each_device(start: Start) -> None:
    """Each has its GPU or its cores, its journal and its log; a death leaves the others."""
    crew = start("--model", "stub", "--devices", "0,1,cpu,cpu")
    names = ("0", "1", "cpu-1of2", "cpu-2of2")
    crew.hear(*(f"{name}: Ready." for name in names))
    live = crew.live()
    assert sorted(live) == sorted(names)
    assert [gpu_of(live[name]) for name in names] == ["0", "1", "", ""]
    first, second = (os.sched_getaffinity(live[name].pid) for name in names[2:])
    assert (first | second, first & second) == (set(own_cores()), set())
    assert os.sched_getaffinity(live["0"].pid) == set(own_cores())

    state = read_settings(database_url=crew.url, environment={}).state_folder
    assert len(list(state.glob("journal-*.json"))) == 4
    assert sorted(path.name for path in state.glob("worker-*.log")) == [
        f"worker-{name}.log" for name in sorted(names)
    ]

    os.kill(live["1"].pid, signal.SIGKILL)
    crew.hear("1: The worker process died", "1: Ready.")
    for name in ("0", "cpu-1of2", "cpu-2of2"):
        os.kill(live[name].pid, 0)
    assert crew.stop() == 0
    assert list(state.glob("journal-*.json")) == []


@linux
def test_cpu_alone_has_all_cores(start: Start) -> None:
    """One process on the CPU may use every core of its parent."""
    crew = start("--model", "stub", "--devices", "cpu")
    crew.hear("Ready.")
    live = crew.live()
    assert os.sched_getaffinity(live["cpu"].pid) == set(own_cores())
    assert crew.stop() == 0


@pytest.mark.slow
def test_a_gpu_that_is_not_there_leaves_the_others(start: Start) -> None:
    """A model never falls back to the CPU in silence; the others work on, the exit tells."""
    from workers.engines.llama import has_gpu

    if has_gpu():
        pytest.skip("there is a GPU here")
    crew = start("--devices", "0,cpu")
    crew.hear("0: llama.cpp sees no such GPU", "cpu: Ready.")
    assert list(crew.live()) == ["cpu"]
    assert crew.stop() == 2
