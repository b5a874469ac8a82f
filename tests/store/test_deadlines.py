"""The deadline: rows without an end go to review, late workers write nothing, no cent is lost."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from jobs.deadline import Deadline
from jobs.errors import LeaseLost
from jobs.job import BatchStatus, JobStatus
from jobs.store import Database, batches, budget, chunks, cloud, deadlines, review
from jobs.store.batches import Batch
from jobs.store.budget import CloudMoney, NewBudget
from jobs.store.deadlines import STEP_CHUNKS
from jobs.store.review import Resumed
from tests.store.making import (
    answer,
    assert_sound,
    claim,
    drive,
    expire,
    make_batch,
    make_new,
    outcome,
    rows_of,
    statuses,
)
from tests.store.sending import (
    RESERVED,
    begin,
    claim_cloud,
    cloud_hints,
    cloud_outcome,
    make_escalated,
    requests,
    taken,
)

PAST = Deadline(datetime(2020, 1, 1, tzinfo=UTC))
FUTURE = Deadline(datetime.now(UTC).replace(microsecond=0) + timedelta(days=9))


def set_deadline(database: Database, batch: Batch, deadline: Deadline = PAST) -> None:
    """Give a batch a deadline."""
    with database.write() as connection:
        deadlines.set_deadline(connection, batch.batch_id, deadline)


def strike(database: Database, batch: Batch) -> int:
    """Let the deadline of a batch come; return how many rows it ended."""
    set_deadline(database, batch)
    return deadlines.end_overdue(database).get(batch.batch_id, 0)


def reasons(database: Database) -> list[str | None]:
    """The reason of each row, in the order of the file."""
    found = rows_of(database, "SELECT reason_code FROM fct_results ORDER BY row_number")
    return [row["reason_code"] for row in found]


def suggested(database: Database) -> int:
    """How many rows have an answer to suggest."""
    query = "SELECT count(*) AS rows FROM fct_results WHERE suggested_output IS NOT NULL"
    return int(rows_of(database, query)[0]["rows"])


def test_waiting_and_running_rows_go_to_review(database: Database) -> None:
    """What was answered stays; the rest waits for a person, and the batch closes."""
    batch = make_batch(database, [2, 2, 1])
    answer(database, claim(database))
    claim(database)
    assert strike(database, batch) == 3
    assert statuses(database, batch) == ["done"] * 2 + ["review"] * 3
    assert reasons(database)[2:] == ["deadline"] * 3
    assert rows_of(database, "SELECT * FROM outbox") == []
    assert batches.close_finished(database) == [batch.batch_id]
    assert strike(database, batch) == 0
    assert_sound(database)


def test_before_the_deadline_nothing_happens(database: Database) -> None:
    """A deadline that has not come, or none, ends nothing."""
    batch = make_batch(database, [2])
    assert deadlines.end_overdue(database) == {}
    set_deadline(database, batch, FUTURE)
    assert deadlines.end_overdue(database) == {}
    assert batches.get(database, batch.batch_id).deadline_at == FUTURE.at


def test_a_worker_that_finishes_later_writes_nothing(database: Database) -> None:
    """Its lease is lost: the row stays in review, no attempt is written, nothing is claimed."""
    batch = make_batch(database, [2])
    lease = claim(database)
    strike(database, batch)
    with pytest.raises(LeaseLost):
        answer(database, lease)
    chunks.give_back(database, lease)
    assert statuses(database, batch) == ["review"] * 2
    assert rows_of(database, "SELECT * FROM attempts") == []
    assert_sound(database)


def test_a_row_that_was_being_escalated_keeps_its_best_answer(database: Database) -> None:
    """A row that waits for the cloud goes to review with what its local tier said."""
    made = make_escalated(database, 2)
    assert strike(database, made.batch) == 2
    assert statuses(database, made.batch) == ["review"] * 2
    assert suggested(database) == 2
    assert cloud_hints(database) == []
    assert_sound(database)


def test_a_reply_after_the_deadline_is_paid_and_recorded(database: Database) -> None:
    """The call under way is settled to the cent; its answer is an attempt; the row stays."""
    made = make_escalated(database)
    lease = claim_cloud(database)
    begun = begin(database, lease, lease.jobs[0])
    strike(database, made.batch)
    assert batches.close_finished(database) == [made.batch.batch_id]
    assert requests(database) == [("intent", "held", RESERVED, 0)]
    answered = cloud_outcome(lease.jobs[0], 321)
    cloud.settle(database, lease, begun, answered, provider_request_id="req_1")
    assert requests(database) == [("replied", "settled", RESERVED, 321)]
    assert taken(database) == 321
    assert statuses(database, made.batch) == ["review"]
    assert reasons(database) == ["deadline"]
    (row,) = rows_of(database, "SELECT model, cost_usd FROM fct_results")
    assert row["model"] == answered.attempt.model_name
    assert rows_of(database, "SELECT cost_nano_usd FROM jobs") == [{"cost_nano_usd": 7 + 321}]
    assert_sound(database)
    with pytest.raises(LeaseLost):  # the same reply once more
        cloud.settle(database, lease, begun, answered, provider_request_id="req_1")


def test_a_call_that_was_not_charged_gives_its_money_back_after_the_deadline(
    database: Database,
) -> None:
    """A refusal that comes later releases what was held."""
    made = make_escalated(database)
    lease = claim_cloud(database)
    begun = begin(database, lease, lease.jobs[0])
    strike(database, made.batch)
    cloud.release(database, lease, begun, problem="cloud_overloaded")
    assert requests(database) == [("not_charged", "released", RESERVED, 0)]
    assert (taken(database), statuses(database, made.batch)) == (0, ["review"])
    assert_sound(database)


def test_a_reply_that_is_lost_after_the_deadline_may_have_been_paid(database: Database) -> None:
    """Its money stays taken, and is listed."""
    made = make_escalated(database)
    lease = claim_cloud(database)
    begun = begin(database, lease, lease.jobs[0])
    strike(database, made.batch)
    cloud.lose(database, lease, begun, problem="cloud_timeout")
    assert budget.money(database, made.batch.batch_id) == CloudMoney(10**9, 0, RESERVED, 0)
    assert statuses(database, made.batch) == ["review"]


def test_the_call_of_a_dead_sender_is_buried(database: Database) -> None:
    """A sender whose lease was over at the deadline is not waited for."""
    made = make_escalated(database)
    lease = claim_cloud(database)
    begun = begin(database, lease, lease.jobs[0])
    expire(database, lease)
    strike(database, made.batch)
    assert requests(database) == [("maybe_paid", "maybe_paid", RESERVED, 0)]
    with pytest.raises(LeaseLost):
        cloud.release(database, lease, begun, problem="x")
    assert taken(database) == RESERVED


def test_a_sender_that_dies_after_the_deadline_is_buried_when_its_lease_is_over(
    database: Database,
) -> None:
    """As long as the reply may still come the money is held; then it may have been paid."""
    made = make_escalated(database)
    lease = claim_cloud(database)
    begin(database, lease, lease.jobs[0])
    strike(database, made.batch)
    assert deadlines.bury_forgotten(database) == 0
    expire(database, lease)
    assert deadlines.bury_forgotten(database) == 1
    assert deadlines.bury_forgotten(database) == 0
    assert requests(database) == [("maybe_paid", "maybe_paid", RESERVED, 0)]
    assert_sound(database)


def test_a_reply_that_comes_while_its_call_is_buried_is_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be settled and counted as maybe paid, both at once."""
    made = make_escalated(database)
    lease = claim_cloud(database)
    begun = begin(database, lease, lease.jobs[0])
    strike(database, made.batch)
    expire(database, lease)
    end = cloud._end
    replies: list[Future[None]] = []

    def settle() -> None:
        answered = cloud_outcome(lease.jobs[0], 9)
        cloud.settle(database, lease, begun, answered, provider_request_id=None)

    with ThreadPoolExecutor(1) as pool:

        def end_later(*arguments: Any, **options: Any) -> None:
            if not replies:
                replies.append(pool.submit(settle))
                wait(replies, timeout=1)
            end(*arguments, **options)

        monkeypatch.setattr(cloud, "_end", end_later)
        assert deadlines.bury_forgotten(database) == 1
        with pytest.raises(LeaseLost):
            replies[0].result()
    assert requests(database) == [("maybe_paid", "maybe_paid", RESERVED, 0)]
    assert taken(database) == RESERVED
    assert_sound(database)


