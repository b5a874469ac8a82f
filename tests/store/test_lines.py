"""Lines for export: the same cells on both databases, block by block, in the file's order."""

from datetime import UTC, datetime

import pytest

from jobs.job import JobStatus
from jobs.store import Database, chunks, lines
from jobs.store.batches import Batch
from tests.store.making import claim, make_batch, outcome

COLUMNS = ("source_id", "status", "output", "cost_usd", "created_at", "reason_code")


@pytest.fixture
def batch(database: Database) -> Batch:
    """A batch with two rows done, one waiting, and two rejects."""
    made = make_batch(database, [2, 1], rejected=2)
    lease = claim(database)
    chunks.commit(database, lease, [outcome(job, JobStatus.DONE) for job in lease.jobs])
    return made


def test_cells_have_the_same_types_on_both_databases(database: Database, batch: Batch) -> None:
    """JSON is text, money a float, moments are UTC."""
    ((numbers, cells),) = lines.stream_columns(database, batch.batch_id, COLUMNS, "results")
    found = dict(zip(COLUMNS, cells, strict=True))
    assert list(numbers) == [1, 2, 3]
    assert list(found["status"]) == ["done", "done", "waiting"]
    assert found["output"][0].replace(" ", "") == '{"label":"refund"}'
    assert found["output"][2] is None
    assert list(found["cost_usd"]) == [7e-9, 7e-9, 0.0]
    assert all(isinstance(one, datetime) and one.tzinfo is UTC for one in found["created_at"])


@pytest.mark.parametrize(
    ("part", "numbers"), [("results", [1, 2, 3]), ("rejects", [4, 5]), ("records", [1, 2, 3, 4, 5])]
)
def test_parts_of_a_batch(
    database: Database, batch: Batch, part: lines.Part, numbers: list[int]
) -> None:
    """Jobs, rejects, or every record once; a reject says so where its status stands."""
    blocks = list(lines.stream_columns(database, batch.batch_id, COLUMNS, part))
    assert [number for found, _ in blocks for number in found] == numbers
    if part != "results":
        assert blocks[-1][1][1][-1] == "rejected"
        assert blocks[-1][1][5][-1] == "empty_text"
        assert blocks[-1][1][2][-1] is None


def test_blocks_are_bounded(
    database: Database, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more lines stand in memory than a block has; a batch without lines has no block."""
    monkeypatch.setattr(lines, "BLOCK_ROWS", 2)
    blocks = list(lines.stream_columns(database, batch.batch_id, ("status",), "records"))
    assert [list(numbers) for numbers, _ in blocks] == [[1, 2], [3, 4], [5]]
    assert list(lines.stream_columns(database, "none", ("status",), "records")) == []
