"""Kept answers: found again by their key, gone with their row, and never too old or too many."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, update

from jobs.cache import KeptAnswer
from jobs.errors import LeaseLost
from jobs.store import Database, answers, batches, chunks
from jobs.store.database import now
from jobs.tables import answers as table
from jobs.tables import attempts, jobs, results
from tests.store.making import assert_sound, claim, make_batch, make_new, outcome, rows_of

PACKED = {"text": "返金", "scores": [["refund", 0.1 + 0.2]], "usage": [1, 2, 3]}
DAYS = 30


def keep(database: Database, *keys: str, packed: dict[str, Any] | None = None) -> list[int]:
    """Keep an answer under each key, each of another row; return the rows."""
    make_batch(database, [len(keys)], identity=keys[0])
    lease = claim(database)
    kept = [
        KeptAnswer(key, job.job_id, packed or PACKED)
        for key, job in zip(keys, lease.jobs, strict=True)
    ]
    chunks.commit(database, lease, [outcome(job) for job in lease.jobs], kept)
    return [job.job_id for job in lease.jobs]


def keys_of(database: Database) -> list[str]:
    """The keys that are there, the oldest first."""
    lines = rows_of(database, "SELECT cache_key FROM answers ORDER BY answer_id")
    return [line["cache_key"] for line in lines]


def age(database: Database, key: str, days: float) -> None:
    """Let an answer have been kept so many days ago."""
    with database.write() as connection:
        connection.execute(
            update(table)
            .where(table.c.cache_key == key)
            .values(created_at=now(plus_seconds=-days * answers.DAY_SECONDS))
        )


def test_what_was_kept_is_found(database: Database) -> None:
    """It comes back to the last digit; what is not there is left out."""
    keep(database, "a", "b")
    assert answers.find(database, ["a", "x"], keep_days=DAYS) == {"a": PACKED}
    assert answers.find(database, [], keep_days=DAYS) == {}
    many = [f"x{number}" for number in range(2 * answers.KEYS_PER_QUERY)]
    assert set(answers.find(database, [*many, "a", "b"], keep_days=DAYS)) == {"a", "b"}
    assert_sound(database)


def test_the_first_answer_stays(database: Database) -> None:
    """Two workers that computed the same at once agree on one."""
    keep(database, "a")
    keep(database, "b", "a", packed={"text": "other"})
    assert answers.find(database, ["a"], keep_days=DAYS) == {"a": PACKED}
    assert keys_of(database) == ["a", "b"]


def test_many_that_keep_the_same_at_once(database: Database) -> None:
    """Transactions with the same keys in any order wait for each other, never in a circle."""
    names = [f"k{number}" for number in range(30)]
    leases = []
    for worker in "abcd":
        make_batch(database, [len(names)], identity=worker)
        leases.append(claim(database))
    line = threading.Barrier(len(leases))

    def commit(number: int) -> None:
        lease = leases[number]
        order = names[7 * number :] + names[: 7 * number]
        order = order[::-1] if number % 2 else order
        pairs = zip(order, lease.jobs, strict=True)
        kept = [KeptAnswer(key, job.job_id, PACKED) for key, job in pairs]
        line.wait()
        chunks.commit(database, lease, [outcome(job) for job in lease.jobs], kept)

    with ThreadPoolExecutor(len(leases)) as pool:
        list(pool.map(commit, range(len(leases))))
    assert sorted(keys_of(database)) == sorted(names)
    assert_sound(database)


def test_a_lost_lease_keeps_nothing(database: Database) -> None:
    """An answer is there if, and only if, its row is committed."""
    make_batch(database, [1])
    lease = claim(database)
    job = lease.jobs[0]
    with pytest.raises(LeaseLost):
        chunks.commit(
            database,
            replace(lease, token=99),
            [outcome(job)],
            [KeptAnswer("a", job.job_id, PACKED)],
        )
    assert keys_of(database) == []


def test_old_answers_are_not_taken(database: Database) -> None:
    """Also before they are deleted; with 0 days nothing is."""
    keep(database, "a", "b")
    age(database, "a", DAYS + 0.01)
    age(database, "b", DAYS - 0.01)
    assert set(answers.find(database, ["a", "b"], keep_days=DAYS)) == {"b"}
    assert answers.find(database, ["a", "b"], keep_days=0) == {}


def test_an_answer_goes_with_its_row(database: Database) -> None:
    """A row that is erased leaves no answer behind; those of other rows stay."""
    first, _ = keep(database, "a", "b")
    with database.write() as connection:
        for of_row in (results, attempts, jobs):
            connection.execute(delete(of_row).where(of_row.c.job_id == first))
    assert keys_of(database) == ["b"]


def test_old_answers_are_deleted(database: Database) -> None:
    """Those older than the days that answers are kept."""
    keep(database, "a", "b", "c")
    age(database, "a", DAYS + 1)
    age(database, "b", DAYS + 1)
    assert answers.prune(database, max_rows=100, keep_days=DAYS) == 2
    assert keys_of(database) == ["c"]
    assert answers.prune(database, max_rows=100, keep_days=DAYS) == 0


def test_the_oldest_of_too_many_are_deleted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few at a time, so that no transaction is long."""
    assert answers.prune(database, max_rows=1, keep_days=DAYS) == 0
    keep(database, *"abcde")
    monkeypatch.setattr(answers, "PRUNE_ROWS", 2)
    gone = [answers.prune(database, max_rows=2, keep_days=DAYS) for _ in range(3)]
    assert gone == [2, 1, 0]
    assert keys_of(database) == ["d", "e"]


def test_a_batch_may_do_without(database: Database) -> None:
    """A lease says whether answers are shared; that can be ended while a batch is at work."""
    without = batches.create(database, replace(make_new("i9"), use_cache=False))
    found = rows_of(database, "SELECT batch_id, use_cache FROM batches")
    assert [(line["batch_id"], bool(line["use_cache"])) for line in found] == [
        (without.batch_id, False)
    ]
    batch = make_batch(database, [1, 1])
    assert claim(database).use_cache
    batches.stop_caching(database, batch.batch_id)
    assert not claim(database).use_cache
