"""Rows of one batch begin with different models, by how hard they are."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.errors import LeaseLost
from jobs.spec import GateSection, RouteSection, Spec
from jobs.store import Database, batches, chunks, loading, results
from jobs.store.batches import Batch
from jobs.submit import hand_in, submit
from tests.execute.executing import RATE, make_executor
from tests.store.making import WORKER, all_hints, assert_sound, make_spec, rows_of
from workers.engines.stub import StubEngine
from workers.execute import Executor
from workers.journal import Journal
from workers.settings import WorkerSection

LARGE = replace(WORKER, worker_id="w-large", model_name="large", model_hash="hash-large")
EASY = "where is my parcel"
HARD = "荷物はどこですか。" * 400
"""Its length and language give 4 points."""


@pytest.fixture
def large(journal: Journal) -> Iterator[StubEngine]:
    """The engine of the dearer tier."""
    made = StubEngine(journal, name="large")
    yield made
    made.close()


def two_tiers(complexity: int | None = None, mode: str = "keep_all") -> Spec:
    """The small spec with two local models."""
    return make_spec().model_copy(
        update={
            "route": RouteSection(tiers=("stub", "large"), complexity=complexity),
            "gate": GateSection.model_validate({"mode": mode}),
        }
    )


def load(database: Database, folder: Path, spec: Spec, count: int = 6) -> Batch:
    """Hand in a file whose every third row is hard."""
    path = folder / "rows.csv"
    rows = [f"r{n},{HARD if n % 3 == 0 else EASY},tokyo\n" for n in range(1, count + 1)]
    path.write_text(f"id,text,store\n{''.join(rows)}", encoding="utf-8")
    return submit(database, hand_in(path, spec), language="en", wait=lambda _: None)


def tiers_of(database: Database) -> list[int]:
    """The tiers of the jobs in the order of the file."""
    return [line["tier"] for line in rows_of(database, "SELECT tier FROM jobs ORDER BY row_number")]


def answer_all(database: Database, small: StubEngine, large: StubEngine) -> None:
    """Let both models answer what is owed, whichever they may."""
    both = (
        make_executor(database, small),
        Executor(database, large, LARGE, RATE, WorkerSection()),
    )
    while hints := all_hints(database):
        for hint in hints:
            for executor in both:
                executor.answer(hint)
    batches.close_finished(database)


def test_rows_begin_where_their_complexity_says(
    sqlite: Database, tmp_path: Path, engine: StubEngine, large: StubEngine
) -> None:
    """Easy rows are answered by the small model, hard ones by the large one at once."""
    batch = load(sqlite, tmp_path, two_tiers())
    assert tiers_of(sqlite) == [0, 0, 1, 0, 0, 1]
    assert chunks.needed_models(sqlite, batch.batch_id) == ["stub", "large"]
    answer_all(sqlite, engine, large)
    lines = list(results.stream_results(sqlite, batch.batch_id))
    assert [line["model"] for line in lines] == ["stub", "stub", "large"] * 2
    assert {line["status"] for line in lines} == {"done"}
    assert results.spent(sqlite, batch.batch_id).attempts == 6
    assert batches.pinned_models(sqlite, batch.batch_id) == {
        "stub": WORKER.model_hash,
        "large": LARGE.model_hash,
    }
    assert_sound(sqlite)


def test_the_attempt_says_why_a_row_began_there(
    sqlite: Database, tmp_path: Path, engine: StubEngine, large: StubEngine
) -> None:
    """Number, points and tier stand in the signals, also of the attempts that follow."""
    batch = load(sqlite, tmp_path, two_tiers(mode="escalate_all"), count=3)
    answer_all(sqlite, engine, large)
    easy, hard = (results.row_life(sqlite, batch.batch_id, row_number=n).attempts for n in (1, 3))
    assert [one["tier"] for one in easy] == [0, 1]
    assert [one["tier"] for one in hard] == [1]
    none = {"kind": 0, "labels": 0, "language": 0, "length": 0}
    for attempt in easy:
        assert attempt["signals"]["route"] == {"complexity": 0, "points": none, "start_tier": 0}
    points = {**none, "language": 1, "length": 4}
    told = {"complexity": 5, "points": points, "start_tier": 1}
    assert hard[0]["signals"]["route"] == told


@pytest.mark.parametrize(("complexity", "tier"), [(2, 0), (3, 1), (10, 1)])
def test_the_spec_may_fix_where_all_rows_begin(
    sqlite: Database, tmp_path: Path, complexity: int, tier: int
) -> None:
    """A number in the spec beats what the texts say."""
    batch = load(sqlite, tmp_path, two_tiers(complexity), count=3)
    assert tiers_of(sqlite) == [tier] * 3
    assert chunks.needed_models(sqlite, batch.batch_id) == [("stub", "large")[tier]]


def test_loading_that_was_broken_off_goes_on_with_the_same_starts(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that lost its lease between two steps changes no row's tier, and doubles none."""
    monkeypatch.setattr("jobs.submit.STEP_RECORDS", 2)
    add_rows, steps = loading.add_rows, iter(range(100))

    def lose_second(*arguments: object, **named: object) -> object:
        if next(steps) == 1:
            raise LeaseLost("load_lease_lost", batch="b")
        return add_rows(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(loading, "add_rows", lose_second)
    monkeypatch.setattr(loading, "LOAD_LEASE_SECONDS", -1.0)  # whoever comes next may take it
    load(sqlite, tmp_path, two_tiers(), count=9)
    assert tiers_of(sqlite) == [0, 0, 1] * 3
    of_chunk = "SELECT c.tier AS here, j.tier AS tier FROM jobs j JOIN chunks c USING (chunk_id)"
    assert all(line["here"] == line["tier"] for line in rows_of(sqlite, of_chunk))
    assert_sound(sqlite)
