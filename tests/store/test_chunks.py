"""Claims: one worker holds a chunk, on the database's clock, with the file that is pinned."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import update

from jobs.errors import LeaseLost
from jobs.job import BatchStatus, Hint
from jobs.store import Database, batches, chunks
from jobs.tables import batches as batch_table
from tests.store.making import (
    LEASE_SECONDS,
    WORKER,
    all_hints,
    answer,
    assert_sound,
    claim,
    expire,
    make_batch,
    other_worker,
    outcome,
    read_chunk,
    rows_of,
    statuses,
)


def test_a_claim_leases_the_rows(database: Database) -> None:
    """A claimed chunk brings its rows in order, the spec, and a token; its message is gone."""
    batch = make_batch(database, [3, 2])
    lease = claim(database)
    assert [job.source_id for job in lease.jobs] == ["r1", "r2", "r3"]
    assert [job.row_number for job in lease.jobs] == [1, 2, 3]
    assert lease.spec == batch.spec
    assert (lease.token, lease.language, lease.alone) == (1, "en", False)
    assert statuses(database, batch) == ["running"] * 3 + ["waiting"] * 2
    assert lease.chunk_id not in [hint.chunk_id for hint in all_hints(database)]
    assert_sound(database)


def test_only_one_of_many_gets_a_chunk(database: Database) -> None:
    """Of twelve claims at once exactly one gets the chunk, under one token."""
    make_batch(database, [2])
    hint = all_hints(database)[0]
    together = threading.Barrier(12)

    def ask(number: int) -> object:
        together.wait(30)
        worker = other_worker(worker_id=f"w{number}")
        return chunks.claim(database, hint, worker, LEASE_SECONDS)

    with ThreadPoolExecutor(12) as pool:
        got = [lease for lease in pool.map(ask, range(12)) if lease is not None]
    assert len(got) == 1
    assert read_chunk(database, hint.chunk_id)["token"] == 1
    assert_sound(database)


def test_a_stale_epoch_is_refused(database: Database) -> None:
    """A message of an older epoch gets nothing, the one of the new epoch does."""
    make_batch(database, [2])
    old = all_hints(database)[0]
    chunks.give_back(database, claim(database))
    assert chunks.claim(database, old, WORKER, LEASE_SECONDS) is None
    assert all_hints(database) == [Hint(old.chunk_id, old.epoch + 1)]
    assert claim(database).token == 2


def test_a_live_lease_is_refused(database: Database) -> None:
    """While a lease holds nobody else gets the chunk, and asking changes nothing."""
    make_batch(database, [2])
    lease = claim(database)
    before = read_chunk(database, lease.chunk_id)
    hint = Hint(lease.chunk_id, before["epoch"])
    assert chunks.claim(database, hint, other_worker(), LEASE_SECONDS) is None
    assert read_chunk(database, lease.chunk_id) == before


def test_an_expired_lease_is_taken_over(database: Database) -> None:
    """When a lease is over the same message gives the rows to the next, under a higher token."""
    make_batch(database, [2])
    first = claim(database)
    expire(database, first)
    second = claim(database, Hint(first.chunk_id, 0), other_worker())
    assert second.token == first.token + 1
    assert second.jobs == first.jobs
    assert read_chunk(database, first.chunk_id)["worker_id"] == "w2"
    assert read_chunk(database, first.chunk_id)["attempts"] == 2
    answer(database, second)
    assert_sound(database)


def test_a_late_commit_writes_nothing(database: Database) -> None:
    """A commit under an old token raises LeaseLost; no attempt, no result, no cost."""
    batch = make_batch(database, [2])
    late = claim(database)
    expire(database, late)
    claim(database, Hint(late.chunk_id, 0), other_worker())
    with pytest.raises(LeaseLost) as caught:
        answer(database, late)
    assert caught.value.params == {"chunk": late.chunk_id, "token": late.token}
    assert rows_of(database, "SELECT * FROM attempts") == []
    assert rows_of(database, "SELECT * FROM results") == []
    assert statuses(database, batch) == ["running", "running"]


def test_the_first_claim_pins_the_file(database: Database) -> None:
    """After the first claim a worker with another file of the model gets nothing of the batch."""
    batch = make_batch(database, [2, 2])
    assert batches.pinned_models(database, batch.batch_id) == {"stub": None}
    lease = claim(database)
    assert batches.pinned_models(database, batch.batch_id) == {"stub": "hash-a"}
    hint = all_hints(database)[0]
    before = read_chunk(database, hint.chunk_id)
    other = other_worker(model_hash="hash-b")
    assert chunks.claim(database, hint, other, LEASE_SECONDS) is None
    assert read_chunk(database, hint.chunk_id) == before
    assert all_hints(database) == [hint]
    answer(database, lease)
    answer(database, claim(database, hint, other_worker()))


def test_a_worker_of_another_model_is_refused(database: Database) -> None:
    """A worker gets no chunk of a tier that another model is to answer, and pins nothing."""
    batch = make_batch(database, [2])
    hint = all_hints(database)[0]
    other = other_worker(model_name="other")
    assert chunks.claim(database, hint, other, LEASE_SECONDS) is None
    assert batches.pinned_models(database, batch.batch_id) == {"stub": None}
    assert_sound(database)


def test_two_files_at_once_pin_one(database: Database) -> None:
    """Two workers with different files claim different chunks at once: one file is pinned."""
    make_batch(database, [1, 1])
    together = threading.Barrier(2)

    def ask(pair: tuple[Hint, str]) -> object:
        together.wait(30)
        worker = other_worker(worker_id=pair[1], model_hash=pair[1])
        return chunks.claim(database, pair[0], worker, LEASE_SECONDS)

    with ThreadPoolExecutor(2) as pool:
        pairs = zip(all_hints(database), ["hash-a", "hash-b"], strict=True)
        assert sum(lease is not None for lease in pool.map(ask, pairs)) == 1
    assert_sound(database)


@pytest.mark.parametrize("status", [BatchStatus.LOADING, BatchStatus.CANCELLED])
def test_only_an_open_batch_is_worked_on(database: Database, status: BatchStatus) -> None:
    """No chunk of a batch that is not open can be claimed."""
    make_batch(database, [2])
    hint = all_hints(database)[0]
    with database.write() as connection:
        connection.execute(update(batch_table).values(status=status))
    assert chunks.claim(database, hint, WORKER, LEASE_SECONDS) is None
    assert read_chunk(database, hint.chunk_id)["token"] == 0


def test_an_unknown_chunk_is_refused(database: Database) -> None:
    """A message for a chunk that is not there is ignored."""
    assert chunks.claim(database, Hint(99, 0), WORKER, LEASE_SECONDS) is None


def test_a_token_out_of_the_future_is_refused(database: Database) -> None:
    """The fence compares tokens for equality, not for order."""
    make_batch(database, [1])
    lease = claim(database)
    with pytest.raises(LeaseLost):
        chunks.commit(database, replace(lease, token=99), [outcome(lease.jobs[0])])
    assert rows_of(database, "SELECT * FROM attempts") == []
