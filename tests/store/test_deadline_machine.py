"""Calls, deadlines and deaths in any order: the books balance and no call is forgotten."""

from datetime import UTC, datetime

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)
from sqlalchemy import update

from jobs.deadline import Deadline
from jobs.errors import LeaseLost
from jobs.job import Job, Lease
from jobs.store import Database, batches, budget, chunks, cloud, deadlines, recovery, review
from jobs.store.cloud import Request
from jobs.store.database import now
from jobs.tables import chunks as chunk_table
from tests.store.machine import Machine, run_machine
from tests.store.making import LEASE_SECONDS, assert_sound, expire, rows_of
from tests.store.sending import (
    RESERVED,
    SENDER,
    cloud_hints,
    cloud_outcome,
    make_escalated,
    sending,
    taken,
)

PAST = Deadline(datetime(2020, 1, 1, tzinfo=UTC))
COST = 321


class Calls(Machine):
    """Senders, lost leases, deadlines and resumes over one small batch at the cloud."""

    def __init__(self) -> None:
        super().__init__()
        self.leases: list[Lease] = []
        self.calls: dict[tuple[int, int, int], tuple[Lease, Job, Request]] = {}
        self.paid = 0

    @initialize(rows=st.integers(1, 3))
    def load(self, rows: int) -> None:
        """Some rows wait for the cloud."""
        self.batch_id = make_escalated(self.database, rows).batch.batch_id

    @rule()
    def claim(self) -> None:
        """A sender gets the message that is owed, if there is one."""
        for hint in cloud_hints(self.database)[:1]:
            lease = chunks.claim(self.database, hint, SENDER, LEASE_SECONDS)
            if lease is not None:
                self.leases.append(lease)

    @precondition(lambda self: self.leases)
    @rule(pick=st.integers(0, 9), row=st.integers(0, 2))
    def begin(self, pick: int, row: int) -> None:
        """A sender asks for one of its rows; under one lease a row is asked one call at a time."""
        lease = self.leases[pick % len(self.leases)]
        job = lease.jobs[row % len(lease.jobs)]
        key = (lease.chunk_id, lease.token, job.job_id)
        unended = "SELECT job_id FROM jobs WHERE status IN ('escalated', 'in_cloud')"
        left = {line["job_id"] for line in rows_of(self.database, unended)}
        if key in self.calls or job.job_id not in left:
            return
        try:
            begun = cloud.begin(self.database, lease, sending(job))
        except LeaseLost:
            return
        if isinstance(begun, Request):
            self.calls[key] = (lease, job, begun)

    @precondition(lambda self: self.calls)
    @rule(pick=st.integers(0, 9), how=st.sampled_from(("settle", "release", "lose")))
    def end(self, pick: int, how: str) -> None:
        """A call comes to its end, under its lease or long after."""
        key = sorted(self.calls)[pick % len(self.calls)]
        lease, job, request = self.calls.pop(key)
        try:
            if how == "settle":
                made = cloud_outcome(job, COST)
                cloud.settle(self.database, lease, request, made, provider_request_id=None)
                self.paid += COST
            elif how == "release":
                cloud.release(self.database, lease, request, problem="cloud_overloaded")
            else:
                cloud.lose(self.database, lease, request, problem="cloud_timeout")
        except LeaseLost:
            pass

    @precondition(lambda self: self.leases)
    @rule(pick=st.integers(0, 9), frees=st.booleans())
    def expire(self, pick: int, frees: bool) -> None:
        """A lease is over, and maybe a dispatcher sees it."""
        expire(self.database, self.leases[pick % len(self.leases)])
        if frees:
            recovery.recover_expired(self.database)
            deadlines.bury_forgotten(self.database)

    @rule(again=st.booleans())
    def strike(self, again: bool) -> None:
        """The deadline comes, the batch closes, and maybe a person resumes it."""
        with self.database.write() as connection:
            deadlines.set_deadline(connection, self.batch_id, PAST)
        deadlines.end_overdue(self.database)
        batches.close_finished(self.database)
        if again:
            review.resume(self.database, self.batch_id)

    @invariant()
    def balances(self) -> None:
        """The rows are sound, the budget's books are those of the calls, what is paid is known."""
        assert_sound(self.database)
        if hasattr(self, "batch_id"):
            money = budget.money(self.database, self.batch_id)
            assert taken(self.database) == money.taken_nano_usd
            assert money.settled_nano_usd == self.paid

    def teardown(self) -> None:
        """When every sender is dead and the deadline has come, no call is without an end."""
        try:
            if hasattr(self, "batch_id"):
                self.strike(again=False)
                with self.database.write() as connection:
                    connection.execute(
                        update(chunk_table)
                        .where(chunk_table.c.lease_until.is_not(None))
                        .values(lease_until=now(plus_seconds=-1))
                    )
                deadlines.bury_forgotten(self.database)
                self.balances()
                assert budget.money(self.database, self.batch_id).held_nano_usd == 0
                assert taken(self.database) % RESERVED == self.paid % RESERVED
        finally:
            self.database.close()


@pytest.mark.filterwarnings("error")
def test_the_books_balance_in_every_order(sqlite: Database) -> None:
    """Deadlines among calls, deaths and resumes lose no cent and forget no call."""
    run_machine(Calls, sqlite, examples=25, steps=25)
