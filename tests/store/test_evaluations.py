"""Saved evaluations: once each, found again, the other one of a pair."""

from dataclasses import asdict
from typing import Any

import pytest

from jobs.errors import NotFoundError
from jobs.store import Database, evaluations
from jobs.store.evaluations import NewEvaluation
from tests.store.filled import answer_all, labelled
from tests.store.making import make_batch


def make_new(batch_id: str, identity: str, **changes: Any) -> NewEvaluation:
    """An evaluation of a batch."""
    values: dict[str, Any] = {
        "identity": identity,
        "batch_id": batch_id,
        "spec_name": "small",
        "spec_hash": "a" * 64,
        "task": "classify",
        "file_name": "rows.csv",
        "file_hash": "f" * 64,
        "gold_column": "gold",
        "model_name": "stub",
        "model_hash": "",
        "prompt_hash": "c" * 64,
        "rows": 2,
        "metrics": {"figures": {"accuracy": {"value": 0.5}}},
        "scores": [["r1", 1.0, 1], ["r2", 0.0, 0]],
    }
    return NewEvaluation(**{**values, **changes})


def test_it_is_saved_once(database: Database) -> None:
    """The same identity is the same evaluation; it comes back as it was."""
    batch = make_batch(database, [2])
    new = make_new(batch.batch_id, "i1")
    first, again = evaluations.save(database, new), evaluations.save(database, new)
    assert first == again == evaluations.get(database, first.evaluation_id)
    kept = asdict(first)
    assert {name: kept[name] for name in asdict(new)} == asdict(new)


def test_the_other_of_a_pair(database: Database) -> None:
    """The latest of another batch, with the same file, gold column and task."""
    ids = [make_batch(database, [1], name).batch_id for name in ("one", "two", "three")]
    first, second = (
        evaluations.save(database, make_new(ids[number], f"i{number}")) for number in (0, 1)
    )
    evaluations.save(database, make_new(ids[2], "i2", gold_column="label"))
    again = evaluations.save(database, make_new(ids[1], "i3"))
    assert evaluations.find_other(database, first) == again
    assert evaluations.find_other(database, second) == first
    alone = evaluations.save(database, make_new(ids[0], "i4", file_hash="e" * 64))
    assert evaluations.find_other(database, alone) is None


def test_one_that_is_not_there(database: Database) -> None:
    """By its number."""
    with pytest.raises(NotFoundError) as caught:
        evaluations.get(database, 7)
    assert caught.value.code == "evaluation_not_found"


def test_facts_of_its_batch(database: Database) -> None:
    """The pinned file's hash, and the time from open to closed; neither before the end."""
    batch_id = make_batch(database, [2]).batch_id
    assert evaluations.find_seconds(database, batch_id) is None
    assert evaluations.find_model_hash(database, batch_id) == ""
    answer_all(database, lambda job: labelled(job, "refund"))
    assert (evaluations.find_seconds(database, batch_id) or 0) >= 0
    assert evaluations.find_model_hash(database, batch_id) == "hash-a"
