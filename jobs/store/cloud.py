"""Calls to a cloud: intent and reservation before them, settlement after, one transaction each.

A row's text leaves only between `begin` and one of `settle`, `release`, `lose`. A sender that
died in between leaves an intent behind: whoever holds the chunk next counts it as maybe paid.
A deadline may end a row while its call is under way: the money is settled all the same, and the
answer becomes an attempt of the row, which stays in review.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, insert, select, update

from jobs.errors import LeaseLost
from jobs.job import JobStatus, Lease, Outcome, RequestStatus, ReservationStatus
from jobs.store.chunks import fence
from jobs.store.database import Database, now
from jobs.store.outcomes import add_late_attempt, finish_if_empty, write_outcomes
from jobs.tables import audit_log, batches, cloud_requests, jobs, reservations

LOST_REPLIES_MAX: Final = 2
"""A row whose reply was lost is asked once more; after the second loss a person decides."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What is about to leave, for the audit log: never the text, only its salted hash."""

    job_id: int
    model: str
    actor: str
    destination: str
    text_hash: str
    reserved_nano_usd: int


@dataclass(frozen=True, slots=True)
class Request:
    """A call whose intent is committed; its money is reserved."""

    request_id: int
    job_id: int
    reserved_nano_usd: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing may be sent for this row; `code` says why."""

    code: str


def begin(database: Database, lease: Lease, sending: Sending) -> Request | Refused:
    """Commit the intent, the reservation and the audit row of a call, or refuse it.

    Refuses with `cloud_ambiguous` when replies were lost too often, `budget_exceeded` when the
    batch's hard cap would be passed, `policy_local_only` when the row may not leave. Raises
    LeaseLost.
    """
    with database.write() as connection:
        fence(connection, lease)
        bury_intents(connection, [sending.job_id])
        lost = connection.execute(
            select(func.count()).where(
                cloud_requests.c.job_id == sending.job_id,
                cloud_requests.c.status == RequestStatus.MAYBE_PAID,
            )
        ).scalar_one()
        if lost >= LOST_REPLIES_MAX:
            return Refused("cloud_ambiguous")
        job = connection.execute(
            select(jobs.c.data_class, jobs.c.batch_id).where(jobs.c.job_id == sending.job_id)
        ).one()
        if job.data_class != "open":
            return Refused("policy_local_only")
        if not _reserve(connection, job.batch_id, sending.reserved_nano_usd):
            return Refused("budget_exceeded")
        request_id = _insert_intent(connection, lease, sending, job.data_class)
        connection.execute(
            update(jobs)
            .where(jobs.c.job_id == sending.job_id)
            .values(status=JobStatus.IN_CLOUD, updated_at=now())
        )
    return Request(request_id, sending.job_id, sending.reserved_nano_usd)


def bury_intents(connection: Connection, job_ids: Sequence[int]) -> int:
    """Count the intents of dead senders as maybe paid; their money stays taken.

    They are locked first: the reply of one that was only slow may be coming at this moment.
    """
    dead = list(
        connection.scalars(
            select(cloud_requests.c.request_id)
            .where(
                cloud_requests.c.job_id.in_(job_ids),
                cloud_requests.c.status == RequestStatus.INTENT,
            )
            .order_by(cloud_requests.c.request_id)
            .with_for_update()
        )
    )
    for request_id in dead:
        _end(connection, request_id, RequestStatus.MAYBE_PAID, ReservationStatus.MAYBE_PAID)
    return len(dead)


def _reserve(connection: Connection, batch_id: str, nano_usd: int) -> bool:
    """Take money from the batch's budget in one conditional step; False if it is not there."""
    after = batches.c.cloud_nano_usd + nano_usd
    taken = connection.execute(
        update(batches)
        .where(batches.c.batch_id == batch_id, after <= batches.c.budget_nano_usd)
        .values(cloud_nano_usd=after)
    )
    return taken.rowcount == 1


def _insert_intent(connection: Connection, lease: Lease, sending: Sending, data_class: str) -> int:
    before = connection.execute(
        select(func.count()).where(cloud_requests.c.job_id == sending.job_id)
    ).scalar_one()
    request_id: int = connection.execute(
        insert(cloud_requests)
        .values(
            custom_id=f"{lease.batch_id}-{sending.job_id}-{before + 1}",
            batch_id=lease.batch_id,
            job_id=sending.job_id,
            data_class=data_class,
            token=lease.token,
            model=sending.model,
            mode="realtime",
            status=RequestStatus.INTENT,
            created_at=now(),
        )
        .returning(cloud_requests.c.request_id)
    ).scalar_one()
    connection.execute(
        insert(reservations).values(
            request_id=request_id,
            batch_id=lease.batch_id,
            status=ReservationStatus.HELD,
            reserved_nano_usd=sending.reserved_nano_usd,
            settled_nano_usd=0,
            created_at=now(),
        )
    )
    connection.execute(
        insert(audit_log).values(
            action="cloud_send",
            actor=sending.actor,
            batch_id=lease.batch_id,
            job_id=sending.job_id,
            request_id=request_id,
            destination=sending.destination,
            data_class=data_class,
            text_hash=sending.text_hash,
            created_at=now(),
        )
    )
    return request_id


