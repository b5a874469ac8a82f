"""Equal prompts are answered once: within a chunk, across chunks in work, and from before."""

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import ServiceError
from jobs.job import JobStatus
from jobs.spec import GateSection, Spec
from jobs.store import Database, answers, chunks, recovery, results
from jobs.store.batches import Batch
from tests.execute.executing import (
    PATIENCE_SECONDS,
    RATE,
    answer_owed,
    make_executor,
    run_aside,
)
from tests.store.making import (
    WORKER,
    all_hints,
    assert_sound,
    load_texts,
    rows_of,
    statuses,
)
from workers.engines.stub import StubEngine
from workers.execute import Executor
from workers.journal import Journal
from workers.settings import CacheSection, WorkerSection

CONTEXT = 128
LONG = " ".join(f"Sentence {n} of a row that is far too long." for n in range(60))
KINDS = "SELECT kind, cost_nano_usd, device_ms, prompt_tokens, label FROM attempts"


@pytest.fixture
def small(journal: Journal) -> Iterator[StubEngine]:
    """A stub that reads few words at once."""
    made = StubEngine(journal, context_tokens=CONTEXT)
    yield made
    made.close()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[StubEngine]:
    """A stub that hangs at a text with `held` until released."""
    with_journal = Journal(tmp_path / "held")
    made = StubEngine(with_journal, rows_per_step=1, hang_on="held")
    yield made
    made.release_hang()
    made.close()
    with_journal.close()


def kinds(database: Database, batch: Batch) -> list[str]:
    """How each attempt of a batch was made, in the order of the file."""
    lines = rows_of(
        database,
        "SELECT j.batch_id, a.kind FROM attempts a JOIN jobs j ON j.job_id = a.job_id"
        " ORDER BY j.batch_id, j.row_number, a.attempt_id",
    )
    return [line["kind"] for line in lines if line["batch_id"] == batch.batch_id]


def outputs(database: Database, batch: Batch) -> list[tuple[Any, ...]]:
    """What stands in the results, in the order of the file."""
    lines = results.stream_results(database, batch.batch_id)
    return [(line["output"], line["confidence"], line["status"]) for line in lines]


def test_equal_rows_of_a_chunk_are_computed_once(database: Database, engine: StubEngine) -> None:
    """The first is asked; the others cost nothing, say so, and have the same answer."""
    batch = load_texts(database, ["where is it", "money back", "where is it", "where is it"])
    answer_owed(database, engine)
    assert engine.counters().rows == 2
    assert kinds(database, batch) == ["local", "local", "cache", "cache"]
    first, _, third, fourth = outputs(database, batch)
    assert first == third == fourth
    taken = [line for line in rows_of(database, KINDS) if line["kind"] == "cache"]
    assert {(line["cost_nano_usd"], line["device_ms"]) for line in taken} == {(0, 0.0)}
    assert all(line["prompt_tokens"] for line in taken)
    assert results.count_cached(database, batch.batch_id) == 2
    spent = results.spent(database, batch.batch_id)
    assert spent.tokens == engine.counters().forwarded_tokens + 2
    assert_sound(database)


def test_half_of_a_file_repeated_costs_half(database: Database, engine: StubEngine) -> None:
    """Repeats spread over all chunks take nothing of the engine."""
    half = [f"text {n:02}" for n in range(30)]
    load_texts(database, half)
    answer_owed(database, engine)
    alone = engine.counters().forwarded_tokens
    texts = [f"word {n:02}" for n in range(30)]
    chunks_of = [[*texts[n : n + 5], *texts[25 - n : 30 - n]] for n in range(0, 30, 5)]
    load_texts(database, *chunks_of, identity="i2")
    answer_owed(database, engine)
    assert engine.counters().rows == 60
    assert engine.counters().forwarded_tokens == 2 * alone
    assert_sound(database)


def test_asked_again_tomorrow_it_costs_none(database: Database, engine: StubEngine) -> None:
    """A new batch with the same texts is answered without the engine, every row said as cached."""
    texts = [f"text {n}" for n in range(8)]
    today = load_texts(database, texts)
    answer_owed(database, engine)
    before = engine.counters()
    tomorrow = load_texts(database, texts, identity="i2")
    answer_owed(database, engine)
    assert engine.counters().forwarded_tokens == before.forwarded_tokens
    assert engine.counters().rows == before.rows
    assert outputs(database, today) == outputs(database, tomorrow)
    assert kinds(database, tomorrow) == ["cache"] * 8
    tally = results.tally(database, tomorrow.batch_id)
    assert (tally.done, tally.cost_nano_usd) == (8, 0)
    assert results.spent(database, tomorrow.batch_id).tokens == 0
    assert_sound(database)