def test_many_chunks_are_ended_in_steps(sqlite: Database) -> None:
    """More chunks than one transaction takes are all ended."""
    batch = make_batch(sqlite, [1] * (STEP_CHUNKS + 3))
    assert strike(sqlite, batch) == STEP_CHUNKS + 3
    assert_sound(sqlite)


def test_resume_asks_again_where_rows_stood(database: Database) -> None:
    """Rows that nobody answered wait for the local model again, and the past deadline is gone."""
    batch = make_batch(database, [2, 3])
    lease = claim(database)
    chunks.commit(database, lease, [outcome(lease.jobs[0])])
    strike(database, batch)
    batches.close_finished(database)
    assert review.resume(database, batch.batch_id) == Resumed(4, 0)
    again = batches.get(database, batch.batch_id)
    assert (again.status, again.deadline_at) == (BatchStatus.OPEN, None)
    assert statuses(database, batch) == ["done"] + ["waiting"] * 4
    assert_sound(database)
    drive(database)
    assert statuses(database, batch) == ["done"] * 5
    assert review.resume(database, batch.batch_id) == Resumed(0, 0)
    assert_sound(database)


def test_resume_sends_escalated_rows_to_the_cloud_again(database: Database) -> None:
    """A row that was at the cloud goes on there; the call before may have been paid."""
    made = make_escalated(database)
    lease = claim_cloud(database)
    begun = begin(database, lease, lease.jobs[0])
    strike(database, made.batch)
    batches.close_finished(database)
    assert review.resume(database, made.batch.batch_id).rows == 1
    assert statuses(database, made.batch) == ["escalated"]
    answered = cloud_outcome(lease.jobs[0], 5)
    with pytest.raises(LeaseLost):  # the late reply has no row in review any more
        cloud.settle(database, lease, begun, answered, provider_request_id=None)
    lease = claim_cloud(database)
    begun = begin(database, lease, lease.jobs[0])
    answered = cloud_outcome(lease.jobs[0], 9)
    cloud.settle(database, lease, begun, answered, provider_request_id=None)
    assert [call[0] for call in requests(database)] == ["maybe_paid", "replied"]
    assert statuses(database, made.batch) == ["done"]
    assert_sound(database)


