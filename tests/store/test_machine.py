"""Whatever happens in whatever order: the invariants hold and every row comes to one end."""

from datetime import UTC, datetime

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)

from jobs.deadline import Deadline
from jobs.errors import LeaseLost
from jobs.job import BatchStatus, Job, JobStatus, Lease
from jobs.store import Database, batches, chunks, deadlines, recovery, results, review
from tests.store.machine import Machine, run_machine
from tests.store.making import (
    LEASE_SECONDS,
    all_hints,
    assert_sound,
    drive,
    expire,
    make_batch,
    other_worker,
    outcome,
    read_chunk,
    rows_of,
)

ENDS = (JobStatus.DONE, JobStatus.DONE, JobStatus.REVIEW, JobStatus.FAILED)
WORKERS = ("w1", "w2")
PAST = Deadline(datetime(2020, 1, 1, tzinfo=UTC))


class Deliveries(Machine):
    """Two workers, lost leases, crashes and late writers over one small batch."""

    def __init__(self) -> None:
        super().__init__()
        self.leases: list[tuple[str, Lease]] = []
        self.given = 0

    @initialize(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3))
    def load(self, sizes: list[int]) -> None:
        """Load a batch of some chunks."""
        self.batch = make_batch(self.database, sizes, rejected=1)
        self.rows = sum(sizes)

    @rule(worker=st.sampled_from(WORKERS), pick=st.integers(0, 9))
    def claim(self, worker: str, pick: int) -> None:
        """A worker gets a message and claims its chunk."""
        hints = all_hints(self.database)
        if hints:
            hint = hints[pick % len(hints)]
            lease = chunks.claim(self.database, hint, other_worker(worker_id=worker), LEASE_SECONDS)
            if lease is not None:
                self.leases.append((worker, lease))

    @precondition(lambda self: self.leases)
    @rule(pick=st.integers(0, 9), count=st.integers(0, 4), end=st.sampled_from(ENDS))
    def commit(self, pick: int, count: int, end: JobStatus) -> None:
        """Somebody who holds or once held a chunk writes some of its rows, or renews."""
        _, lease = self.leases[pick % len(self.leases)]
        before = rows_of(self.database, "SELECT status FROM jobs ORDER BY job_id")
        left = self._unfinished(lease)[:count]
        try:
            chunks.commit(self.database, lease, [outcome(job, end) for job in left])
            assert read_chunk(self.database, lease.chunk_id)["token"] == lease.token
        except LeaseLost:
            chunk = read_chunk(self.database, lease.chunk_id)
            assert (chunk["token"], chunk["status"]) != (lease.token, "running")
            assert rows_of(self.database, "SELECT status FROM jobs ORDER BY job_id") == before

    @precondition(lambda self: self.leases)
    @rule(pick=st.integers(0, 9))
    def give_back(self, pick: int) -> None:
        """A worker that stops gives a chunk back, maybe one that it has lost."""
        _, lease = self.leases[pick % len(self.leases)]
        chunks.give_back(self.database, lease)

    @precondition(lambda self: self.leases)
    @rule(pick=st.integers(0, 9), takes_over=st.booleans())
    def expire(self, pick: int, takes_over: bool) -> None:
        """A lease is over; a dispatcher frees it, or a second message takes it over."""
        _, lease = self.leases[pick % len(self.leases)]
        expire(self.database, lease)
        if not takes_over:
            recovery.recover_expired(self.database)

    @rule(worker=st.sampled_from(WORKERS), native=st.booleans(), accused=st.sets(st.integers(1, 9)))
    def die(self, worker: str, native: bool, accused: set[int]) -> None:
        """A worker dies, with or without rows inside a native call."""
        recovery.recover_worker(self.database, worker, accused, native_crash=native)

    @rule(again=st.booleans())
    def strike(self, again: bool) -> None:
        """The deadline comes for whatever has no end; a person may ask for it again."""
        with self.database.write() as connection:
            deadlines.set_deadline(connection, self.batch.batch_id, PAST)
        deadlines.end_overdue(self.database)
        left = "SELECT status FROM jobs WHERE status IN ('waiting', 'running')"
        if batches.get(self.database, self.batch.batch_id).status is BatchStatus.OPEN:
            assert rows_of(self.database, left) == []
        if again:
            review.resume(self.database, self.batch.batch_id)

    @rule()
    def close(self) -> None:
        """A dispatcher closes what has ended."""
        batches.close_finished(self.database)

    @invariant()
    def is_sound(self) -> None:
        """No invariant is broken, and no row has two results."""
        assert_sound(self.database)

    def teardown(self) -> None:
        """From wherever it stands, everything can be driven to its end."""
        try:
            if hasattr(self, "batch"):
                self._finish()
        finally:
            self.database.close()

    def _finish(self) -> None:
        for worker in WORKERS:
            recovery.recover_worker(self.database, worker)
        review.resume(self.database, self.batch.batch_id)
        drive(self.database)
        assert_sound(self.database)
        tally = results.tally(self.database, self.batch.batch_id)
        assert batches.get(self.database, self.batch.batch_id).status is BatchStatus.CLOSED
        assert (tally.rows, tally.ended, tally.rejected) == (self.rows + 1, self.rows + 1, 1)
        assert len(rows_of(self.database, "SELECT * FROM results")) == tally.done

    def _unfinished(self, lease: Lease) -> list[Job]:
        open_rows = "SELECT job_id FROM jobs WHERE status IN ('waiting', 'running')"
        left = {row["job_id"] for row in rows_of(self.database, open_rows)}
        return [job for job in lease.jobs if job.job_id in left]


@pytest.mark.filterwarnings("error")
def test_every_order_of_events_ends_well(sqlite: Database) -> None:
    """Claims, losses, crashes and late writers in any order break nothing."""
    run_machine(Deliveries, sqlite, examples=15, steps=20)
