"""The outbox: messages owed to Redis. A row lives until its chunk is claimed."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, tuple_, update

from jobs.store.database import Database, now
from jobs.tables import outbox


@dataclass(frozen=True, slots=True)
class Owed:
    """A message that is to be sent."""

    outbox_id: int
    chunk_id: int
    epoch: int
    queue: str


@dataclass(frozen=True, slots=True)
class QueueDebt:
    """How a queue stands: messages never sent, messages sent whose chunk is unclaimed."""

    queue: str
    unsent: int
    unclaimed: int


def debts(database: Database) -> list[QueueDebt]:
    """Return every queue that is owed a message."""
    query = select(
        outbox.c.queue,
        (func.count() - func.count(outbox.c.sent_at)).label("unsent"),
        func.count(outbox.c.sent_at).label("unclaimed"),
    ).group_by(outbox.c.queue)
    with database.read() as connection:
        return [QueueDebt(**row._mapping) for row in connection.execute(query)]


def unsent(database: Database, queue: str, limit: int) -> list[Owed]:
    """Return the oldest messages of a queue that were never sent."""
    return _select(database, queue, limit, outbox.c.sent_at.is_(None))


def stuck(database: Database, queue: str, limit: int, *, after_seconds: float) -> list[Owed]:
    """Return messages sent longer than `after_seconds` ago whose chunk nobody has claimed."""
    return _select(database, queue, limit, outbox.c.sent_at < now(plus_seconds=-after_seconds))


def _select(database: Database, queue: str, limit: int, condition: object) -> list[Owed]:
    query = (
        select(*(outbox.c[name] for name in Owed.__dataclass_fields__))
        .where(outbox.c.queue == queue, condition)  # type: ignore[arg-type]
        .order_by(outbox.c.outbox_id)
        .limit(limit)
    )
    with database.read() as connection:
        return [Owed(**row._mapping) for row in connection.execute(query)]


def mark_sent(database: Database, sent: Sequence[Owed]) -> None:
    """Remember that messages were handed to Redis; a chunk claimed meanwhile has none left.

    They are named by chunk and epoch, since SQLite gives the id of a deleted message again.
    """
    if not sent:
        return
    with database.write() as connection:
        connection.execute(
            update(outbox)
            .where(
                tuple_(outbox.c.chunk_id, outbox.c.epoch).in_(
                    [(owed.chunk_id, owed.epoch) for owed in sent]
                )
            )
            .values(sent_at=now(), sends=outbox.c.sends + 1)
        )
