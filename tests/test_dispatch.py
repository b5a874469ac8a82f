"""The dispatcher: sends what is owed within a window, sends again what got lost, frees, closes."""

from collections import Counter
from datetime import UTC, datetime
from threading import Event

import pytest
from sqlalchemy import update

from jobs.cache import KeptAnswer
from jobs.deadline import Deadline
from jobs.errors import ServiceError
from jobs.job import BatchStatus, Hint
from jobs.store import Database, batches, chunks, deadlines, outbox
from jobs.store.database import now
from jobs.tables import answers as answers_table
from jobs.tables import outbox as outbox_table
from tests.store.making import (
    all_hints,
    answer,
    assert_sound,
    claim,
    expire,
    make_batch,
    outcome,
    rows_of,
)
from workers.dispatch import PRUNE_SECONDS, Dispatcher, Tick
from workers.settings import CacheSection, DispatchSection


class FakeQueues:
    """Redis as the dispatcher sees it: messages taken, a depth, sometimes down."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Hint]] = []
        self.down = False
        self.waiting = 0

    def send(self, queue: str, hint: Hint) -> None:
        if self.down:
            raise ServiceError("redis_fails", redis="x", problem="y")
        self.sent.append((queue, hint))
        self.waiting += 1

    def depth(self, _queue: str) -> int:
        return self.waiting


@pytest.fixture
def queues() -> FakeQueues:
    """An empty Redis."""
    return FakeQueues()


def make(database: Database, queues: FakeQueues, window: int = 2) -> Dispatcher:
    """A dispatcher with a small window."""
    section = DispatchSection(window=window, tick_seconds=0.001, resend_seconds=10)
    return Dispatcher(database, queues, section)  # type: ignore[arg-type]


def age_messages(database: Database, seconds: float) -> None:
    """Let every sent message have been sent so long ago."""
    with database.write() as connection:
        connection.execute(
            update(outbox_table)
            .where(outbox_table.c.sent_at.is_not(None))
            .values(sent_at=now(plus_seconds=-seconds))
        )


def test_a_quiet_database_needs_nothing(database: Database, queues: FakeQueues) -> None:
    """A round without debts does nothing."""
    assert make(database, queues).tick() == Tick()
    assert queues.sent == []


def test_messages_go_out_within_the_window(database: Database, queues: FakeQueues) -> None:
    """Only as many messages are out as the window holds; claims make room for the next."""
    make_batch(database, [1] * 5)
    hints = all_hints(database)
    dispatcher = make(database, queues)
    assert dispatcher.tick().sent == 2
    assert dispatcher.tick().sent == 0
    assert queues.sent == [("local.stub", hint) for hint in hints[:2]]
    claim(database, hints[0])
    assert dispatcher.tick().sent == 1
    assert queues.sent[-1] == ("local.stub", hints[2])
    assert_sound(database)


def test_lost_messages_are_sent_again(database: Database, queues: FakeQueues) -> None:
    """When Redis lost everything, what is long unclaimed is sent once more, not what is fresh."""
    make_batch(database, [1, 1])
    dispatcher = make(database, queues)
    dispatcher.tick()
    age_messages(database, 11)
    assert dispatcher.tick().sent_again == 0  # they still wait in Redis
    queues.waiting = 0
    assert dispatcher.tick().sent_again == 2
    queues.waiting = 0
    assert dispatcher.tick().sent_again == 0
    assert Counter(hint for _, hint in queues.sent) == Counter(all_hints(database) * 2)


def test_dead_leases_are_freed_and_sent(database: Database, queues: FakeQueues) -> None:
    """A chunk whose worker died silently is freed and announced again in the same round."""
    make_batch(database, [1])
    dispatcher = make(database, queues)
    dispatcher.tick()
    lease = claim(database)
    expire(database, lease)
    assert dispatcher.tick() == Tick(sent=1, freed=1)
    assert queues.sent[-1] == ("local.stub", Hint(lease.chunk_id, 1))


def test_finished_batches_are_closed(database: Database, queues: FakeQueues) -> None:
    """The round after the last answer closes the batch and names it."""
    batch = make_batch(database, [1])
    dispatcher = make(database, queues)
    answer(database, claim(database))
    assert dispatcher.tick().closed == (batch.batch_id,)
    assert batches.get(database, batch.batch_id).status is BatchStatus.CLOSED


def test_a_deadline_ends_and_closes_in_one_round(database: Database, queues: FakeQueues) -> None:
    """The round after the deadline sends nothing more of the batch, and closes it."""
    batch = make_batch(database, [1, 1])
    dispatcher = make(database, queues)
    with database.write() as connection:
        past = Deadline(datetime(2020, 1, 1, tzinfo=UTC))
        deadlines.set_deadline(connection, batch.batch_id, past)
    assert dispatcher.tick() == Tick(closed=(batch.batch_id,))
    assert queues.sent == []
    assert_sound(database)


def test_what_redis_did_not_take_stays_owed(database: Database, queues: FakeQueues) -> None:
    """A message that failed to go out is not marked as sent."""
    make_batch(database, [1])
    queues.down = True
    with pytest.raises(ServiceError):
        make(database, queues).tick()
    assert len(outbox.unsent(database, "local.stub", 10)) == 1
    assert rows_of(database, "SELECT sends FROM outbox") == [{"sends": 0}]


def test_a_service_that_is_down_is_waited_out(sqlite: Database, queues: FakeQueues) -> None:
    """While Redis is down rounds go on, somebody is told, and the message goes out afterwards."""
    make_batch(sqlite, [1])
    queues.down = True
    told: list[bool] = []

    def mend() -> None:
        told.append(True)
        queues.down = False

    dispatcher = make(sqlite, queues)
    dispatcher.run(StopWhen(lambda: bool(queues.sent)), mend)
    assert told == [True]
    assert len(queues.sent) == 1
    dispatcher.check()


def test_an_unforeseen_end_is_not_silent(sqlite: Database, queues: FakeQueues) -> None:
    """An error of ours ends the rounds, and whoever waits for them hears of it."""
    make_batch(sqlite, [1])

    def explode(*_: object) -> None:
        raise KeyError

    queues.send = explode  # type: ignore[method-assign,assignment]
    dispatcher = make(sqlite, queues)
    dispatcher.run(StopWhen(lambda: False))
    with pytest.raises(KeyError):
        dispatcher.check()


def test_kept_answers_are_pruned_now_and_then(sqlite: Database, queues: FakeQueues) -> None:
    """At once and then every minute, in every round while there are more than one step deletes."""
    batch = make_batch(sqlite, [3])
    lease = claim(sqlite)
    kept = [KeptAnswer(f"k{job.job_id}", job.job_id, {}) for job in lease.jobs]
    chunks.commit(sqlite, lease, [outcome(job) for job in lease.jobs], kept)
    clock = [0.0]
    dispatcher = Dispatcher(
        sqlite,
        queues,  # type: ignore[arg-type]
        DispatchSection(),
        CacheSection(max_rows=2),
        monotonic=lambda: clock[0],
    )
    assert dispatcher.tick() == Tick(closed=(batch.batch_id,), pruned=1)
    with sqlite.write() as connection:
        connection.execute(update(answers_table).values(created_at=now(plus_seconds=-1e8)))
    assert dispatcher.tick().pruned == 0
    clock[0] = PRUNE_SECONDS
    assert [dispatcher.tick().pruned for _ in range(2)] == [2, 0]


class StopWhen(Event):
    """A stop that comes with a condition; a bound of rounds keeps a failing test short."""

    def __init__(self, condition: object, rounds: int = 1000) -> None:
        super().__init__()
        self._condition = condition
        self._rounds = rounds

    def wait(self, timeout: float | None = None) -> bool:
        self._rounds -= 1
        assert callable(self._condition)
        return self._rounds < 0 or bool(self._condition())
