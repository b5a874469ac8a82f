"""Notifications: what a webhook is owed, committed with what it tells, told at least once.

A notification is first judged (its payload is made, and the alarms it gives rise to are owed as
well, in one transaction), then tried until the receiver takes it or it is given up. Without a
webhook nobody judges; what is old then is never told.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, func, insert, null, select, update

from jobs.store.database import Database, now
from jobs.tables import notifications

Event = Literal["closed", "failed", "alarm"]
NEWS_SECONDS: Final = 86_400.0
"""What is older than this is no news: a webhook set up today does not hear of last month."""
NOT_WANTED: Final = "not_wanted"


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing to be told; `payload` is None until it was judged."""

    notification_id: int
    event: Event
    alarm: str | None
    batch_id: str | None
    model_name: str | None
    payload: Mapping[str, Any] | None
    tries: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """What a notification says; without a payload it is not wanted."""

    payload: Mapping[str, Any] | None
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Notifications that were given up lately, and those that have failed so far."""

    given_up: int
    failing: int
    problem: str | None


def owe_end(connection: Connection, batch_ids: Collection[str], event: Event) -> None:
    """Owe the news that batches ended; part of the transaction that ends them."""
    for batch_id in batch_ids:
        connection.execute(insert(notifications).values(_fresh(event, batch_id=batch_id)))


def owe_worker_alarm(database: Database, model_name: str) -> None:
    """Owe the alarm that the worker of a model was given up."""
    with database.write() as connection:
        values = _fresh("alarm", alarm="worker_given_up", model_name=model_name)
        connection.execute(insert(notifications).values(values))


def _fresh(event: Event, **values: object) -> dict[str, Any]:
    return {"event": event, "tries": 0, "next_try_at": now(), "created_at": now(), **values}


def list_unjudged(database: Database) -> list[Notification]:
    """Return the news nobody has made a payload of yet, oldest first."""
    query = (
        _select()
        .where(notifications.c.payload.is_(null()), notifications.c.next_try_at.is_not(None))
        .where(notifications.c.created_at > now(plus_seconds=-NEWS_SECONDS))
    )
    with database.read() as connection:
        return [Notification(**row._mapping) for row in connection.execute(query)]


def judge(database: Database, notification: Notification, judged: Judged) -> None:
    """Write what a notification says and owe its alarms; done once, whoever else tries."""
    unwanted = {"next_try_at": None, "problem": NOT_WANTED}
    with database.write() as connection:
        written = connection.execute(
            update(notifications)
            .where(
                notifications.c.notification_id == notification.notification_id,
                notifications.c.payload.is_(null()),
                notifications.c.next_try_at.is_not(None),
            )
            .values(unwanted if judged.payload is None else {"payload": dict(judged.payload)})
        )
        if written.rowcount == 1:
            for alarm in judged.alarms:
                values = _fresh("alarm", alarm=alarm, batch_id=notification.batch_id)
                connection.execute(insert(notifications).values(values))


def claim_due(database: Database, hold_seconds: float) -> Notification | None:
    """Take the oldest judged notification that is due; nobody else tries it for some seconds."""
    due = notifications.c.payload.is_not(null()) & (notifications.c.next_try_at <= now())
    with database.read() as connection:
        ids = connection.scalars(_ids(due)).all()
    if not ids:
        return None
    with database.write() as connection:
        locked = connection.scalar(_ids(due).with_for_update(skip_locked=True))
        if locked is None:
            return None
        this = notifications.c.notification_id == locked
        connection.execute(
            update(notifications)
            .where(this)
            .values(tries=notifications.c.tries + 1, next_try_at=now(plus_seconds=hold_seconds))
        )
        return Notification(**connection.execute(_select().where(this)).one()._mapping)


def mark_sent(database: Database, notification: Notification) -> None:
    """Remember that the receiver took it."""
    _set(database, notification, next_try_at=None, sent_at=now(), problem=None)


def mark_failed(
    database: Database, notification: Notification, problem: str, again_seconds: float | None
) -> None:
    """Remember why a try failed, and when it is tried again; None gives it up."""
    if again_seconds is None:
        _set(database, notification, next_try_at=None, given_up_at=now(), problem=problem)
    else:
        after = now(plus_seconds=again_seconds)
        _set(database, notification, next_try_at=after, problem=problem)


def find_undelivered(database: Database, within_seconds: float) -> Undelivered:
    """Count what was given up lately or has failed so far; the newest problem of these."""
    given_up = notifications.c.given_up_at > now(plus_seconds=-within_seconds)
    failing = notifications.c.next_try_at.is_not(None) & notifications.c.problem.is_not(None)
    with database.read() as connection:
        counts = [
            connection.execute(
                select(func.count()).select_from(notifications).where(which)
            ).scalar_one()
            for which in (given_up, failing)
        ]
        problem = connection.scalar(
            select(notifications.c.problem)
            .where(given_up | failing)
            .order_by(notifications.c.notification_id.desc())
            .limit(1)
        )
    return Undelivered(counts[0], counts[1], problem)


def _set(database: Database, notification: Notification, **values: object) -> None:
    with database.write() as connection:
        connection.execute(
            update(notifications)
            .where(notifications.c.notification_id == notification.notification_id)
            .values(**values)
        )


def _ids(condition: Any) -> Any:
    return (
        select(notifications.c.notification_id)
        .where(condition)
        .order_by(notifications.c.notification_id)
        .limit(1)
    )


def _select() -> Any:
    columns: Sequence[Any] = [notifications.c[name] for name in Notification.__dataclass_fields__]
    return select(*columns).order_by(notifications.c.notification_id)
