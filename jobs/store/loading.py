"""Loading: a file's rows enter SQL in small fenced transactions, with the file position."""

import os
import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, exists, insert, literal, or_, select, update

from jobs.errors import LeaseLost
from jobs.faults import trip
from jobs.job import BatchStatus, ChunkStatus, JobStatus, NewJob, NewReject, queue_name
from jobs.spec import Spec
from jobs.spec.zone import find_zone
from jobs.store import notifications
from jobs.store.database import Database, now
from jobs.store.workers import is_gone
from jobs.tables import batches, chunks, jobs, outbox, rejects
from jobs.texts import hash_text

LOAD_LEASE_SECONDS: Final = 60.0


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
    known: dict[str, str] = {}
    wanted = list(source_ids)
    with database.read() as connection:
        for start in range(0, len(wanted), 500):
            rows = connection.execute(
                select(jobs.c.source_id, jobs.c.text_hash).where(
                    jobs.c.batch_id == batch_id,
                    jobs.c.source_id.in_(wanted[start : start + 500]),
                )
            )
            known.update((row.source_id, row.text_hash) for row in rows)
    return known


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
        _fence_loading(connection, lease, records_read=records_read)
        # SQLite cannot tell the day in a time zone: it is that of the very moment that is written.
        read_at = connection.execute(select(now())).scalar_one()
        for chunk in planned:
            _add_chunk(connection, lease.batch_id, spec, chunk, read_at)
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


def _add_chunk(
    connection: Connection,
    batch_id: str,
    spec: Spec,
    rows: tuple[NewJob, ...],
    read_at: datetime,
) -> None:
    chunk_id = connection.scalar(
        insert(chunks)
        .values(
            batch_id=batch_id,
            tier=0,
            queue=queue_name(spec.route.tiers[0]),
            status=ChunkStatus.LOADING,
            alone=False,
            epoch=0,
            token=0,
            attempts=0,
            rows=len(rows),
            estimated_tokens=sum(row.estimated_tokens for row in rows),
            created_at=now(),
            updated_at=now(),
        )
        .returning(chunks.c.chunk_id)
    )
    connection.execute(
        insert(jobs).values(
            batch_id=batch_id,
            chunk_id=chunk_id,
            data_class=spec.policy.data_class,
            status=JobStatus.WAITING,
            tier=0,
            cost_nano_usd=0,
            created_at=read_at,
            updated_at=read_at,
            reporting_day=read_at.astimezone(find_zone(spec.timezone)).date(),
        ),
        [
            {
                "row_number": row.row_number,
                "source_id": row.source_id,
                "text": row.text,
                "text_hash": hash_text(row.text),
                "attributes": dict(row.attributes),
            }
            for row in rows
        ],
    )


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
