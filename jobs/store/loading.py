"""Loading: a file's rows enter SQL in small fenced transactions, with the file position."""

import json
import os
import socket
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any, Final

from sqlalchemy import Connection, exists, insert, literal, or_, select, text, update

from jobs.errors import LeaseLost
from jobs.faults import trip
from jobs.job import BatchStatus, ChunkStatus, JobStatus, NewJob, NewReject, queue_name
from jobs.spec import Spec
from jobs.spec.zone import find_zone
from jobs.store import notifications
from jobs.store.bulk import Line, insert_many
from jobs.store.database import Database, now
from jobs.store.workers import is_gone
from jobs.tables import batches, chunks, jobs, outbox, rejects
from jobs.texts import hash_text

LOAD_LEASE_SECONDS: Final = 60.0
LOAD_CACHE_KIB: Final = 65_536
USUAL_CACHE_KIB: Final = 2_000  # SQLite's own
OWN_COLUMNS: Final = ("chunk_id", "row_number", "source_id", "text", "text_hash", "attributes")
# Both make the planner look up each id: it has no statistics of a batch that is being loaded.
KNOWN: Final = {
    "sqlite": "SELECT j.source_id, j.text_hash FROM json_each(:wanted) AS w CROSS JOIN jobs AS j"
    " WHERE j.batch_id = :batch_id AND j.source_id = w.value",
    "postgresql": "SELECT j.source_id, j.text_hash"
    " FROM unnest(CAST(:wanted AS text[])) AS w (source_id), LATERAL (SELECT source_id, text_hash"
    " FROM jobs WHERE batch_id = :batch_id AND source_id = w.source_id LIMIT 1) AS j",
}


@dataclass(frozen=True, slots=True)
class LoadLease:
    """The right to load a batch; `records_read` records are in SQL already."""

    batch_id: str
    token: int
    records_read: int


def claim_loading(database: Database, batch_id: str) -> LoadLease | None:
    """Take the right to load a batch; None while another process holds it or it is loaded.

    A process of this machine that has ended holds it no longer, whatever its lease says.
    """
    this = batches.c.batch_id == batch_id
    with database.write() as connection:
        held = connection.execute(
            select(batches.c.load_token, batches.c.load_host, batches.c.load_pid).where(this)
        ).one()
        gone = held.load_host is not None and is_gone(held.load_host, held.load_pid)
        free = or_(
            batches.c.load_lease_until.is_(None),
            batches.c.load_lease_until < now(),
            (batches.c.load_token == held.load_token) & gone,
        )
        row = connection.execute(
            update(batches)
            .where(this, batches.c.status == BatchStatus.LOADING, free)
            .values(
                load_host=socket.gethostname(),
                load_pid=os.getpid(),
                load_token=batches.c.load_token + 1,
                load_lease_until=now(plus_seconds=LOAD_LEASE_SECONDS),
                updated_at=now(),
            )
            .returning(batches.c.load_token, batches.c.records_read)
        ).one_or_none()
    return None if row is None else LoadLease(batch_id, row.load_token, row.records_read)


def known_texts(database: Database, batch_id: str, source_ids: Collection[str]) -> dict[str, str]:
    """Return source_id -> text hash for those ids that the batch has already."""
    wanted: object = list(source_ids)
    if database.dialect == "sqlite":
        wanted = json.dumps(wanted, ensure_ascii=False)
    query = text(KNOWN[database.dialect])
    with database.read() as connection:
        rows = connection.execute(query, {"batch_id": batch_id, "wanted": wanted})
        return {row.source_id: row.text_hash for row in rows}


def add_rows(
    database: Database,
    lease: LoadLease,
    *,
    spec: Spec,
    planned: Sequence[tuple[NewJob, ...]],
    rejected: Sequence[NewReject],
    records_read: int,
) -> LoadLease:
    """Put one step of a file into SQL with its position; raises LeaseLost if another loads."""
    with database.write() as connection:
        _size_cache(connection, LOAD_CACHE_KIB)
        _fence_loading(connection, lease, records_read=records_read)
        if planned:
            chunk_ids = _add_chunks(connection, lease.batch_id, spec, planned)
            _add_jobs(connection, lease.batch_id, spec, zip(chunk_ids, planned, strict=True))
        if rejected:
            connection.execute(
                insert(rejects).values(batch_id=lease.batch_id, created_at=now()),
                [
                    {
                        "row_number": reject.row_number,
                        "source_id": reject.source_id,
                        "reason_code": reject.reason_code,
                        "reason": reject.reason,
                    }
                    for reject in rejected
                ],
            )
    trip("after_load_step")
    return LoadLease(lease.batch_id, lease.token, records_read)