def settle(
    database: Database,
    lease: Lease,
    request: Request,
    outcome: Outcome,
    *,
    provider_request_id: str | None,
) -> None:
    """Write the answer of a seen reply and its exact cost; give back what was reserved too much."""
    cost = outcome.attempt.cost_nano_usd
    with database.write() as connection:
        held = _is_held(connection, lease, request)
        _end(
            connection,
            request.request_id,
            RequestStatus.REPLIED,
            ReservationStatus.SETTLED,
            settled_nano_usd=cost,
            provider_request_id=provider_request_id,
        )
        _return_money(connection, lease.batch_id, request.reserved_nano_usd - cost)
        if held:
            write_outcomes(connection, lease, [outcome], before=JobStatus.IN_CLOUD)
            finish_if_empty(connection, [lease.chunk_id])
        else:
            add_late_attempt(connection, lease, outcome)


def _is_held(connection: Connection, lease: Lease, request: Request) -> bool:
    """Say whether the lease holds; if not, a deadline has ended the row while it was being asked.

    Raises LeaseLost when it is lost for any other reason: the call was counted as maybe paid, or
    will be.
    """
    try:
        fence(connection, lease)
    except LeaseLost:
        asked = (
            select(cloud_requests.c.request_id)
            .join(jobs, jobs.c.job_id == cloud_requests.c.job_id)
            .where(
                cloud_requests.c.request_id == request.request_id,
                cloud_requests.c.status == RequestStatus.INTENT,
                jobs.c.status == JobStatus.REVIEW,
            )
            .with_for_update()
        )
        if connection.execute(asked).first() is None:
            raise
        return False
    return True


def release(database: Database, lease: Lease, request: Request, *, problem: str) -> None:
    """Take back a call that was not charged; the row may be asked again."""
    with database.write() as connection:
        _is_held(connection, lease, request)
        _end(
            connection,
            request.request_id,
            RequestStatus.NOT_CHARGED,
            ReservationStatus.RELEASED,
            problem=problem,
        )
        _return_money(connection, lease.batch_id, request.reserved_nano_usd)
        _move_back(connection, request.job_id)


def lose(database: Database, lease: Lease, request: Request, *, problem: str) -> None:
    """Count a call whose reply was lost as maybe paid; its money stays taken."""
    with database.write() as connection:
        _is_held(connection, lease, request)
        _end(
            connection,
            request.request_id,
            RequestStatus.MAYBE_PAID,
            ReservationStatus.MAYBE_PAID,
            problem=problem,
        )
        _move_back(connection, request.job_id)


def to_review(
    database: Database, lease: Lease, job_ids: Sequence[int], *, code: str, words: str
) -> None:
    """Let rows that can not be asked wait for a person with the best answer they have.

    What a dead sender began for them is counted as maybe paid: nobody else will.
    """
    with database.write() as connection:
        fence(connection, lease)
        bury_intents(connection, job_ids)
        connection.execute(
            update(jobs)
            .where(
                jobs.c.job_id.in_(list(job_ids)),
                jobs.c.chunk_id == lease.chunk_id,
                jobs.c.status.in_((JobStatus.ESCALATED, JobStatus.IN_CLOUD)),
            )
            .values(
                status=JobStatus.REVIEW,
                obstacle_code=code,
                obstacle=words,
                updated_at=now(),
                finished_at=now(),
            )
        )
        finish_if_empty(connection, [lease.chunk_id])


def _end(
    connection: Connection,
    request_id: int,
    request: RequestStatus,
    reservation: ReservationStatus,
    *,
    settled_nano_usd: int = 0,
    provider_request_id: str | None = None,
    problem: str | None = None,
) -> None:
    connection.execute(
        update(cloud_requests)
        .where(cloud_requests.c.request_id == request_id)
        .values(
            status=request,
            provider_request_id=provider_request_id,
            problem=problem,
            ended_at=now(),
        )
    )
    connection.execute(
        update(reservations)
        .where(reservations.c.request_id == request_id)
        .values(status=reservation, settled_nano_usd=settled_nano_usd, ended_at=now())
    )


def _return_money(connection: Connection, batch_id: str, nano_usd: int) -> None:
    connection.execute(
        update(batches)
        .where(batches.c.batch_id == batch_id)
        .values(cloud_nano_usd=batches.c.cloud_nano_usd - nano_usd)
    )


def _move_back(connection: Connection, job_id: int) -> None:
    connection.execute(
        update(jobs)
        .where(jobs.c.job_id == job_id, jobs.c.status == JobStatus.IN_CLOUD)
        .values(status=JobStatus.ESCALATED, updated_at=now())
    )


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How a call ended; `problem` is the code of what went wrong."""

    request_id: int
    status: RequestStatus
    problem: str | None


def newest_end(database: Database, batch_id: str) -> CallEnd | None:
    """Return how the newest call of a batch that has ended did end."""
    columns = (cloud_requests.c.request_id, cloud_requests.c.status, cloud_requests.c.problem)
    with database.read() as connection:
        row = connection.execute(
            select(*columns)
            .where(
                cloud_requests.c.batch_id == batch_id,
                cloud_requests.c.status != RequestStatus.INTENT,
            )
            .order_by(cloud_requests.c.request_id.desc())
            .limit(1)
        ).first()
    if row is None:
        return None
    return CallEnd(row.request_id, RequestStatus(row.status), row.problem)