def test_rows_from_the_cache_count_for_the_savings(database: Database, engine: StubEngine) -> None:
    """They are kept rows, measured with the tokens of the answer they were given."""
    load_texts(database, ["where is it"])
    answer_owed(database, engine)
    (alone,) = results.savings(database)
    load_texts(database, ["where is it"], identity="i2")
    answer_owed(database, engine)
    (both,) = results.savings(database)
    for name in ("rows", "kept", "measured_rows", "prompt_tokens", "answer_tokens"):
        assert both[name] == 2 * alone[name] > 0, name
    assert both["cost_usd"] == alone["cost_usd"]


def test_without_the_cache_every_row_is_asked(sqlite: Database, engine: StubEngine) -> None:
    """Equal ones too; and what they are answered is not kept for others."""
    load_texts(sqlite, ["where is it", "where is it"])
    answer_owed(sqlite, engine)
    kept = rows_of(sqlite, "SELECT * FROM answers")
    batch = load_texts(sqlite, ["where is it"] * 2, ["new"], identity="i2", use_cache=False)
    answer_owed(sqlite, engine)
    assert engine.counters().rows == 1 + 3
    assert kinds(sqlite, batch) == ["local"] * 3
    assert rows_of(sqlite, "SELECT * FROM answers") == kept


def test_a_cached_answer_is_judged_by_todays_gate(sqlite: Database, engine: StubEngine) -> None:
    """Only the model's answer is kept: another threshold decides anew."""
    load_texts(sqlite, ["where is it"])
    answer_owed(sqlite, engine)
    gate = GateSection(mode="threshold", threshold=1.0)
    strict = load_texts(
        sqlite,
        ["where is it"],
        identity="i2",
        change=lambda spec: spec.model_copy(update={"gate": gate}),
    )
    answer_owed(sqlite, engine)
    assert engine.counters().rows == 1
    assert (kinds(sqlite, strict), statuses(sqlite, strict)) == (["cache"], ["review"])


def test_another_file_is_asked_itself(
    sqlite: Database, engine: StubEngine, journal: Journal
) -> None:
    """What one model answered is no other's answer."""
    load_texts(sqlite, ["where is it"])
    answer_owed(sqlite, engine)
    other = StubEngine(journal, name="another file")
    batch = load_texts(sqlite, ["where is it"], identity="i2")
    answer_owed(sqlite, other)
    other.close()
    assert (other.counters().rows, kinds(sqlite, batch)) == (1, ["local"])


def test_answers_are_kept_no_longer_than_is_said(sqlite: Database, engine: StubEngine) -> None:
    """With 0 days nothing is kept and nothing taken; equal rows in flight are still one."""
    section = WorkerSection()
    executor = Executor(sqlite, engine, WORKER, RATE, section, cache=CacheSection(keep_days=0))
    for identity in ("i1", "i2"):
        load_texts(sqlite, ["where is it"] * 2, identity=identity)
        executor.answer(all_hints(sqlite)[0])
    assert engine.counters().rows == 2
    assert rows_of(sqlite, "SELECT * FROM answers") == []


def test_an_error_is_nobody_elses(sqlite: Database, small: StubEngine) -> None:
    """Every row without an answer was asked itself, and none of it is kept."""
    batch = load_texts(sqlite, [LONG] * 3)
    answer_owed(sqlite, small)
    assert kinds(sqlite, batch) == ["local"] * 3
    assert statuses(sqlite, batch) == ["review"] * 3
    assert small.counters().rows == 3
    assert rows_of(sqlite, "SELECT * FROM answers") == []


def splitting(spec: Spec) -> Spec:
    """The small spec with rows that may be split."""
    task = spec.task.model_copy(update={"long_input": "split"})
    return spec.model_copy(update={"task": task})