def test_resume_takes_a_late_answer_and_does_not_pay_again(database: Database) -> None:
    """The answer that came after the deadline is the row's result; its neighbour is asked."""
    made = make_escalated(database, 2)
    lease = claim_cloud(database)
    begun = begin(database, lease, lease.jobs[0])
    strike(database, made.batch)
    batches.close_finished(database)
    cloud.settle(
        database, lease, begun, cloud_outcome(lease.jobs[0], 321), provider_request_id="req_1"
    )
    assert review.resume(database, made.batch.batch_id) == Resumed(1, 0, answered_late=1)
    assert statuses(database, made.batch) == ["done", "escalated"]
    assert [job.job_id for job in claim_cloud(database).jobs] == [lease.jobs[1].job_id]
    first, _ = rows_of(database, "SELECT output FROM fct_results ORDER BY row_number")
    assert first["output"] is not None
    assert taken(database) == 321
    assert_sound(database)


def test_resume_leaves_a_late_answer_that_failed_a_check_to_a_person(database: Database) -> None:
    """It was paid and is no result; asking the same again would pay for it twice."""
    made = make_escalated(database)
    lease = claim_cloud(database)
    begun = begin(database, lease, lease.jobs[0])
    strike(database, made.batch)
    batches.close_finished(database)
    late = cloud_outcome(lease.jobs[0], 9, JobStatus.REVIEW)
    cloud.settle(database, lease, begun, late, provider_request_id=None)
    assert review.resume(database, made.batch.batch_id) == Resumed(0, 0)
    assert statuses(database, made.batch) == ["review"]
    assert reasons(database) != ["deadline"]
    assert_sound(database)


