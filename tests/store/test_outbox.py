"""The outbox: what is owed to Redis, what was sent, what got stuck."""

import pytest
from sqlalchemy import update

from jobs.job import Hint
from jobs.store import Database, chunks, outbox
from jobs.store.database import now
from jobs.store.outbox import QueueDebt
from jobs.tables import outbox as outbox_table
from tests.store.making import all_hints, assert_sound, claim, make_batch, rows_of

QUEUE = "local.stub"


def test_nothing_is_owed_at_first(database: Database) -> None:
    """An empty database owes no queue anything."""
    assert outbox.debts(database) == []
    assert outbox.unsent(database, QUEUE, 10) == []
    outbox.mark_sent(database, [])


def test_an_open_batch_owes_each_chunk(database: Database) -> None:
    """Messages are owed in the order of the chunks, as many as asked for."""
    make_batch(database, [1, 1, 1])
    assert outbox.debts(database) == [QueueDebt(QUEUE, unsent=3, unclaimed=0)]
    owed = outbox.unsent(database, QUEUE, 2)
    assert [Hint(message.chunk_id, message.epoch) for message in owed] == all_hints(database)[:2]
    assert outbox.unsent(database, "local.other", 2) == []


def test_sent_messages_wait_for_a_claim(database: Database) -> None:
    """What was sent is not sent again at once, and vanishes when its chunk is claimed."""
    make_batch(database, [1, 1, 1])
    outbox.mark_sent(database, outbox.unsent(database, QUEUE, 2))
    assert outbox.debts(database) == [QueueDebt(QUEUE, unsent=1, unclaimed=2)]
    assert len(outbox.unsent(database, QUEUE, 10)) == 1
    claim(database)
    assert outbox.debts(database) == [QueueDebt(QUEUE, unsent=1, unclaimed=1)]
    assert_sound(database)


@pytest.mark.parametrize(("age_seconds", "stuck"), [(5.0, 0), (15.0, 1)])
def test_old_messages_are_stuck(database: Database, age_seconds: float, stuck: int) -> None:
    """A message sent longer ago than the limit, and never an unsent one, is stuck."""
    make_batch(database, [1, 1])
    outbox.mark_sent(database, outbox.unsent(database, QUEUE, 1))
    with database.write() as connection:
        connection.execute(
            update(outbox_table)
            .where(outbox_table.c.sent_at.is_not(None))
            .values(sent_at=now(plus_seconds=-age_seconds))
        )
    assert len(outbox.stuck(database, QUEUE, 10, after_seconds=10)) == stuck


def test_sending_again_counts(database: Database) -> None:
    """Each sending of a message is counted."""
    make_batch(database, [1])
    owed = outbox.unsent(database, QUEUE, 1)
    outbox.mark_sent(database, owed)
    outbox.mark_sent(database, owed)
    assert rows_of(database, "SELECT sends FROM outbox") == [{"sends": 2}]


def test_marking_after_the_claim_is_harmless(database: Database) -> None:
    """A chunk claimed between sending and marking has no message left, and none comes back."""
    make_batch(database, [1])
    owed = outbox.unsent(database, QUEUE, 1)
    lease = claim(database)
    outbox.mark_sent(database, owed)
    assert outbox.debts(database) == []
    chunks.give_back(database, lease)
    outbox.mark_sent(database, owed)
    assert outbox.debts(database) == [QueueDebt(QUEUE, unsent=1, unclaimed=0)]
    assert_sound(database)
