"""After a death: leases freed, suspects alone, the one row that kills failed, no neighbour hurt."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from jobs.errors import LeaseLost
from jobs.job import Lease
from jobs.store import Database, batches, chunks, recovery, results
from jobs.store.recovery import MAX_CLAIMS
from tests.store.making import (
    all_hints,
    answer,
    assert_sound,
    claim,
    drive,
    expire,
    make_batch,
    outcome,
    read_chunk,
    rows_of,
    statuses,
)


def crash(database: Database, lease: Lease, *rows: int) -> None:
    """Let the worker of a lease die of a native signal while these rows were in the call."""
    suspects = [lease.jobs[row].job_id for row in rows]
    recovery.recover_worker(database, "w1", suspects, native_crash=True)
    assert_sound(database)


def tire(database: Database, chunk_id: int, times: int) -> None:
    """Let a chunk be claimed and lost so many times."""
    for _ in range(times):
        (hint,) = [hint for hint in all_hints(database) if hint.chunk_id == chunk_id]
        expire(database, claim(database, hint))
        recovery.recover_expired(database)
        assert_sound(database)


def test_expired_leases_are_freed(database: Database) -> None:
    """A chunk whose lease is over waits again under a new epoch, its answered rows kept."""
    batch = make_batch(database, [3, 2])
    first, second = (claim(database, hint) for hint in all_hints(database))
    chunks.commit(database, first, [outcome(first.jobs[0])])
    expire(database, first)
    assert recovery.recover_expired(database) == 1
    assert_sound(database)
    assert statuses(database, batch) == ["done", "waiting", "waiting", "running", "running"]
    chunk = read_chunk(database, first.chunk_id)
    assert (chunk["status"], chunk["epoch"], chunk["attempts"]) == ("waiting", 1, 1)
    with pytest.raises(LeaseLost):
        answer(database, first)
    answer(database, second)
    drive(database)
    assert statuses(database, batch) == ["done"] * 5
    assert_sound(database)


def test_nothing_expired_nothing_freed(database: Database) -> None:
    """Live leases are left alone."""
    make_batch(database, [2])
    lease = claim(database)
    assert recovery.recover_expired(database) == 0
    answer(database, lease)


def test_a_dead_worker_gives_back_its_own_only(database: Database) -> None:
    """Only the chunks of the dead worker wait again, although no lease is over."""
    make_batch(database, [1, 1])
    mine = claim(database)
    assert recovery.recover_worker(database, "w2") == 0
    assert recovery.recover_worker(database, "w1") == 1
    assert read_chunk(database, mine.chunk_id)["status"] == "waiting"
    assert recovery.recover_worker(database, "w1") == 0
    assert_sound(database)


def test_suspects_are_isolated(database: Database) -> None:
    """Each row of the crashed call gets a chunk of its own; the others stay together."""
    batch = make_batch(database, [5])
    lease = claim(database)
    crash(database, lease, 1, 3)
    alone = rows_of(database, "SELECT * FROM chunks WHERE alone ORDER BY chunk_id")
    assert len(alone) == 2
    leases = [claim(database, hint) for hint in all_hints(database)]
    held = {tuple(job.source_id for job in one.jobs): one.alone for one in leases}
    assert held == {("r1", "r3", "r5"): False, ("r2",): True, ("r4",): True}
    for one in leases:
        answer(database, one)
    assert batches.close_finished(database) == [batch.batch_id]
    assert_sound(database)


def test_a_chunk_of_suspects_only_is_finished(database: Database) -> None:
    """A chunk whose rows have all been isolated ends and is owed no message."""
    make_batch(database, [2])
    lease = claim(database)
    crash(database, lease, 0, 1)
    assert read_chunk(database, lease.chunk_id)["status"] == "finished"
    assert lease.chunk_id not in [hint.chunk_id for hint in all_hints(database)]


def test_without_a_native_crash_nobody_is_suspect(database: Database) -> None:
    """What stands in the journal of a process that was killed from outside means nothing."""
    make_batch(database, [2])
    lease = claim(database)
    recovery.recover_worker(database, "w1", [lease.jobs[0].job_id])
    assert len(rows_of(database, "SELECT * FROM chunks")) == 1
    assert_sound(database)


def test_a_lone_suspect_is_failed(database: Database) -> None:
    """The row that kills again, alone, fails with an attempt that says why; the others finish."""
    batch = make_batch(database, [3])
    crash(database, claim(database), 1)
    (lone,) = rows_of(database, "SELECT chunk_id FROM chunks WHERE alone")
    (hint,) = [hint for hint in all_hints(database) if hint.chunk_id == lone["chunk_id"]]
    crash(database, claim(database, hint), 0)
    drive(database)
    lines = list(results.stream_results(database, batch.batch_id))
    assert [line["status"] for line in lines] == ["done", "failed", "done"]
    assert (lines[1]["verdict"], lines[1]["reason_code"]) == ("failed", "poison_row")
    assert "2" in lines[1]["reason"]
    assert lines[1]["finished_at"] is not None
    assert lines[1]["cost_usd"] == 0
    assert batches.get(database, batch.batch_id).status == "closed"
    assert_sound(database)


def test_foreign_suspects_are_left_alone(database: Database) -> None:
    """A journal can only accuse rows that its worker still held: none that are done."""
    batch = make_batch(database, [2, 1])
    lease = claim(database)
    chunks.commit(database, lease, [outcome(lease.jobs[0])])
    waiting = rows_of(database, "SELECT job_id FROM jobs WHERE status = 'waiting'")
    accused = [lease.jobs[0].job_id, waiting[0]["job_id"], 999]
    recovery.recover_worker(database, "w1", accused, native_crash=True)
    assert rows_of(database, "SELECT * FROM chunks WHERE alone") == []
    assert statuses(database, batch) == ["done", "waiting", "waiting"]
    assert_sound(database)


def test_a_tired_chunk_is_isolated(database: Database) -> None:
    """A chunk lost too often is split into lone rows; what it had answered stays answered."""
    batch = make_batch(database, [3, 1])
    first = claim(database)
    chunks.commit(database, first, [outcome(first.jobs[0])])
    expire(database, first)
    recovery.recover_expired(database)
    tire(database, first.chunk_id, MAX_CLAIMS - 2)
    assert rows_of(database, "SELECT * FROM chunks WHERE alone") == []
    tire(database, first.chunk_id, 1)
    assert read_chunk(database, first.chunk_id)["status"] == "finished"
    assert len(rows_of(database, "SELECT * FROM chunks WHERE alone")) == 2
    drive(database)
    assert statuses(database, batch) == ["done"] * 4
    assert_sound(database)


def test_a_tired_lone_row_is_failed(database: Database) -> None:
    """A lone row whose workers get lost too often fails, and its neighbours finish."""
    batch = make_batch(database, [2])
    crash(database, claim(database), 0)
    (lone,) = rows_of(database, "SELECT chunk_id FROM chunks WHERE alone")
    tire(database, lone["chunk_id"], MAX_CLAIMS)
    drive(database)
    lines = list(results.stream_results(database, batch.batch_id))
    assert [line["status"] for line in lines] == ["failed", "done"]
    assert lines[0]["reason_code"] == "worker_lost"
    assert str(MAX_CLAIMS) in lines[0]["reason"]
    assert_sound(database)


def test_several_dispatchers_may_recover_at_once(database: Database) -> None:
    """Of six dispatchers that see the same dead leases each chunk is freed by exactly one."""
    batch = make_batch(database, [1] * 6)
    crash(database, claim(database, all_hints(database)[0]), 0)
    (lone,) = rows_of(database, "SELECT chunk_id FROM chunks WHERE alone")
    tire(database, lone["chunk_id"], MAX_CLAIMS - 1)
    leases = [claim(database, hint) for hint in all_hints(database)]
    expire(database, *leases)
    together = Barrier(6)

    def recover(_: int) -> int:
        together.wait(30)
        return recovery.recover_expired(database)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(recover, range(6))) == len(leases)
    assert_sound(database)
    assert sorted(statuses(database, batch)) == ["failed"] + ["waiting"] * 5
    assert len(rows_of(database, "SELECT * FROM outbox")) == 5
    drive(database)
    assert_sound(database)