def test_long_rows_share_their_parts(sqlite: Database, small: StubEngine) -> None:
    """An equal long row, now or tomorrow, is merged from the same answers, without the engine."""
    today = load_texts(sqlite, [LONG, LONG], change=splitting)
    answer_owed(sqlite, small)
    assert kinds(sqlite, today) == ["local", "cache"]
    forwarded = small.counters().forwarded_tokens
    tomorrow = load_texts(sqlite, [LONG], identity="i2", change=splitting)
    answer_owed(sqlite, small)
    assert small.counters().forwarded_tokens == forwarded
    assert kinds(sqlite, tomorrow) == ["cache"]
    assert outputs(sqlite, tomorrow) == outputs(sqlite, today)[:1]
    assert_sound(sqlite)


def test_a_long_row_with_one_new_part_asks_for_that(sqlite: Database, small: StubEngine) -> None:
    """It was partly computed, so it is no cached row, and costs what was computed."""
    same, old, new = (
        [f"Here is sentence {word} {n} of a text." for n in range(7)] for word in "abc"
    )
    first, second = ("\n\n".join((" ".join(same), " ".join(other))) for other in (old, new))
    load_texts(sqlite, [first], change=splitting)
    answer_owed(sqlite, small)
    rows = small.counters().rows
    batch = load_texts(sqlite, [second], identity="i2", change=splitting)
    answer_owed(sqlite, small)
    assert small.counters().rows == rows + 2  # the whole, which is refused, and one part
    assert kinds(sqlite, batch) == ["local"]
    before, after = rows_of(sqlite, "SELECT signals, prompt_tokens FROM attempts ORDER BY job_id")
    assert json.loads(after["signals"])["parts"] == 2
    assert before["prompt_tokens"] == 2 * after["prompt_tokens"] > 0
    assert_sound(sqlite)


class Following:
    """Knows when a second chunk follows the first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, executor: Executor) -> None:
        self.followed = threading.Event()
        leaders = executor._leaders
        join = leaders.join

        def watch(key: str, asker: Any, deliver: Any) -> bool:
            leads = join(key, asker, deliver)
            if not leads:
                self.followed.set()
            return leads

        monkeypatch.setattr(leaders, "join", watch)


def start_two(
    database: Database, engine: StubEngine, monkeypatch: pytest.MonkeyPatch, **settings: float
) -> tuple[Executor, list[threading.Thread], list[list[BaseException]]]:
    """Let an executor work on two chunks; the second follows the first one's row at the engine."""
    executor = make_executor(database, engine, **settings)
    following = Following(monkeypatch, executor)
    first, second = all_hints(database)
    submitted = threading.Event()
    submit = engine.submit

    def watch(*arguments: Any, **options: Any) -> None:
        submit(*arguments, **options)
        submitted.set()

    monkeypatch.setattr(engine, "submit", watch)
    one, raised = run_aside(executor, first)
    assert submitted.wait(PATIENCE_SECONDS)
    two, also = run_aside(executor, second)
    assert following.followed.wait(PATIENCE_SECONDS)
    return executor, [one, two], [raised, also]


def finish(threads: Sequence[threading.Thread], raised: Sequence[list[BaseException]]) -> None:
    """Wait for all of them; nothing was raised."""
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
    assert [list(one) for one in raised] == [[]] * len(raised)


