"""The invariants see what they are there for: each broken one is found, by name."""

import pytest
from sqlalchemy import text

from jobs.store import Database, checks
from jobs.store.checks import INVARIANTS, Violation
from tests.store.making import answer, assert_sound, claim, make_batch

BREAK = {
    "record_is_job_and_reject": [
        "INSERT INTO rejects SELECT batch_id, 1, NULL, 'x', 'x', created_at FROM batches",
        "UPDATE batches SET records_read = records_read + 1",
    ],
    "record_is_neither": ["UPDATE batches SET records_read = records_read + 1"],
    "closed_with_open_rows": ["UPDATE batches SET status = 'closed'"],
    "done_without_result": ["DELETE FROM results"],
    "result_without_done": ["UPDATE jobs SET status = 'review' WHERE status = 'done'"],
    "cost_differs_from_attempts": ["UPDATE jobs SET cost_nano_usd = 1 WHERE status = 'waiting'"],
    "waiting_chunk_is_owed_nothing": ["DELETE FROM outbox"],
    "finished_chunk_with_open_rows": ["UPDATE chunks SET status = 'finished'"],
    "cached_attempt_that_cost": ["UPDATE attempts SET kind = 'cache'"],
}


@pytest.mark.parametrize("name", INVARIANTS)
def test_each_broken_invariant_is_found(database: Database, name: str) -> None:
    """A batch broken in one way breaks exactly that invariant, by one record."""
    make_batch(database, [1, 1])
    answer(database, claim(database))
    assert_sound(database)
    with database.write() as connection:
        for statement in BREAK[name]:
            connection.execute(text(statement))
    assert checks.find_violations(database) == [Violation(name, 1)]


def test_an_empty_database_is_sound(database: Database) -> None:
    """Where nothing is, nothing is wrong."""
    assert_sound(database)
