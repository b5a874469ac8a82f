"""Notifications: owed with what they tell, judged once, tried until taken or given up."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import update

from jobs.store import Database, batches, loading, notifications
from jobs.store.database import now
from jobs.store.notifications import Judged, Notification, Undelivered
from jobs.tables import notifications as table
from tests.store.making import drive, make_batch, make_new, rows_of


def change(database: Database, **values: object) -> None:
    """Let every notification stand otherwise than it does."""
    with database.write() as connection:
        connection.execute(update(table).values(**values))


def make_due(database: Database) -> Notification:
    """A judged notification that was claimed."""
    make_batch(database, [1])
    drive(database)
    (new,) = notifications.list_unjudged(database)
    notifications.judge(database, new, Judged({"text": "x"}))
    due = notifications.claim_due(database, 60)
    assert due is not None
    return due


def events(database: Database) -> list[tuple[str, str | None]]:
    """What is owed, in order."""
    found = rows_of(database, "SELECT event, alarm FROM notifications ORDER BY notification_id")
    return [(row["event"], row["alarm"]) for row in found]


def test_closing_owes_the_news_once(database: Database) -> None:
    """The transaction that closes a batch owes it; closing nothing owes nothing."""
    batch = make_batch(database, [1])
    assert events(database) == []
    drive(database)
    drive(database)
    assert events(database) == [("closed", None)]
    (new,) = notifications.list_unjudged(database)
    assert (new.batch_id, new.payload, new.tries) == (batch.batch_id, None, 0)


def test_a_broken_file_and_an_empty_one_are_news(database: Database) -> None:
    """A batch that fails while it loads, or has no rows, ends there and says so."""
    for identity, broken in (("i1", "unclosed_quote"), ("i2", None)):
        batch = batches.create(database, make_new(identity))
        lease = loading.claim_loading(database, batch.batch_id)
        assert lease is not None
        loading.finish_loading(database, lease, file_error=broken, partial=False)
    assert events(database) == [("failed", None), ("closed", None)]


def test_judging_owes_its_alarms_once(database: Database) -> None:
    """Whoever judges a second time changes nothing."""
    make_batch(database, [1])
    drive(database)
    (new,) = notifications.list_unjudged(database)
    for _ in range(2):
        notifications.judge(database, new, Judged({"text": "x"}, ("bad_rows", "deadline_hit")))
    assert events(database) == [("closed", None), ("alarm", "bad_rows"), ("alarm", "deadline_hit")]
    assert [one.alarm for one in notifications.list_unjudged(database)] == [
        "bad_rows",
        "deadline_hit",
    ]


def test_what_is_not_wanted_is_never_due(database: Database) -> None:
    """An event nobody asked for ends at once; its alarms do not."""
    make_batch(database, [1])
    drive(database)
    (new,) = notifications.list_unjudged(database)
    notifications.judge(database, new, Judged(None, ("bad_rows",)))
    assert notifications.claim_due(database, 60) is None
    assert [one.alarm for one in notifications.list_unjudged(database)] == ["bad_rows"]


def test_old_news_is_none(database: Database) -> None:
    """What happened long before there was a webhook is not told."""
    make_batch(database, [1])
    drive(database)
    change(database, created_at=now(plus_seconds=-100_000))
    assert notifications.list_unjudged(database) == []


def test_a_claimed_one_is_left_alone_until_its_time(database: Database) -> None:
    """Two notifiers do not post the same at once; a dead one's comes again."""
    due = make_due(database)
    assert (due.tries, due.payload) == (1, {"text": "x"})
    assert notifications.claim_due(database, 60) is None
    change(database, next_try_at=now(plus_seconds=-1))
    again = notifications.claim_due(database, 60)
    assert again is not None
    assert again.tries == 2


def test_taken_is_taken(database: Database) -> None:
    """What the receiver took is never due again."""
    due = make_due(database)
    notifications.mark_sent(database, due)
    assert notifications.claim_due(database, 0) is None
    assert notifications.find_undelivered(database, 3_600) == Undelivered(0, 0, None)


def test_failures_are_counted_and_given_up(database: Database) -> None:
    """A failed try waits for the next one; the last one gives up, and that is known for a while."""
    due = make_due(database)
    notifications.mark_failed(database, due, "http_500", 60)
    assert notifications.claim_due(database, 60) is None
    assert notifications.find_undelivered(database, 3_600) == Undelivered(0, 1, "http_500")
    notifications.mark_failed(database, due, "timeout", None)
    change(database, next_try_at=None)
    assert notifications.find_undelivered(database, 3_600) == Undelivered(1, 0, "timeout")
    change(database, given_up_at=now(plus_seconds=-7_200))
    assert notifications.find_undelivered(database, 3_600) == Undelivered(0, 0, None)


def test_a_worker_that_was_given_up_is_an_alarm(database: Database) -> None:
    """It concerns a model, and no batch."""
    notifications.owe_worker_alarm(database, "stub")
    (new,) = notifications.list_unjudged(database)
    assert (new.event, new.alarm, new.batch_id) == ("alarm", "worker_given_up", None)
    assert new.model_name == "stub"


def test_of_many_notifiers_one_judges_and_one_posts(database: Database) -> None:
    """However many look at once, alarms are owed once and each thing is claimed by one."""
    make_batch(database, [1])
    drive(database)
    (new,) = notifications.list_unjudged(database)
    judged = Judged({"text": "x"}, ("bad_rows",))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: notifications.judge(database, new, judged), range(4)))
        claimed = list(pool.map(lambda _: notifications.claim_due(database, 60), range(4)))
    assert events(database) == [("closed", None), ("alarm", "bad_rows")]
    assert [one is not None for one in claimed].count(True) == 1
