"""Evaluations: saved once, found again, listed for a comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select

from jobs.errors import NotFoundError
from jobs.store.database import Database, now, upsert
from jobs.tables import batches, evaluations, tiers


@dataclass(frozen=True, slots=True)
class NewEvaluation:
    """What is saved. `identity` is the same for the same batch measured in the same way."""

    identity: str
    batch_id: str
    spec_name: str
    spec_hash: str
    task: str
    file_name: str
    file_hash: str
    gold_column: str
    model_name: str
    model_hash: str
    prompt_hash: str
    rows: int
    metrics: Mapping[str, Any]
    scores: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Saved(NewEvaluation):
    """An evaluation as it was saved."""

    evaluation_id: int
    created_at: datetime


def save(database: Database, new: NewEvaluation) -> Saved:
    """Return the saved evaluation of this identity, adding it where there is none."""
    with database.write() as connection:
        values = {**asdict(new), "created_at": now()}
        added = upsert(connection, evaluations).values(**values).on_conflict_do_nothing()
        connection.execute(added)
        found = connection.execute(_select().where(evaluations.c.identity == new.identity)).one()
    return _as_saved(found)


def get(database: Database, evaluation_id: int) -> Saved:
    """Return a saved evaluation; raises NotFoundError."""
    with database.read() as connection:
        query = _select().where(evaluations.c.evaluation_id == evaluation_id)
        found = connection.execute(query).first()
    if found is None:
        raise NotFoundError("evaluation_not_found", evaluation=evaluation_id)
    return _as_saved(found)


def find_other(database: Database, than: Saved) -> Saved | None:
    """Return the latest other evaluation of the same file and gold column, if there is one."""
    same = (
        evaluations.c.file_hash == than.file_hash,
        evaluations.c.gold_column == than.gold_column,
        evaluations.c.task == than.task,
        evaluations.c.batch_id != than.batch_id,
    )
    newest = _select().where(*same).order_by(evaluations.c.evaluation_id.desc()).limit(1)
    with database.read() as connection:
        found = connection.execute(newest).first()
    return None if found is None else _as_saved(found)


def find_model_hash(database: Database, batch_id: str) -> str:
    """Return the hash of the file that answered a batch's first tier; empty if none did."""
    query = select(tiers.c.model_hash).where(tiers.c.batch_id == batch_id, tiers.c.tier == 0)
    with database.read() as connection:
        return connection.scalar(query) or ""


def find_seconds(database: Database, batch_id: str) -> float | None:
    """Return how long a batch was open, from its last row read to its end; None: not ended."""
    query = select(batches.c.opened_at, batches.c.closed_at).where(batches.c.batch_id == batch_id)
    with database.read() as connection:
        opened, closed = connection.execute(query).one()
    return None if opened is None or closed is None else float((closed - opened).total_seconds())


def _select() -> Select[Any]:
    return select(evaluations)


def _as_saved(row: Row[Any]) -> Saved:
    return Saved(**row._mapping)
