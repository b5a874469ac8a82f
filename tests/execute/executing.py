"""Executors with a real store and the stub engine, for tests."""

import threading
from decimal import Decimal

import pytest

from jobs.cost import DeviceRate
from jobs.job import Hint
from jobs.store import Database, batches, chunks
from tests.store.making import WORKER, all_hints
from workers.engines.protocol import Engine
from workers.execute import Executor
from workers.settings import WorkerSection

RATE = DeviceRate(Decimal("3.6"), Decimal(0), Decimal(0))
PATIENCE_SECONDS = 60


def make_executor(database: Database, engine: Engine, **settings: float) -> Executor:
    """An executor of the test's worker; commits each row at once if told so."""
    section = WorkerSection.model_validate({"commit_rows": 1, **settings})
    return Executor(database, engine, WORKER, RATE, section)


def answer_owed(database: Database, engine: Engine) -> None:
    """Let an executor answer whatever is owed, chunk by chunk, and close what is finished."""
    executor = make_executor(database, engine, commit_rows=64)
    while hints := all_hints(database):
        executor.answer(hints[0])
    batches.close_finished(database)


class Commits:
    """Watches `chunks.commit` and acts at chosen ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.seen, self.renewed = threading.Event(), threading.Event()
        self.after = 1
        self._commit = chunks.commit
        monkeypatch.setattr(chunks, "commit", self)

    def __call__(self, *arguments: object) -> None:
        self._commit(*arguments)  # type: ignore[arg-type]
        self.sizes.append(len(arguments[2]))  # type: ignore[arg-type]
        if sum(self.sizes) >= self.after:
            self.seen.set()
        if self.sizes[-1] == 0:
            self.renewed.set()


def run_aside(executor: Executor, hint: Hint) -> tuple[threading.Thread, list[BaseException]]:
    """Let an executor work on a chunk in a thread; what it raised is in the list."""
    raised: list[BaseException] = []

    def work() -> None:
        try:
            executor.answer(hint)
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, raised
