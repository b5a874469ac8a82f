"""What people ask about a batch: counts, lines, reasons, one row's life; the same on both."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from jobs.errors import NotFoundError
from jobs.job import JobStatus
from jobs.store import Database, chunks, results
from jobs.store.batches import Batch
from tests.store.making import assert_sound, claim, drive, make_batch, outcome, rows_of


@pytest.fixture
def batch(database: Database) -> Batch:
    """A batch with a row done, one in review, one waiting, and two rejects."""
    made = make_batch(database, [2, 1], rejected=2)
    lease = claim(database)
    states = (JobStatus.DONE, JobStatus.REVIEW)
    done = [outcome(job, status) for job, status in zip(lease.jobs, states, strict=True)]
    chunks.commit(database, lease, done)
    return made


def test_a_tally_counts_every_record(database: Database, batch: Batch) -> None:
    """Each record of the file is counted once, rejects included, with the cost so far."""
    tally = results.tally(database, batch.batch_id)
    assert (tally.rows, tally.rejected, tally.waiting, tally.done, tally.review) == (5, 2, 1, 1, 1)
    assert (tally.running, tally.failed, tally.cancelled) == (0, 0, 0)
    assert tally.ended == 4
    assert tally.cost_nano_usd == 14
    assert results.tally(database, "none").rows == 0


def test_spent_sums_the_attempts(database: Database, batch: Batch) -> None:
    """Tokens are those forwarded, the shared prefix not counted again."""
    spent = results.spent(database, batch.batch_id)
    assert (spent.attempts, spent.tokens, spent.device_ms) == (2, 8, 3.0)
    assert results.spent(database, "none") == results.Spent(0, 0, 0.0)


def test_reasons_are_counted(database: Database, batch: Batch) -> None:
    """Reject reasons come with how often they occur."""
    assert results.count_reasons(database, batch.batch_id) == {"empty_text": 2}


def test_lines_have_the_same_types_on_both_databases(database: Database, batch: Batch) -> None:
    """JSON comes as data, times as UTC, and a row that is not done has no output."""
    done, review, waiting = results.stream_results(database, batch.batch_id)
    assert done["output"] == {"label": "refund"}
    assert (done["label"], done["suggested_output"], done["fields"]) == ("refund", None, None)
    assert done["attributes"] == {"store": "東京"}
    assert done["tags"] == {"team": "desk"}
    assert (done["confidence"], done["tier"], done["model"]) == (0.75, 0, "stub")
    assert Decimal(str(done["cost_usd"])) == Decimal("0.000000007")
    for name in ("created_at", "updated_at", "finished_at"):
        assert isinstance(done[name], datetime)
        assert done[name].utcoffset() == timedelta(0)
    assert (review["output"], review["suggested_output"]) == (None, {"label": "refund"})
    assert (waiting["status"], waiting["verdict"], waiting["finished_at"]) == (
        "waiting",
        None,
        None,
    )
    assert [line["row_number"] for line in (done, review, waiting)] == [1, 2, 3]


def test_rejects_come_in_the_order_of_the_file(database: Database, batch: Batch) -> None:
    """Every reject has its number, id, code and words."""
    lines = list(results.stream_rejects(database, batch.batch_id))
    assert [(line["row_number"], line["source_id"]) for line in lines] == [(4, "r4"), (5, "r5")]
    assert lines[0]["reason"] == "the text is empty"


def test_many_lines_are_streamed(database: Database) -> None:
    """More lines than one fetch holds all come, in order, and a reader may leave early."""
    batch = make_batch(database, [results.STREAM_ROWS, 7])
    numbers = [line["row_number"] for line in results.stream_results(database, batch.batch_id)]
    assert numbers == list(range(1, results.STREAM_ROWS + 8))
    stream = results.stream_results(database, batch.batch_id)
    assert next(stream)["row_number"] == 1
    stream.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("key", [{"row_number": 2}, {"source_id": "r2"}])
def test_a_rows_life(database: Database, batch: Batch, key: dict[str, object]) -> None:
    """A row is found by number or id, with its text and every attempt."""
    life = results.row_life(database, batch.batch_id, **key)  # type: ignore[arg-type]
    assert (life.row["row_number"], life.row["status"], life.text) == (2, "review", "text 2")
    (attempt,) = life.attempts
    assert attempt["signals"] == {"margin": 0.5}
    assert attempt["kind"] == "local"


def test_a_rejects_life(database: Database, batch: Batch) -> None:
    """A record that was no row is found too, without text or attempts."""
    life = results.row_life(database, batch.batch_id, row_number=4)
    assert (life.row["status"], life.row["reason_code"], life.text) == (
        "rejected",
        "empty_text",
        None,
    )
    assert life.attempts == ()


@pytest.mark.parametrize(
    "key",
    [
        {"row_number": 99},
        {"row_number": 0},
        {"row_number": -1},
        {"row_number": 10**30},
        {"source_id": "99"},
        {"source_id": ""},
    ],
)
def test_a_row_that_is_not_there(database: Database, batch: Batch, key: dict[str, object]) -> None:
    """A number or id that the batch has not is an error that names it."""
    with pytest.raises(NotFoundError) as caught:
        results.row_life(database, batch.batch_id, **key)  # type: ignore[arg-type]
    assert caught.value.params["row"] == next(iter(key.values()))


def test_latest_shows_each_row_of_a_spec_once(database: Database) -> None:
    """Of several batches of a spec the newest line of each id is shown."""
    first = make_batch(database, [2], "i1")
    second = make_batch(database, [1], "i2")
    drive(database)
    lines = rows_of(database, "SELECT source_id, batch_id FROM fct_results_latest ORDER BY 1")
    assert [line["source_id"] for line in lines] == ["r1", "r2"]
    assert lines[1]["batch_id"] == first.batch_id
    with_times = rows_of(database, "SELECT batch_id, created_at FROM jobs WHERE source_id = 'r1'")
    newest = max(with_times, key=lambda line: (str(line["created_at"]), line["batch_id"]))
    assert lines[0]["batch_id"] == newest["batch_id"]
    assert second.batch_id in {line["batch_id"] for line in with_times}
    assert_sound(database)
