"""Batches: created once for a file and a spec, found again, closed."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, exists, insert, select, update

from jobs.deadline import Deadline
from jobs.errors import IntegrityError, NotFoundError
from jobs.job import BatchStatus, ChunkStatus
from jobs.route import route_of
from jobs.spec import Spec
from jobs.store import deadlines, notifications
from jobs.store.database import Database, now, upsert
from jobs.tables import batches, chunks, tiers
from jobs.words import Language

READING_FAULTS: Final = frozenset(
    {
        "file_changed", "file_unreadable", "file_missing", "file_is_directory",
        "not_a_regular_file",
    }
)  # fmt: skip
"""File errors that say how reading went and nothing of the bytes."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """The facts of an input file: its bytes are its identity, its name is for people."""

    name: str
    path: str
    hash: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What is handed in. `identity` is the same for the same file bytes and canonical spec."""

    identity: str
    spec: Spec
    file: InputFile
    language: Language
    partial: bool
    use_cache: bool = True
    deadline: Deadline | None = None
    """None leaves the deadline of a batch that is there as it is."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it stands."""

    batch_id: str
    identity: str
    generation: int
    status: BatchStatus
    spec_name: str
    spec_hash: str
    spec: Mapping[str, Any]
    language: Language
    file_name: str
    file_path: str
    file_hash: str
    file_error: str | None
    file_error_reason: str | None
    partial: bool
    records_read: int
    created_at: datetime
    closed_at: datetime | None
    deadline_at: datetime | None = None

    @property
    def was_misread(self) -> bool:
        """Tell a batch that failed for its disk, not its file: handed in again it is read again."""
        return self.status is BatchStatus.FAILED and self.file_error in READING_FAULTS


def create(database: Database, new: NewBatch, *, force: bool = False) -> Batch:
    """Return the batch of this identity, creating it where there is none.

    With `force`, and after one that was misread, it is a new generation.
    """
    with database.write() as connection:
        newest = connection.execute(_select_newest(new.identity)).first()
        if newest is None or force or _as_batch(newest).was_misread:
            _insert(connection, new, generation=0 if newest is None else newest.generation + 1)
        found = connection.execute(_select_newest(new.identity)).first()
        if found is not None and new.deadline is not None:
            deadlines.set_deadline(connection, found.batch_id, new.deadline)
            found = connection.execute(_select_newest(new.identity)).first()
    if found is None:
        raise IntegrityError("batch_vanished", identity=new.identity)
    return _as_batch(found)


def _insert(connection: Connection, new: NewBatch, *, generation: int) -> None:
    """Insert a batch with its tiers, unless another process was faster."""
    batch_id = f"b{secrets.token_hex(5)}"
    statement = upsert(connection, batches).values(
        batch_id=batch_id,
        identity=new.identity,
        generation=generation,
        status=BatchStatus.LOADING,
        task=new.spec.task.kind,
        spec_name=new.spec.name,
        spec_hash=new.spec.hash(),
        spec=new.spec.canonical(),
        tags=dict(new.spec.tags),
        language=new.language,
        file_name=new.file.name,
        file_path=new.file.path,
        file_hash=new.file.hash,
        file_bytes=new.file.size_bytes,
        partial=new.partial,
        use_cache=new.use_cache,
        budget_nano_usd=route_of(new.spec).budget_nano_usd,
        cloud_nano_usd=0,
        records_read=0,
        load_token=0,
        created_at=now(),
        updated_at=now(),
    )
    # RETURNING, not rowcount: the drivers do not agree on the rowcount of an INSERT.
    made = statement.on_conflict_do_nothing().returning(batches.c.batch_id)
    if connection.scalar(made) is not None:
        connection.execute(
            insert(tiers),
            [
                {"batch_id": batch_id, "tier": tier, "model_name": name}
                for tier, name in enumerate(new.spec.route.tiers)
            ],
        )


def _select() -> Select[Any]:
    columns = [batches.c[name] for name in Batch.__dataclass_fields__]
    return select(*columns).order_by(batches.c.created_at.desc(), batches.c.generation.desc())


def _select_newest(identity: str) -> Select[Any]:
    """By generation alone: the database's clock may have been set back in between."""
    of_identity = _select().where(batches.c.identity == identity)
    return of_identity.order_by(None).order_by(batches.c.generation.desc()).limit(1)


def _as_batch(row: Row[Any]) -> Batch:
    return Batch(**{**row._mapping, "status": BatchStatus(row.status)})


def find(database: Database, identity: str) -> Batch | None:
    """Return the newest batch of this file and spec, None if there is none."""
    with database.read() as connection:
        row = connection.execute(_select_newest(identity)).first()
    return None if row is None else _as_batch(row)


def get(database: Database, batch_id: str) -> Batch:
    """Return a batch by its id or a unique beginning of it; `latest` is the newest of all."""
    if not batch_id:
        raise NotFoundError("batch_not_found", batch="''")
    query = _select()
    if batch_id != "latest":
        query = query.where(batches.c.batch_id.startswith(batch_id, autoescape=True))
    with database.read() as connection:
        rows = connection.execute(query.limit(2)).all()
    if not rows:
        raise NotFoundError("batch_not_found", batch=batch_id)
    if len(rows) > 1 and batch_id != "latest":
        raise NotFoundError("batch_ambiguous", batch=batch_id)
    return _as_batch(rows[0])


def list_recent(database: Database, limit: int = 20) -> list[Batch]:
    """Return the newest batches, newest first."""
    with database.read() as connection:
        return [_as_batch(row) for row in connection.execute(_select().limit(limit))]


def stop_caching(database: Database, batch_id: str) -> None:
    """Have the rows of a batch that are left answered by the model, each by itself."""
    with database.write() as connection:
        connection.execute(
            update(batches)
            .where(batches.c.batch_id == batch_id)
            .values(use_cache=False, updated_at=now())
        )


def close_finished(database: Database) -> list[str]:
    """Close every open batch without unfinished chunks, and owe the news; return their ids."""
    unfinished = exists().where(
        chunks.c.batch_id == batches.c.batch_id, chunks.c.status != ChunkStatus.FINISHED
    )
    ready = (batches.c.status == BatchStatus.OPEN) & ~unfinished
    with database.read() as connection:
        if connection.execute(select(batches.c.batch_id).where(ready).limit(1)).first() is None:
            return []
    with database.write() as connection:
        closed = connection.execute(
            update(batches)
            .where(ready)
            .values(status=BatchStatus.CLOSED, closed_at=now(), updated_at=now())
            .returning(batches.c.batch_id)
        )
        ids = [row.batch_id for row in closed]
        notifications.owe_end(connection, ids, "closed")
    return ids


def pinned_models(database: Database, batch_id: str) -> dict[str, str | None]:
    """Return model name -> hash of the file pinned to answer it (None until first claimed)."""
    with database.read() as connection:
        rows = connection.execute(
            select(tiers.c.model_name, tiers.c.model_hash).where(tiers.c.batch_id == batch_id)
        )
        return {row.model_name: row.model_hash for row in rows}