def _size_cache(connection: Connection, kib: int) -> None:
    """Let SQLite keep so much of the file in memory: many rows touch the indexes everywhere."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA cache_size = -{kib}")


def _fence_loading(connection: Connection, lease: LoadLease, **values: Any) -> None:
    held = connection.execute(
        update(batches)
        .where(
            batches.c.batch_id == lease.batch_id,
            batches.c.load_token == lease.token,
            batches.c.status == BatchStatus.LOADING,
        )
        .values(load_lease_until=now(plus_seconds=LOAD_LEASE_SECONDS), updated_at=now(), **values)
    )
    if held.rowcount != 1:
        raise LeaseLost("load_lease_lost", batch=lease.batch_id)


def _add_chunks(
    connection: Connection, batch_id: str, spec: Spec, planned: Sequence[Sequence[NewJob]]
) -> list[int]:
    """Insert the chunks, each at the tier its rows begin with; return their ids in order."""
    made = connection.scalars(
        insert(chunks)
        .values(
            batch_id=batch_id,
            status=ChunkStatus.LOADING,
            alone=False,
            epoch=0,
            token=0,
            attempts=0,
            created_at=now(),
            updated_at=now(),
        )
        .returning(chunks.c.chunk_id, sort_by_parameter_order=True),
        [
            {
                "tier": rows[0].start_tier,
                "queue": queue_name(spec.route.tiers[rows[0].start_tier]),
                "rows": len(rows),
                "estimated_tokens": sum(row.estimated_tokens for row in rows),
            }
            for rows in planned
        ],
    )
    return list(made)


def _add_jobs(
    connection: Connection,
    batch_id: str,
    spec: Spec,
    planned: Iterable[tuple[int, Sequence[NewJob]]],
) -> None:
    # SQLite cannot tell the day in a time zone: it is that of the very moment that is written.
    read_at = connection.execute(select(now())).scalar_one()
    shared = {
        "batch_id": batch_id,
        "data_class": spec.policy.data_class,
        "status": JobStatus.WAITING.value,
        "cost_nano_usd": 0,
        "created_at": read_at,
        "updated_at": read_at,
        "reporting_day": read_at.astimezone(find_zone(spec.timezone)).date(),
    }
    lines: dict[int, list[Line]] = {}
    for chunk_id, rows in planned:
        lines.setdefault(rows[0].start_tier, []).extend(
            (
                chunk_id,
                row.row_number,
                row.source_id,
                row.text,
                row.text_hash or hash_text(row.text),
                _write_attributes(row.attributes),
            )
            for row in rows
        )
    for tier, of_tier in lines.items():
        insert_many(connection, jobs, {**shared, "tier": tier}, OWN_COLUMNS, of_tier)


def _write_attributes(attributes: Mapping[str, str]) -> str:
    """Return a JSON object as the database's serializer writes it, in a fraction of the time."""
    pairs = [
        f"{encode_basestring(name)}:{encode_basestring(of)}" for name, of in attributes.items()
    ]
    return f"{{{','.join(pairs)}}}"


def finish_loading(
    database: Database,
    lease: LoadLease,
    *,
    file_error: str | None,
    partial: bool,
    file_error_reason: str | None = None,
) -> BatchStatus:
    """Open a batch and owe its messages, or fail it and cancel its rows if its file is broken."""
    broken = file_error is not None and not partial
    with database.write() as connection:
        _size_cache(connection, USUAL_CACHE_KIB)
        _fence_loading(
            connection,
            lease,
            file_error=file_error,
            file_error_reason=file_error_reason,
            partial=partial,
        )
        of_batch = chunks.c.batch_id == lease.batch_id
        empty = not connection.scalar(select(exists().where(of_batch)))
        if broken:
            status = BatchStatus.FAILED
            connection.execute(
                update(jobs)
                .where(jobs.c.batch_id == lease.batch_id)
                .values(status=JobStatus.CANCELLED, updated_at=now(), finished_at=now())
            )
        else:
            status = BatchStatus.CLOSED if empty else BatchStatus.OPEN
            owed = select(chunks.c.chunk_id, chunks.c.epoch, chunks.c.queue, literal(0), now())
            connection.execute(
                insert(outbox).from_select(
                    ["chunk_id", "epoch", "queue", "sends", "created_at"], owed.where(of_batch)
                )
            )
        after = ChunkStatus.FINISHED if broken else ChunkStatus.WAITING
        connection.execute(update(chunks).where(of_batch).values(status=after, updated_at=now()))
        ended = now() if status is not BatchStatus.OPEN else None
        if status is not BatchStatus.OPEN:
            notifications.owe_end(connection, [lease.batch_id], "failed" if broken else "closed")
        connection.execute(
            update(batches)
            .where(batches.c.batch_id == lease.batch_id)
            .values(status=status, opened_at=now(), closed_at=ended, load_lease_until=None)
        )
    trip("after_submit_commit")
    return status
