"""Answers: what models said to prompts, kept for equal ones of later batches."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, func, or_, select

from jobs.cache import KeptAnswer
from jobs.store.database import Database, now, upsert
from jobs.tables import answers

KEYS_PER_QUERY: Final = 500
PRUNE_ROWS: Final = 1_000
"""How many answers one transaction looks at and deletes: a write lock is never held for long."""
DAY_SECONDS: Final = 86_400


def find(
    database: Database, cache_keys: Collection[str], *, keep_days: int
) -> dict[str, Mapping[str, Any]]:
    """Return cache key -> packed completion for those that are there and not too old."""
    wanted = list(cache_keys)
    found: dict[str, Mapping[str, Any]] = {}
    if not wanted or not keep_days:
        return found
    with database.read() as connection:
        for start in range(0, len(wanted), KEYS_PER_QUERY):
            rows = connection.execute(
                select(answers.c.cache_key, answers.c.completion).where(
                    answers.c.cache_key.in_(wanted[start : start + KEYS_PER_QUERY]),
                    answers.c.created_at > now(plus_seconds=-keep_days * DAY_SECONDS),
                )
            )
            found.update((row.cache_key, row.completion) for row in rows)
    return found


def write(connection: Connection, kept: Sequence[KeptAnswer]) -> None:
    """Keep answers in the transaction that writes their rows; one that is there stays."""
    if not kept:
        return
    # In one order, so that of two transactions with the same keys none waits for the other's.
    lines = [
        {"cache_key": one.cache_key, "job_id": one.job_id, "completion": dict(one.completion)}
        for one in sorted(kept, key=lambda one: one.cache_key)
    ]
    statement = upsert(connection, answers).values(created_at=now()).on_conflict_do_nothing()
    connection.execute(statement, lines)


def prune(database: Database, *, max_rows: int, keep_days: int) -> int:
    """Delete some of the oldest answers, if they are too old or too many; return how many.

    Less than `PRUNE_ROWS` means that nothing is left to be deleted.
    """
    with database.read() as connection:
        newest = connection.scalar(select(func.max(answers.c.answer_id)))
        if newest is None:
            return 0
        oldest = (
            select(answers.c.answer_id, answers.c.created_at)
            .order_by(answers.c.answer_id)
            .limit(PRUNE_ROWS)
            .subquery()
        )
        due = or_(
            oldest.c.answer_id <= newest - max_rows,
            oldest.c.created_at <= now(plus_seconds=-keep_days * DAY_SECONDS),
        )
        ids = list(connection.scalars(select(oldest.c.answer_id).where(due)))
    if not ids:
        return 0
    # Rows that another dispatcher is deleting are left to it.
    locked = (
        select(answers.c.answer_id)
        .where(answers.c.answer_id.in_(ids))
        .with_for_update(skip_locked=True)
    )
    with database.write() as connection:
        connection.execute(delete(answers).where(answers.c.answer_id.in_(locked)))
    return len(ids)
