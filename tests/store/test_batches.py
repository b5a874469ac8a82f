"""Batches: one for a file and a spec, found again by id, closed when nothing is left."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from jobs.errors import NotFoundError
from jobs.job import BatchStatus
from jobs.spec import restore_spec
from jobs.store import Database, batches
from jobs.store.database import now
from jobs.tables import batches as batch_table
from tests.store.making import (
    answer,
    assert_sound,
    claim,
    drive,
    make_batch,
    make_new,
    make_spec,
    rows_of,
)


def test_the_same_identity_is_the_same_batch(database: Database) -> None:
    """Handing in the same thing twice gives one batch with its tiers, once."""
    first = batches.create(database, make_new())
    assert batches.create(database, make_new()) == first
    assert (first.generation, first.status, first.records_read) == (0, BatchStatus.LOADING, 0)
    assert restore_spec(first.spec) == make_spec()
    assert first.spec_hash == make_spec().hash()
    assert rows_of(database, "SELECT tier, model_name, model_hash FROM tiers") == [
        {"tier": 0, "model_name": "stub", "model_hash": None}
    ]
    assert_sound(database)


def test_force_makes_a_new_generation(database: Database) -> None:
    """With force the same thing is a new batch, and from then on the newest one is found."""
    first = batches.create(database, make_new())
    second = batches.create(database, make_new(), force=True)
    assert (second.generation, second.identity) == (1, first.identity)
    assert second.batch_id != first.batch_id
    assert batches.create(database, make_new()) == second
    assert batches.find(database, "i1") == second


def test_the_newest_generation_wins_whatever_the_clock_says(database: Database) -> None:
    """A database clock that was set back does not bring an old generation up again."""
    first = batches.create(database, make_new())
    with database.write() as connection:
        connection.execute(update(batch_table).values(created_at=now(plus_seconds=3600)))
    second = batches.create(database, make_new(), force=True)
    assert second.batch_id != first.batch_id
    assert batches.find(database, "i1") == second


def test_two_at_once_make_one(database: Database) -> None:
    """Eight processes that hand in the same thing at once get the same batch."""
    together = threading.Barrier(8)

    def make(_: int) -> str:
        together.wait(30)
        return batches.create(database, make_new()).batch_id

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(make, range(8)))
    assert len(made) == 1
    assert len(rows_of(database, "SELECT * FROM batches")) == 1
    assert len(rows_of(database, "SELECT * FROM tiers")) == 1


def test_nothing_is_found_where_nothing_is(database: Database) -> None:
    """An unknown identity gives None, an unknown id an error, and no batch is listed."""
    assert batches.find(database, "i1") is None
    assert batches.list_recent(database) == []
    for batch_id in ("latest", "b00", "%"):
        with pytest.raises(NotFoundError) as caught:
            batches.get(database, batch_id)
        assert caught.value.code == "batch_not_found"


def test_a_batch_is_found_by_a_beginning(database: Database) -> None:
    """A unique beginning of an id is enough, `latest` is the newest, and signs are not wild."""
    first = make_batch(database, [1], "i1")
    second = make_batch(database, [1], "i2")
    shared = 0
    while first.batch_id[shared] == second.batch_id[shared]:
        shared += 1
    for batch in (first, second):
        assert batches.get(database, batch.batch_id) == batch
        assert batches.get(database, batch.batch_id[: shared + 1]) == batch
    with pytest.raises(NotFoundError) as caught:
        batches.get(database, first.batch_id[:shared])
    assert caught.value.code == "batch_ambiguous"
    for wild in ("%", "_" * 11):
        with pytest.raises(NotFoundError):
            batches.get(database, wild)
    assert batches.get(database, "latest").batch_id in (first.batch_id, second.batch_id)
    assert len(batches.list_recent(database)) == 2
    assert len(batches.list_recent(database, limit=1)) == 1


def test_only_what_is_finished_closes(database: Database) -> None:
    """A batch closes when its last chunk has ended, not before, and only once."""
    batch = make_batch(database, [1, 1])
    other = make_batch(database, [1], "i2")
    answer(database, claim(database))
    assert batches.close_finished(database) == []
    answer(database, claim(database))
    assert batches.close_finished(database) == [batch.batch_id]
    assert batches.close_finished(database) == []
    closed = batches.get(database, batch.batch_id)
    assert closed.status is BatchStatus.CLOSED
    assert closed.closed_at is not None
    assert batches.get(database, other.batch_id).status is BatchStatus.OPEN
    assert_sound(database)


def test_a_loading_batch_does_not_close(database: Database) -> None:
    """A batch without chunks whose file is still being read stays as it is."""
    batch = batches.create(database, make_new())
    assert batches.close_finished(database) == []
    assert batches.get(database, batch.batch_id).status is BatchStatus.LOADING


def test_the_pin_is_shown_by_model(database: Database) -> None:
    """After work the batch names the file that answered."""
    batch = make_batch(database, [1])
    drive(database)
    assert batches.pinned_models(database, batch.batch_id) == {"stub": "hash-a"}