def test_chunks_in_work_share_a_leader(
    database: Database, held: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row of another chunk waits for the one at the engine and takes its answer."""
    batch = load_texts(database, ["held"], ["held", "own"])
    _, threads, raised = start_two(database, held, monkeypatch)
    held.release_hang()
    finish(threads, raised)
    assert held.counters().rows == 2
    assert kinds(database, batch) == ["local", "cache", "local"]
    assert_sound(database)


def test_a_leader_that_lost_its_lease_leaves_nobody_waiting(
    sqlite: Database, held: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer may not be written; the follower has it, or asks for itself."""
    batch = load_texts(sqlite, ["held"], ["held", "own"])
    _, threads, raised = start_two(sqlite, held, monkeypatch)
    chunk = rows_of(sqlite, "SELECT min(chunk_id) AS id FROM chunks")[0]["id"]
    with sqlite.write() as connection:
        chunks.free(connection, [chunk])
    held.release_hang()
    finish(threads, raised)
    assert statuses(sqlite, batch) == ["waiting", "done", "done"]
    answer_owed(sqlite, held)
    assert statuses(sqlite, batch) == ["done"] * 3
    assert_sound(sqlite)


def test_a_leader_whose_commit_fails_hands_on(
    sqlite: Database, held: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leader that ends before its answer comes is followed by the next asker."""
    batch = load_texts(sqlite, ["held"], ["held"])
    leader = rows_of(sqlite, "SELECT min(chunk_id) AS id FROM chunks")[0]["id"]
    failing = threading.Event()
    commit, submit = chunks.commit, held.submit
    asked: list[int] = []
    asked_twice = threading.Event()

    def fail(database: Database, lease: Any, outcomes: Any, kept: Any) -> None:
        if lease.chunk_id == leader and failing.is_set():
            raise ServiceError("database_fails", database="x", problem="y")
        commit(database, lease, outcomes, kept)

    def watch(prompts: Any, *arguments: Any, **options: Any) -> None:
        submit(prompts, *arguments, **options)
        asked.extend(prompt.key for prompt in prompts)
        if len(asked) == 2:
            asked_twice.set()

    monkeypatch.setattr(chunks, "commit", fail)
    monkeypatch.setattr(held, "submit", watch)
    _, threads, raised = start_two(sqlite, held, monkeypatch, lease_seconds=0.4)
    failing.set()
    assert asked_twice.wait(PATIENCE_SECONDS)
    held.release_hang()
    finish(threads, raised)
    assert len(set(asked)) == 2
    assert statuses(sqlite, batch) == ["running", "done"]
    failing.clear()
    recovery.recover_worker(sqlite, "w1")
    answer_owed(sqlite, held)
    assert statuses(sqlite, batch) == ["done"] * 2
    assert_sound(sqlite)


def test_a_stop_gives_followers_back(
    sqlite: Database, held: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that wait for a leader are given back at once, and answered by whoever comes next."""
    batch = load_texts(sqlite, ["held"], ["held", "held"])
    executor, threads, raised = start_two(sqlite, held, monkeypatch)
    executor.stop()
    finish(threads[1:], raised[1:])  # while the leader is at the engine still
    assert statuses(sqlite, batch)[1:] == ["waiting"] * 2
    held.release_hang()
    finish(threads, raised)
    answer_owed(sqlite, held)
    assert statuses(sqlite, batch) == [JobStatus.DONE] * 3
    assert_sound(sqlite)


def test_rows_alone_share_nothing(sqlite: Database, engine: StubEngine) -> None:
    """A row that may have killed a worker is asked itself, and its answer is not kept."""
    load_texts(sqlite, ["where is it"])
    answer_owed(sqlite, engine)
    kept = rows_of(sqlite, "SELECT * FROM answers")
    batch = load_texts(sqlite, ["where is it"], identity="i2")
    with sqlite.write() as connection:
        connection.exec_driver_sql("UPDATE chunks SET alone = 1 WHERE status = 'waiting'")
    answer_owed(sqlite, engine)
    assert (engine.counters().rows, kinds(sqlite, batch)) == (2, ["local"])
    assert rows_of(sqlite, "SELECT * FROM answers") == kept


def test_a_database_that_is_down_leaves_no_leader_behind(
    sqlite: Database, engine: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the look-up fails, the rows that led ask again later, and lead again."""
    batch = load_texts(sqlite, ["where is it"] * 2)

    def fail(*_: object, **__: object) -> None:
        raise ServiceError("database_fails", database="x", problem="y")

    executor = make_executor(sqlite, engine)
    with monkeypatch.context() as patched:
        patched.setattr(answers, "find", fail)
        executor.answer(all_hints(sqlite)[0])
    assert engine.counters().rows == 0
    recovery.recover_worker(sqlite, "w1")
    executor.answer(all_hints(sqlite)[0])
    assert statuses(sqlite, batch) == ["done"] * 2
    assert executor._leaders._leads == {}


def test_the_signals_are_those_of_the_answer(sqlite: Database, engine: StubEngine) -> None:
    """Margin, probabilities and where the confidence comes from are kept to the last digit."""
    load_texts(sqlite, ["where is it"])
    answer_owed(sqlite, engine)
    load_texts(sqlite, ["where is it"], identity="i2")
    answer_owed(sqlite, engine)
    first, second = rows_of(
        sqlite,
        "SELECT output, signals, confidence, confidence_source, verdict, model_hash FROM attempts"
        " ORDER BY attempt_id",
    )
    assert first == second
    assert json.loads(first["signals"])["probabilities"]