def test_resume_does_not_pay_again_for_a_late_refusal(database: Database) -> None:
    """The row waits for a person, and says that the cloud refused it."""
    made = make_escalated(database)
    lease = claim_cloud(database)
    begun = begin(database, lease, lease.jobs[0])
    strike(database, made.batch)
    batches.close_finished(database)
    late = cloud_outcome(lease.jobs[0], 9, JobStatus.REVIEW)
    nothing = replace(late.attempt, output=None, label=None, reason_code="cloud_refused")
    refused = replace(late, attempt=nothing)
    cloud.settle(database, lease, begun, refused, provider_request_id=None)
    assert review.resume(database, made.batch.batch_id) == Resumed(0, 0)
    assert statuses(database, made.batch) == ["review"]
    assert reasons(database) == ["cloud_refused"]
    assert suggested(database) == 1
    assert_sound(database)


def test_a_reply_that_comes_while_rows_are_resumed_finds_its_row_asked_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the resume to end: else it were paid, kept, and its row asked once more."""
    made = make_escalated(database)
    lease = claim_cloud(database)
    begun = begin(database, lease, lease.jobs[0])
    strike(database, made.batch)
    batches.close_finished(database)
    answered = cloud_outcome(lease.jobs[0], 9)
    reopen = deadlines.reopen
    replies: list[Future[None]] = []

    def settle() -> None:
        cloud.settle(database, lease, begun, answered, provider_request_id=None)

    with ThreadPoolExecutor(1) as pool:

        def reopen_meanwhile(connection: Connection, batch_id: str) -> int:
            replies.append(pool.submit(settle))
            wait(replies, timeout=1)
            return reopen(connection, batch_id)

        monkeypatch.setattr(deadlines, "reopen", reopen_meanwhile)
        assert review.resume(database, made.batch.batch_id, NewBudget(10**9, "me")).rows == 1
        with pytest.raises(LeaseLost):
            replies[0].result()
    assert statuses(database, made.batch) == ["escalated"]
    assert rows_of(database, "SELECT * FROM attempts WHERE kind = 'cloud'") == []
    assert_sound(database)


def test_a_reply_that_is_being_settled_is_taken_by_the_resume(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whoever came first, neither waits for the other in a circle."""
    made = make_escalated(database)
    lease = claim_cloud(database)
    begun = begin(database, lease, lease.jobs[0])
    strike(database, made.batch)
    batches.close_finished(database)
    return_money = cloud._return_money
    resumes: list[Future[Resumed]] = []
    with ThreadPoolExecutor(1) as pool:

        def return_later(connection: Connection, batch_id: str, nano_usd: int) -> None:
            more = NewBudget(2 * 10**9, "me")
            resumes.append(pool.submit(review.resume, database, batch_id, more))
            wait(resumes, timeout=1)
            return_money(connection, batch_id, nano_usd)

        monkeypatch.setattr(cloud, "_return_money", return_later)
        answered = cloud_outcome(lease.jobs[0], 9)
        cloud.settle(database, lease, begun, answered, provider_request_id=None)
        assert resumes[0].result() == Resumed(0, 0, answered_late=1)
    assert statuses(database, made.batch) == ["done"]
    assert taken(database) == 9
    assert_sound(database)


def test_a_deadline_ahead_survives_a_resume(database: Database) -> None:
    """Only one that has passed is forgotten."""
    batch = make_batch(database, [1])
    strike(database, batch)
    set_deadline(database, batch, FUTURE)
    assert review.resume(database, batch.batch_id).rows == 1
    assert batches.get(database, batch.batch_id).deadline_at == FUTURE.at


def test_handing_in_again_changes_only_the_deadline_of_what_is_unended(database: Database) -> None:
    """The same file with another deadline has it from then on; a closed batch keeps its own."""
    new = make_new()
    assert batches.create(database, new).deadline_at is None
    dated = type(new)(new.identity, new.spec, new.file, new.language, new.partial, deadline=FUTURE)
    assert batches.create(database, dated).deadline_at == FUTURE.at
    assert batches.create(database, new).deadline_at == FUTURE.at
    lifted = type(new)(
        new.identity, new.spec, new.file, new.language, new.partial, deadline=Deadline(None)
    )
    assert batches.create(database, lifted).deadline_at is None
    with database.write() as connection:
        connection.execute(text("UPDATE batches SET status = 'closed'"))
    assert batches.create(database, dated).deadline_at is None
