"""Many rows at once: what SQL holds afterwards is what was handed in, on both databases."""

from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from jobs.job import NewJob
from jobs.store import Database, batches, loading
from jobs.store.batches import Batch
from jobs.store.bulk import BLOCK_ROWS, insert_many
from jobs.store.loading import LoadLease
from jobs.tables import chunks, jobs
from jobs.texts import hash_text
from tests.store.making import assert_sound, make_new, make_rows, make_spec

ODD_TEXTS = (
    "\t",
    "\\",
    "\\N",
    "\\.",
    "a\nb\r\nc\rd",
    '"',
    "'",
    "東京\u2028𠮷",
    "x" * 70_000,
    "?1",
    "%s",
)


@pytest.fixture
def batch(database: Database) -> Batch:
    """A batch whose file has not been read."""
    return batches.create(database, make_new())


def load(database: Database, batch: Batch, *planned: tuple[NewJob, ...]) -> LoadLease:
    """Put one step into SQL."""
    lease = loading.claim_loading(database, batch.batch_id)
    assert lease is not None
    return loading.add_rows(
        database,
        lease,
        spec=make_spec(),
        planned=planned,
        rejected=[],
        records_read=sum(map(len, planned)),
    )


def read_jobs(database: Database) -> list[Any]:
    """Every job with its chunk, in the order of the file."""
    with database.read() as connection:
        joined = select(jobs, chunks.c.rows).join(chunks, chunks.c.chunk_id == jobs.c.chunk_id)
        return list(connection.execute(joined.order_by(jobs.c.row_number)))


def test_odd_values_come_back_as_they_were(database: Database, batch: Batch) -> None:
    """No text, id or attribute is taken for a separator, an escape or a parameter."""
    rows = tuple(
        NewJob(number, f"{number}{text}", text, {text: text, "store": ""}, 4)
        for number, text in enumerate(ODD_TEXTS, 1)
    )
    load(database, batch, rows)
    found = read_jobs(database)
    assert [(one.source_id, one.text, one.attributes) for one in found] == [
        (row.source_id, row.text, row.attributes) for row in rows
    ]
    assert [one.text_hash for one in found] == [hash_text(row.text) for row in rows]


def test_many_rows_stand_in_their_chunks(database: Database, batch: Batch) -> None:
    """Statements of many rows, and what is left of them, lose and double nothing."""
    sizes = (1, 700, BLOCK_ROWS, BLOCK_ROWS - 1, 128)
    planned, first = [], 1
    for size in sizes:
        planned.append(make_rows(first, size))
        first += size
    load(database, batch, *planned)
    found = read_jobs(database)
    assert [one.row_number for one in found] == list(range(1, first))
    assert [one.rows for one in found] == [size for size in sizes for _ in range(size)]
    assert len({one.created_at for one in found}) == 1
    assert {(one.status, one.tier, one.cost_nano_usd) for one in found} == {("waiting", 0, 0)}
    assert_sound(database)


def test_values_are_stored_as_by_single_inserts(database: Database, batch: Batch) -> None:
    """Times, days and JSON have the form that every other statement writes and compares."""
    load(database, batch, make_rows(1, 1))
    [one] = read_jobs(database)
    columns = [column.name for column in jobs.c if column.name != "job_id"]
    copied = {name: getattr(one, name) for name in columns} | {"row_number": 2, "source_id": "r2"}
    with database.write() as connection:
        connection.execute(insert(jobs).values(**copied))
        raw = connection.exec_driver_sql(
            "SELECT created_at, updated_at, reporting_day, attributes, text_hash, data_class"
            " FROM jobs ORDER BY row_number"
        ).all()
    assert raw[0] == raw[1]


def test_an_id_that_stands_twice_is_refused_whole(database: Database, batch: Batch) -> None:
    """The constraints hold for many rows at once too, and nothing of the statement stays."""
    first, second = make_rows(1, 2)
    twice = NewJob(3, first.source_id, "other", {}, 4)
    with pytest.raises(IntegrityError):
        load(database, batch, (first, second, twice))
    assert read_jobs(database) == []


def test_no_rows_are_no_statement(database: Database) -> None:
    """Nothing to insert is nothing done."""
    with database.write() as connection:
        insert_many(connection, jobs, {"batch_id": "b"}, ("text",), [])
