"""Rows that are too long for the engine: answered by parts, committed and given back as one."""

import json
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import EngineStopped, SpecError
from jobs.job import NewJob
from jobs.prompt import Completion, Prompt, Usage
from jobs.spec import Spec
from jobs.store import Database, chunks, recovery, results
from jobs.store.batches import Batch
from tests.execute.executing import PATIENCE_SECONDS, Commits, make_executor, run_aside
from tests.store import making
from tests.store.making import WORKER, all_hints, assert_sound, make_batch, rows_of, statuses
from workers.engines.stub import StubEngine
from workers.engines.thread import Ticket
from workers.journal import Journal

CONTEXT = 128
LONG = " ".join(f"Sentence {n} of a row that is far too long." for n in range(60))
Deliver = Callable[[Completion], None]


@pytest.fixture
def small(journal: Journal) -> Iterator[StubEngine]:
    """A stub that reads few words at once."""
    made = StubEngine(journal, context_tokens=CONTEXT)
    yield made
    made.close()


@pytest.fixture
def slow(journal: Journal) -> Iterator[StubEngine]:
    """One that answers a part a step and hangs in the middle of the long row until released."""
    made = StubEngine(journal, context_tokens=CONTEXT, rows_per_step=1, hang_on="Sentence 30")
    yield made
    made.release_hang()
    made.close()


class Watched:
    """Keeps what an engine was asked and what it answered."""

    def __init__(self, engine: StubEngine) -> None:
        self.prompts: list[Prompt] = []
        self.completions: list[Completion] = []
        self.alone: set[tuple[int, bool]] = set()
        self.withdrawn = threading.Event()
        self.part_answered = threading.Event()
        self._submit, self._withdraw = engine.submit, engine.withdraw
        engine.submit = self.submit  # type: ignore[method-assign,assignment] # prompts alone
        engine.withdraw = self.withdraw  # type: ignore[method-assign]

    def submit(
        self,
        prompts: Sequence[Prompt],
        deliver: Deliver,
        *,
        alone: bool = False,
        owner: object = None,
    ) -> None:
        def keep(completion: Completion) -> None:
            self.completions.append(completion)
            whole = sum(prompt.key == completion.key for prompt in self.prompts) == 1
            if completion.error is None and not whole:
                self.part_answered.set()
            deliver(completion)

        self.prompts += prompts
        self.alone |= {(prompt.key, alone) for prompt in prompts}
        self._submit(prompts, keep, alone=alone, owner=owner)

    def withdraw(self, keys: Collection[int], *, owner: object = None) -> None:
        self._withdraw(keys, owner=owner)
        self.withdrawn.set()


def splitting(spec: Spec) -> Spec:
    """The small spec with rows that may be split."""
    task = spec.task.model_copy(update={"long_input": "split"})
    return spec.model_copy(update={"task": task})


def make_long(
    database: Database, monkeypatch: pytest.MonkeyPatch, change: Callable[[Spec], Spec] = splitting
) -> Batch:
    """A batch of three rows; the second is far too long."""

    def rows(first: int, count: int) -> tuple[NewJob, ...]:
        texts = ("short one", LONG, "short two")[:count]
        return tuple(NewJob(n, f"r{n}", text, {}, 4) for n, text in enumerate(texts, first))

    monkeypatch.setattr(making, "make_rows", rows)
    return make_batch(database, [3], change=change)


def attempts_of(database: Database, number: int) -> list[dict[str, Any]]:
    """The attempts at the row with this number, with the cost of its job."""
    jobs = rows_of(database, "SELECT job_id, row_number, cost_nano_usd AS job_cost FROM jobs")
    attempts = rows_of(database, "SELECT * FROM attempts")
    costs = {job["job_id"]: job["job_cost"] for job in jobs if job["row_number"] == number}
    return [
        {**line, "job_cost": costs[line["job_id"]]} for line in attempts if line["job_id"] in costs
    ]


