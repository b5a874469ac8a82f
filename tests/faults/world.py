"""One test's world: a folder, a database, a Redis, files, and the processes started in it."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from jobs.job import BatchStatus
from jobs.store import batches, open_database, results
from jobs.store.batches import Batch
from tests.faults.command import Command, Ended
from tests.faults.family import Family
from tests.faults.waiting import Found, until

ROOT = Path(__file__).resolve().parents[2]
TAIL_LINES = 40
WORKER_COMMAND = "workers.process"
SPEC = """
name = "faults"
[task]
kind = "classify"
labels = ["alpha", "beta", "gamma"]
[input]
id = "id"
text = "text"
[route]
tiers = ["stub"]
"""
STUB: dict[str, object] = {"rows_per_step": 4, "pause_ms_per_step": 20}
WORKER: dict[str, object] = {
    "heartbeat_seconds": 0.2,
    "grace_seconds": 5,
    "commit_rows": 8,
    "commit_ms": 50,
}
DISPATCH: dict[str, object] = {"tick_seconds": 0.05, "resend_seconds": 0.5}

in_both_worlds = pytest.mark.parametrize(
    "world", ["embedded", pytest.param("production", marks=pytest.mark.slow)], indirect=True
)
"""In `make test` on one machine's world alone, in `make test-all` on production's, too."""


class World:
    """Everything one fault test touches; gone without trace when the test is over."""

    def __init__(self, folder: Path, database_url: str, redis_url: str | None) -> None:
        self.folder = folder
        self.database_url = database_url
        self.redis_url = redis_url
        self.family = Family(uuid4().hex)
        self.ledger = folder / "ledger"
        self.spec = folder / "spec.toml"
        self.spec.write_text(SPEC)
        self.database = open_database(database_url)
        self._commands: list[Command] = []
        (folder / "tmp").mkdir()
        self.configure()

    def close(self) -> None:
        """End every process and let go of the database."""
        self.family.kill()
        for command in self._commands:
            command.reap()
        self.database.close()

    def configure(
        self,
        *,
        model: Mapping[str, object] | None = None,
        stub: Mapping[str, object] | None = None,
        worker: Mapping[str, object] | None = None,
        dispatch: Mapping[str, object] | None = None,
        cloud: Mapping[str, object] | None = None,
    ) -> None:
        """Write sekisho.toml: the short times of these tests and what a test wants otherwise.

        `model` puts another model in the stub's place.
        """
        sections = {
            "models.stub": model or {"engine": "stub"},
            **({} if model else {"models.stub.stub": {**STUB, **(stub or {})}}),
            "worker": {**WORKER, **(worker or {})},
            "dispatch": {**DISPATCH, **(dispatch or {})},
            "cloud": cloud or {},
        }
        lines = [
            line
            for name, values in sections.items()
            for line in (f"[{name}]", *(f"{key} = {json.dumps(values[key])}" for key in values))
        ]
        (self.folder / "sekisho.toml").write_text("\n".join(lines))

    def write_rows(
        self, rows: int, texts: Mapping[int, str] | None = None, name: str = "rows.csv"
    ) -> Path:
        """Write a file of rows whose texts are their own, or as given by row number."""
        given = texts or {}
        numbered = (
            f"r{number},{given.get(number, f'{name} {number}')}" for number in range(1, rows + 1)
        )
        path = self.folder / name
        path.write_text("\n".join(["id,text", *numbered, ""]))
        return path

    def start(self, *arguments: str | Path, fault: str | None = None, prelude: str = "") -> Command:
        """Start a command; `fault` is `point:action[:times]` of jobs.faults.

        `prelude` is Python that its process runs first.
        """
        tripping = {} if fault is None else {"SEKISHO_FAULT": fault}
        environment = {
            **os.environ,
            **self.family.environment,
            **tripping,
            "SEKISHO_FAULT_LEDGER": str(self.ledger),
            "SEKISHO_DATABASE_URL": self.database_url,
            "SEKISHO_REDIS_URL": self.redis_url or "",
            "SEKISHO_CONFIG": str(self.folder / "sekisho.toml"),
            "SEKISHO_LANG": "en",
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_RUNTIME_DIR": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "PYTHONPATH": str(ROOT),
            "dramatiq_restart_delay": "100",  # ms until it looks for a lost Redis again
        }
        command = Command([str(word) for word in arguments], self.folder, environment, prelude)
        self._commands.append(command)
        return command

    def start_run(self, *files: Path, fault: str | None = None) -> Command:
        """Start `sekisho run` on files."""
        return self.start("run", *files, "--spec", self.spec, "--json", fault=fault)

    def submit(self, path: Path) -> None:
        """Hand a file in."""
        self.finish(self.start("submit", path, "--spec", self.spec))

    def start_worker(self, *, fault: str | None = None) -> Command:
        """Start `sekisho worker local` and wait until its process runs."""
        before = self.family.pids(WORKER_COMMAND)
        command = self.start("worker", "local", "--model", "stub", fault=fault)
        self.until(lambda: len(self.family.pids(WORKER_COMMAND)) > len(before), "a worker process")
        return command

    def finish(self, command: Command, *, status: int = 0, seconds: float = 60) -> Ended:
        """Wait until a command ends and see to its exit status; -9 is SIGKILL."""
        self.until(command.is_over, "the command's end", seconds=seconds)
        ended = command.read()
        if ended.status != status:
            pytest.fail(f"exit status {ended.status}, not {status}\n{self.tell()}", pytrace=False)
        return ended

    def until(self, condition: Callable[[], Found], what: str, *, seconds: float = 30) -> Found:
        """Wait for a condition; a failure shows processes and logs."""
        return until(condition, seconds=seconds, what=what, tell=self.tell)

    def batch(self) -> Batch | None:
        """Return the newest batch; None before there is one."""
        found = batches.list_recent(self.database, 1)
        return found[0] if found else None

    def done(self) -> int:
        """Return how many rows of the newest batch are done."""
        found = self.batch()
        return 0 if found is None else results.tally(self.database, found.batch_id).done

    def wait_done(self, rows: int) -> None:
        """Wait until that many rows of the newest batch are done."""
        self.until(lambda: self.done() >= rows, f"{rows} rows done")

    def wait_closed(self, *, seconds: float = 30) -> None:
        """Wait until the newest batch is closed."""
        self.until(
            lambda: (found := self.batch()) and found.status is BatchStatus.CLOSED,
            "a closed batch",
            seconds=seconds,
        )

    def wait_worker(self) -> int:
        """Wait for a worker process, which may still be starting, and return its id."""
        return self.until(lambda: self.family.pids(WORKER_COMMAND), "a worker process")[0]

    def wait_nobody(self) -> None:
        """Wait until no process of this world is left, no Redis either."""
        self.until(lambda: not self.family.pids(), "the end of every process", seconds=15)

    def connect_redis(self) -> redis.Redis:
        """Return a client of this world's Redis, the embedded one as it runs now."""
        url = self.redis_url or f"unix://{next(self.folder.glob('*/redis.sock'))}"
        return redis.Redis.from_url(url)

    def said(self, event: str) -> int:
        """Count an event in all logs."""
        return sum(
            path.read_text("utf-8", errors="replace").count(event)
            for path in self.folder.rglob("*.log")
        )

    def tell(self) -> str:
        """Return the living processes and the ends of all logs, for a failure's message."""
        told = ["--- processes", self.family.describe()]
        for path in sorted(self.folder.rglob("*.log")):
            lines = path.read_text("utf-8", errors="replace").splitlines()
            told += [f"--- {path.relative_to(self.folder)}", *lines[-TAIL_LINES:]]
        return "\n".join(told)
