"""Loading: a file's rows enter SQL step by step, resumable anywhere, by one process at a time."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from jobs.errors import LeaseLost
from jobs.job import BatchStatus, Hint
from jobs.spec import RouteSection
from jobs.store import Database, batches, loading
from jobs.store.batches import Batch
from jobs.store.database import now
from jobs.store.loading import LoadLease
from jobs.tables import batches as batch_table
from tests.store.making import (
    all_hints,
    assert_sound,
    drive,
    make_new,
    make_reject,
    make_rows,
    make_spec,
    rows_of,
    statuses,
)


@pytest.fixture
def batch(database: Database) -> Batch:
    """A batch whose file has not been read."""
    return batches.create(database, make_new())


def take(database: Database, batch: Batch) -> LoadLease:
    """Take the right to load."""
    lease = loading.claim_loading(database, batch.batch_id)
    assert lease is not None
    return lease


def add(database: Database, lease: LoadLease, first: int, count: int, bad: int = 0) -> LoadLease:
    """Put one step of `count` rows and `bad` rejects into SQL."""
    return loading.add_rows(
        database,
        lease,
        spec=make_spec(),
        planned=[make_rows(first, count)] if count else [],
        rejected=[make_reject(number) for number in range(first + count, first + count + bad)],
        records_read=lease.records_read + count + bad,
    )


def expire_loading(database: Database) -> None:
    """Let the loading process be given up, without waiting."""
    with database.write() as connection:
        connection.execute(update(batch_table).values(load_lease_until=now(plus_seconds=-1)))


def test_one_process_loads(database: Database, batch: Batch) -> None:
    """While one process loads nobody else may; when it is given up the next one may."""
    first = take(database, batch)
    assert loading.claim_loading(database, batch.batch_id) is None
    expire_loading(database)
    second = take(database, batch)
    assert (first.token, second.token, second.records_read) == (1, 2, 0)


def test_a_second_loader_fences_the_first(database: Database, batch: Batch) -> None:
    """A loader that was given up can write no step and can not finish."""
    first = take(database, batch)
    first = add(database, first, 1, 2)
    expire_loading(database)
    second = take(database, batch)
    with pytest.raises(LeaseLost, match="load_lease_lost"):
        add(database, first, 3, 2)
    with pytest.raises(LeaseLost):
        loading.finish_loading(database, first, file_error=None, partial=False)
    assert len(rows_of(database, "SELECT * FROM jobs")) == 2
    second = add(database, second, 3, 2)
    loading.finish_loading(database, second, file_error=None, partial=False)
    assert_sound(database)


@pytest.mark.parametrize("steps_before", [0, 1, 2, 3])
def test_loading_goes_on_where_it_stopped(
    database: Database, batch: Batch, steps_before: int
) -> None:
    """A loader that dies after any step is followed by one that goes on at its position."""
    lease = take(database, batch)
    for step in range(steps_before):
        lease = add(database, lease, 1 + 4 * step, 3, bad=1)
        assert_sound(database)
        assert all_hints(database) == []
    expire_loading(database)
    lease = take(database, batch)
    assert lease.records_read == 4 * steps_before
    for step in range(steps_before, 3):
        lease = add(database, lease, 1 + 4 * step, 3, bad=1)
    assert loading.finish_loading(database, lease, file_error=None, partial=False) == "open"
    assert batches.get(database, batch.batch_id).records_read == 12
    assert len(all_hints(database)) == 3
    assert_sound(database)
    drive(database)
    assert statuses(database, batch) == ["done"] * 9
    assert_sound(database)


def test_the_last_step_opens_the_batch(database: Database, batch: Batch) -> None:
    """Opening owes one message for each chunk and ends the right to load."""
    lease = add(database, take(database, batch), 1, 2)
    lease = add(database, lease, 3, 1)
    loading.finish_loading(database, lease, file_error=None, partial=False)
    chunks = rows_of(database, "SELECT * FROM chunks ORDER BY chunk_id")
    assert [chunk["status"] for chunk in chunks] == ["waiting", "waiting"]
    assert [chunk["rows"] for chunk in chunks] == [2, 1]
    assert [chunk["queue"] for chunk in chunks] == ["local.stub"] * 2
    assert all_hints(database) == [Hint(chunk["chunk_id"], 0) for chunk in chunks]
    assert loading.claim_loading(database, batch.batch_id) is None
    assert_sound(database)


def test_opening_twice_is_impossible(database: Database, batch: Batch) -> None:
    """A batch that is open can not be finished again, not even under the same lease."""
    lease = add(database, take(database, batch), 1, 2)
    loading.finish_loading(database, lease, file_error=None, partial=False)
    with pytest.raises(LeaseLost):
        loading.finish_loading(database, lease, file_error=None, partial=False)
    assert len(all_hints(database)) == 1


def test_a_broken_file_fails_its_batch(database: Database, batch: Batch) -> None:
    """Without partial the good rows of a broken file are cancelled and no message is owed."""
    lease = add(database, take(database, batch), 1, 2, bad=1)
    status = loading.finish_loading(database, lease, file_error="unclosed_quote", partial=False)
    failed = batches.get(database, batch.batch_id)
    assert status is failed.status is BatchStatus.FAILED
    assert failed.file_error == "unclosed_quote"
    assert failed.closed_at is not None
    assert statuses(database, batch) == ["cancelled", "cancelled"]
    assert all_hints(database) == []
    assert batches.close_finished(database) == []
    assert_sound(database)


def test_partial_keeps_the_good_rows(database: Database, batch: Batch) -> None:
    """With partial the good rows of a broken file are worked on, and its error is kept."""
    lease = add(database, take(database, batch), 1, 2, bad=1)
    loading.finish_loading(database, lease, file_error="unclosed_quote", partial=True)
    kept = batches.get(database, batch.batch_id)
    assert (kept.status, kept.file_error, kept.partial) == ("open", "unclosed_quote", True)
    drive(database)
    assert batches.get(database, batch.batch_id).status is BatchStatus.CLOSED
    assert_sound(database)


@pytest.mark.parametrize(("bad", "file_error"), [(0, None), (2, None)])
def test_a_file_without_good_rows_closes_at_once(
    database: Database, batch: Batch, bad: int, file_error: str | None
) -> None:
    """When no record is a row there is nothing to wait for."""
    lease = add(database, take(database, batch), 1, 0, bad=bad)
    loading.finish_loading(database, lease, file_error=file_error, partial=False)
    closed = batches.get(database, batch.batch_id)
    assert closed.status is BatchStatus.CLOSED
    assert closed.closed_at is not None
    assert_sound(database)


def test_known_texts_are_those_of_the_batch(database: Database, batch: Batch) -> None:
    """Only ids that the batch has already are known, each with the hash of its text."""
    add(database, take(database, batch), 1, 3)
    other = batches.create(database, make_new("i2"))
    wanted = [f"r{number}" for number in range(3, 1200)]
    known = loading.known_texts(database, batch.batch_id, wanted)
    assert list(known) == ["r3"]
    assert len(known["r3"]) == 64
    assert loading.known_texts(database, other.batch_id, wanted) == {}
    assert loading.known_texts(database, batch.batch_id, []) == {}


def test_rows_keep_their_content(database: Database, batch: Batch) -> None:
    """Text, attributes and class of a row stand in SQL as they were read."""
    add(database, take(database, batch), 1, 1)
    (line,) = rows_of(database, "SELECT source_id, text, data_class, status FROM jobs")
    assert line == {
        "source_id": "r1",
        "text": "text 1",
        "data_class": "local_only",
        "status": "waiting",
    }


def test_chunks_begin_at_different_tiers(database: Database) -> None:
    """Chunk, queue and rows agree on the tier of each chunk, which is that of its rows."""
    route = RouteSection(tiers=("stub", "large"))
    new = make_new("i2", change=lambda spec: spec.model_copy(update={"route": route}))
    made = batches.create(database, new)
    hard = tuple(replace(row, start_tier=1) for row in make_rows(3, 3))
    lease = loading.add_rows(
        database,
        take(database, made),
        spec=new.spec,
        planned=[make_rows(1, 2), hard, make_rows(6, 1)],
        rejected=[],
        records_read=6,
    )
    loading.finish_loading(database, lease, file_error=None, partial=False)
    found = rows_of(
        database,
        "SELECT j.row_number, j.tier, c.tier AS of_chunk, o.queue FROM jobs j"
        " JOIN chunks c ON c.chunk_id = j.chunk_id JOIN outbox o ON o.chunk_id = c.chunk_id"
        " ORDER BY j.row_number",
    )
    assert [line["tier"] for line in found] == [0, 0, 1, 1, 1, 0]
    assert all(line["tier"] == line["of_chunk"] for line in found)
    assert [line["queue"] for line in found] == [
        f"local.{('stub', 'large')[line['tier']]}" for line in found
    ]
    assert_sound(database)