def test_a_long_row_is_answered_by_parts(
    sqlite: Database, small: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has one attempt with the cost of all its parts; its neighbours are as ever."""
    batch = make_long(sqlite, monkeypatch)
    watched = Watched(small)
    make_executor(sqlite, small).answer(all_hints(sqlite)[0])
    assert statuses(sqlite, batch) == ["done"] * 3
    (attempt,) = attempts_of(sqlite, 2)
    parts = [
        completion
        for completion in watched.completions
        if completion.key == attempt["job_id"] and completion.error is None
    ]
    assert json.loads(attempt["signals"])["parts"] == len(parts) > 4
    usage = sum((completion.usage for completion in parts), Usage())
    assert (attempt["prompt_tokens"], attempt["shared_tokens"], attempt["output_tokens"]) == (
        usage.prompt_tokens,
        usage.shared_tokens,
        usage.output_tokens,
    )
    assert attempt["device_ms"] == pytest.approx(usage.device_ms)
    assert attempt["cost_nano_usd"] == attempt["job_cost"] == pytest.approx(usage.device_ms * 1000)
    line = list(results.stream_results(sqlite, batch.batch_id))[1]
    assert line["label"] in {"refund", "delivery"}
    for number, text in ((1, "short one"), (3, "short two")):
        (short,) = attempts_of(sqlite, number)
        assert "parts" not in json.loads(short["signals"])
        assert [prompt.text for prompt in watched.prompts if prompt.key == short["job_id"]] == [
            text
        ]
    assert_sound(sqlite)


def test_without_leave_it_is_refused(
    sqlite: Database, small: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default asks about a long row once and says why it has no answer."""
    batch = make_long(sqlite, monkeypatch, change=lambda spec: spec)
    watched = Watched(small)
    make_executor(sqlite, small).answer(all_hints(sqlite)[0])
    assert statuses(sqlite, batch) == ["done", "review", "done"]
    assert len(watched.prompts) == 3
    assert attempts_of(sqlite, 2)[0]["reason_code"] == "input_too_long"


def test_a_frame_that_leaves_no_room_ends_the_row(
    sqlite: Database, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where not even the smallest part fits, the row says so."""
    engine = StubEngine(journal, context_tokens=4)
    batch = make_long(sqlite, monkeypatch)
    make_executor(sqlite, engine).answer(all_hints(sqlite)[0])
    engine.close()
    assert statuses(sqlite, batch) == ["review"] * 3
    assert attempts_of(sqlite, 2)[0]["reason_code"] == "input_too_long"
    assert_sound(sqlite)


def test_a_stop_gives_a_row_back_whole(
    sqlite: Database,
    slow: StubEngine,
    small: StubEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What some parts have answered is not the row's; the next worker answers all of it."""
    batch = make_long(sqlite, monkeypatch)
    watched = Watched(slow)
    commits = Commits(monkeypatch)
    commits.after = 2
    executor = make_executor(sqlite, slow)
    thread, raised = run_aside(executor, all_hints(sqlite)[0])
    assert commits.seen.wait(PATIENCE_SECONDS)
    assert watched.part_answered.wait(PATIENCE_SECONDS)
    executor.stop()
    assert watched.withdrawn.wait(PATIENCE_SECONDS)
    slow.release_hang()
    thread.join(PATIENCE_SECONDS)
    assert raised == []
    assert statuses(sqlite, batch) == ["done", "waiting", "done"]
    assert attempts_of(sqlite, 2) == []
    answered = [one for one in watched.completions if one.error is None]
    assert len(answered) > 2  # parts of the long row, too
    (chunk,) = rows_of(sqlite, "SELECT status, attempts FROM chunks")
    assert chunk == {"status": "waiting", "attempts": 0}
    assert_sound(sqlite)
    make_executor(sqlite, small).answer(all_hints(sqlite)[0])
    assert statuses(sqlite, batch) == ["done"] * 3
    assert len(attempts_of(sqlite, 2)) == 1
    assert_sound(sqlite)


def test_the_lease_is_renewed_while_parts_are_at_work(
    sqlite: Database, slow: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long row does not lose its chunk though no row ends for long."""
    batch = make_long(sqlite, monkeypatch)
    commits = Commits(monkeypatch)
    thread, raised = run_aside(
        make_executor(sqlite, slow, lease_seconds=0.04), all_hints(sqlite)[0]
    )
    assert commits.renewed.wait(PATIENCE_SECONDS)
    slow.release_hang()
    thread.join(PATIENCE_SECONDS)
    assert raised == []
    assert statuses(sqlite, batch) == ["done"] * 3


def test_an_engine_that_ends_fails_no_long_row(
    sqlite: Database, slow: StubEngine, small: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row whose engine ends between its parts waits for another worker."""
    batch = make_long(sqlite, monkeypatch)
    commits = Commits(monkeypatch)
    commits.after = 2
    thread, raised = run_aside(make_executor(sqlite, slow), all_hints(sqlite)[0])
    assert commits.seen.wait(PATIENCE_SECONDS)
    closing = threading.Thread(target=slow.close)
    closing.start()
    assert slow._closing.wait(PATIENCE_SECONDS)
    slow.release_hang()
    closing.join(PATIENCE_SECONDS)
    thread.join(PATIENCE_SECONDS)
    assert [type(error) for error in raised] == [EngineStopped]
    recovery.recover_worker(sqlite, "w1")
    assert statuses(sqlite, batch) == ["done", "waiting", "done"]
    make_executor(sqlite, small).answer(all_hints(sqlite)[0])
    assert statuses(sqlite, batch) == ["done"] * 3
    assert_sound(sqlite)


class Failing(StubEngine):
    """Cannot answer one part."""

    def admit(self, tickets: Sequence[Ticket]) -> None:
        for ticket in tickets:
            if "Sentence 0 " in ticket.prompt.text and len(ticket.prompt.text) < 400:
                self.fail(ticket, "engine_failed")
            else:
                super().admit([ticket])


def test_a_part_that_fails_fails_the_row(
    sqlite: Database, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row has the part's reason, its other parts are taken back, its neighbours end well."""
    engine = Failing(journal, context_tokens=CONTEXT, rows_per_step=1)
    watched = Watched(engine)
    batch = make_long(sqlite, monkeypatch)
    make_executor(sqlite, engine).answer(all_hints(sqlite)[0])
    engine.close()
    assert statuses(sqlite, batch) == ["done", "failed", "done"]
    (attempt,) = attempts_of(sqlite, 2)
    assert attempt["reason_code"] == "engine_failed"
    assert watched.withdrawn.is_set()
    answered = [one for one in watched.completions if one.key == attempt["job_id"]]
    assert attempt["prompt_tokens"] == sum(one.usage.prompt_tokens for one in answered)
    assert_sound(sqlite)


def test_parts_that_the_engine_refuses_fail_the_row(
    sqlite: Database, small: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A constraint that only parts have ends the row with that reason, not the worker."""
    batch = make_long(sqlite, monkeypatch)
    submit = small.submit

    def refuse(prompts: Sequence[Prompt], deliver: Deliver, **options: Any) -> None:
        if len(prompts) == 1:
            raise SpecError("schema_unusable", problem="x")
        submit(prompts, deliver, **options)

    monkeypatch.setattr(small, "submit", refuse)
    make_executor(sqlite, small).answer(all_hints(sqlite)[0])
    assert statuses(sqlite, batch) == ["done", "failed", "done"]
    assert attempts_of(sqlite, 2)[0]["reason_code"] == "schema_unusable"


def test_the_parts_of_a_lone_row_are_alone(
    sqlite: Database, small: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A suspect's parts never share a native step."""
    batch = make_long(sqlite, monkeypatch)
    lease = chunks.claim(sqlite, all_hints(sqlite)[0], WORKER, 60)
    assert lease is not None
    suspect = lease.jobs[1].job_id
    recovery.recover_worker(sqlite, "w1", [suspect], native_crash=True)
    watched = Watched(small)
    for hint in all_hints(sqlite):
        make_executor(sqlite, small).answer(hint)
    assert {alone for key, alone in watched.alone if key == suspect} == {True}
    assert {alone for key, alone in watched.alone if key != suspect} == {False}
    assert statuses(sqlite, batch) == ["done"] * 3
    assert_sound(sqlite)


def test_the_journal_names_a_row_once(tmp_path: Path) -> None:
    """Two parts of a row in one step are one suspect."""
    journal = Journal(tmp_path / "parts")
    journal.write([5, 3, 5])
    assert json.loads((tmp_path / "parts").read_bytes()) == [3, 5]
    journal.close()
