"""Calls to the cloud: reserved before, settled after, never above the budget, never unseen."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from jobs.errors import LeaseLost, SettingError
from jobs.job import BatchStatus, Hint, JobStatus, Lease
from jobs.store import Database, batches, budget, chunks, cloud, recovery, review
from jobs.store.budget import CloudMoney, NewBudget
from jobs.store.cloud import Request
from jobs.store.database import now
from jobs.store.review import RESUMABLE, Resumed
from jobs.tables import chunks as chunk_table
from jobs.tables import cloud_requests
from jobs.tables import jobs as job_table
from tests.store.making import (
    LEASE_SECONDS,
    WORKER,
    assert_sound,
    expire,
    read_chunk,
    rows_of,
    statuses,
)
from tests.store.sending import (
    MODEL,
    RESERVED,
    SENDER,
    begin,
    claim_cloud,
    cloud_hints,
    cloud_outcome,
    make_escalated,
    refusal,
    requests,
    sending,
    taken,
)


def test_an_escalated_row_goes_to_a_sender_and_to_no_other(database: Database) -> None:
    """A chunk of the cloud's queue brings its rows as they are; a local worker gets nothing."""
    made = make_escalated(database, 18)
    hints = cloud_hints(database)
    assert len(hints) == 2
    assert chunks.claim(database, hints[0], WORKER, LEASE_SECONDS) is None
    lease = claim_cloud(database)
    assert [job.tier for job in lease.jobs] == [1] * 16
    assert statuses(database, made.batch) == ["escalated"] * 18
    assert_sound(database)


def test_begin_commits_intent_money_and_audit(database: Database) -> None:
    """Before a call its intent, its reservation and its audit row stand; the row is in_cloud."""
    made = make_escalated(database)
    lease = claim_cloud(database)
    begun = begin(database, lease, lease.jobs[0])
    assert begun == Request(begun.request_id, lease.jobs[0].job_id, RESERVED)
    assert requests(database) == [("intent", "held", RESERVED, 0)]
    assert taken(database) == RESERVED
    assert statuses(database, made.batch) == ["in_cloud"]
    (logged,) = rows_of(database, "SELECT * FROM audit_log")
    assert (logged["action"], logged["destination"]) == ("cloud_send", "stand-in")
    assert (logged["job_id"], logged["request_id"]) == (begun.job_id, begun.request_id)
    assert (logged["data_class"], logged["text_hash"]) == ("open", "h" * 64)
    assert_sound(database)


def test_settle_gives_back_what_was_reserved_too_much(database: Database) -> None:
    """A seen reply costs what it cost; the row is done, its result written, its chunk finished."""
    made = make_escalated(database)
    lease = claim_cloud(database)
    begun = begin(database, lease, lease.jobs[0])
    answer = cloud_outcome(lease.jobs[0], 321)
    cloud.settle(database, lease, begun, answer, provider_request_id="req_1")
    assert requests(database) == [("replied", "settled", RESERVED, 321)]
    assert taken(database) == 321
    assert statuses(database, made.batch) == ["done"]
    assert read_chunk(database, lease.chunk_id)["status"] == "finished"
    assert rows_of(database, "SELECT cost_nano_usd FROM jobs") == [{"cost_nano_usd": 7 + 321}]
    assert batches.close_finished(database)
    assert_sound(database)


def test_release_gives_everything_back(database: Database) -> None:
    """A call that was not charged leaves no cost; the row may be asked again."""
    made = make_escalated(database, budget_nano_usd=RESERVED)
    lease = claim_cloud(database)
    for _ in range(3):
        begun = begin(database, lease, lease.jobs[0])
        cloud.release(database, lease, begun, problem="cloud_overloaded")
    assert requests(database) == [("not_charged", "released", RESERVED, 0)] * 3
    assert taken(database) == 0
    assert statuses(database, made.batch) == ["escalated"]
    assert_sound(database)


def test_a_lost_reply_keeps_its_money_and_is_asked_once_more(database: Database) -> None:
    """One lost reply: asked again. Two: a person decides; both stay in the budget."""
    make_escalated(database)
    lease = claim_cloud(database)
    for _ in range(2):
        begun = begin(database, lease, lease.jobs[0])
        cloud.lose(database, lease, begun, problem="cloud_timeout")
    assert refusal(database, lease, lease.jobs[0]) == "cloud_ambiguous"
    assert requests(database) == [("maybe_paid", "maybe_paid", RESERVED, 0)] * 2
    assert taken(database) == 2 * RESERVED


def test_dead_intents_are_maybe_paid(database: Database) -> None:
    """Whoever follows a dead sender counts its call as maybe paid, and asks once more at most."""
    made = make_escalated(database)
    for _ in range(2):
        lease = claim_cloud_again(database)
        begin(database, lease, lease.jobs[0])
    lease = claim_cloud_again(database)
    assert [job.job_id for job in lease.jobs]
    assert statuses(database, made.batch) == ["in_cloud"]
    assert refusal(database, lease, lease.jobs[0]) == "cloud_ambiguous"
    assert requests(database) == [("maybe_paid", "maybe_paid", RESERVED, 0)] * 2
    ids = [lease.jobs[0].job_id]
    cloud.to_review(database, lease, ids, code="cloud_ambiguous", words="lost twice")
    assert statuses(database, made.batch) == ["review"]
    assert batches.close_finished(database)
    assert budget.money(database, made.batch.batch_id) == CloudMoney(10**9, 0, 2 * RESERVED, 0)
    assert review.resume(database, made.batch.batch_id).rows == 0
    assert_sound(database)


def claim_cloud_again(database: Database) -> Lease:
    """Claim the only cloud chunk, from a dead sender if one holds it."""
    (chunk,) = rows_of(database, "SELECT chunk_id, epoch FROM chunks WHERE queue = 'cloud'")
    hint = Hint(chunk["chunk_id"], chunk["epoch"])
    with database.write() as connection:
        connection.execute(
            update(chunk_table)
            .where(chunk_table.c.chunk_id == hint.chunk_id)
            .values(lease_until=now(plus_seconds=-1))
        )
    lease = chunks.claim(database, hint, SENDER, LEASE_SECONDS)
    assert lease is not None
    return lease


def test_a_dead_intent_is_counted_when_its_row_can_not_be_asked_again(database: Database) -> None:
    """A row that a dead sender began and an obstacle then stops: maybe paid, not held for ever."""
    made = make_escalated(database, 2)
    lease = claim_cloud(database)
    begin(database, lease, lease.jobs[0])
    lease = claim_cloud_again(database)
    ids = [job.job_id for job in lease.jobs]
    cloud.to_review(database, lease, ids, code="no_cloud_key", words="there is no key")
    assert requests(database) == [("maybe_paid", "maybe_paid", RESERVED, 0)]
    assert budget.money(database, made.batch.batch_id) == CloudMoney(10**9, 0, RESERVED, 0)
    assert statuses(database, made.batch) == ["review"] * 2
    assert_sound(database)


def test_the_budget_is_a_hard_cap(database: Database) -> None:
    """The last nano-dollar may be reserved, not one more."""
    make_escalated(database, 3, budget_nano_usd=2 * RESERVED)
    lease = claim_cloud(database)
    first, second, third = lease.jobs
    begin(database, lease, first)
    assert refusal(database, lease, second, RESERVED + 1) == "budget_exceeded"
    begin(database, lease, second)
    assert refusal(database, lease, third, 1) == "budget_exceeded"
    assert taken(database) == 2 * RESERVED
    assert_sound(database)


def test_many_senders_at_once_never_pass_the_budget(database: Database) -> None:
    """Twelve threads reserve, settle and release at once: taken and settled stay within."""
    made = make_escalated(database, 96, budget_nano_usd=10 * RESERVED)
    leases = [claim_cloud(database) for _ in range(6)]
    together = threading.Barrier(12)

    def send(number: int) -> tuple[int, int]:
        together.wait(30)
        lease = leases[number % 6]
        most = settled = 0
        for job in lease.jobs[number // 6 :: 2]:
            begun = cloud.begin(database, lease, sending(job))
            if isinstance(begun, Request):
                most = max(most, taken(database))
                if job.row_number % 3:
                    answer = cloud_outcome(job, 900)
                    cloud.settle(database, lease, begun, answer, provider_request_id=None)
                    settled += 900
                else:
                    cloud.release(database, lease, begun, problem="cloud_overloaded")
        return most, settled

    with ThreadPoolExecutor(12) as pool:
        seen = list(pool.map(send, range(12)))
    money = budget.money(database, made.batch.batch_id)
    assert max(most for most, _ in seen) <= 10 * RESERVED
    assert money.settled_nano_usd == sum(settled for _, settled in seen)
    assert 0 < money.settled_nano_usd <= money.budget_nano_usd == 10 * RESERVED
    assert (money.maybe_paid_nano_usd, money.held_nano_usd) == (0, 0)
    assert taken(database) == money.settled_nano_usd
    assert_sound(database)


def test_a_local_only_row_is_refused_by_begin(database: Database) -> None:
    """A row that may not leave gets no intent, no money and no audit row."""
    make_escalated(database, data_class="local_only")
    lease = claim_cloud(database)
    assert refusal(database, lease, lease.jobs[0]) == "policy_local_only"
    assert requests(database) == []
    assert rows_of(database, "SELECT * FROM audit_log") == []
    assert taken(database) == 0


@pytest.mark.parametrize("claimed_class", ["local_only", "open"])
def test_the_database_itself_refuses_a_local_only_row(
    database: Database, claimed_class: str
) -> None:
    """A raw INSERT fails, whether it tells the row's class or lies about it."""
    made = make_escalated(database, data_class="local_only")
    (row,) = rows_of(database, "SELECT job_id FROM jobs")
    values = {
        "custom_id": "raw-1",
        "batch_id": made.batch.batch_id,
        "job_id": row["job_id"],
        "data_class": claimed_class,
        "token": 1,
        "model": MODEL,
        "mode": "realtime",
        "status": "intent",
        "created_at": now(),
    }
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(cloud_requests).values(**values))
    assert requests(database) == []


def test_a_sent_row_cannot_become_local_only(database: Database) -> None:
    """The class of a row that has left cannot be rewritten."""
    make_escalated(database)
    lease = claim_cloud(database)
    begin(database, lease, lease.jobs[0])
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(update(job_table).values(data_class="local_only"))


def test_every_sending_stands_in_the_audit_log(database: Database) -> None:
    """Each call has one audit row, whatever became of it; a refused one has none."""
    make_escalated(database, 3, budget_nano_usd=2 * RESERVED)
    lease = claim_cloud(database)
    first, second, third = lease.jobs
    cloud.release(database, lease, begin(database, lease, first), problem="cloud_overloaded")
    cloud.lose(database, lease, begin(database, lease, second), problem="cloud_timeout")
    answer = cloud_outcome(third, 1)
    cloud.settle(database, lease, begin(database, lease, third), answer, provider_request_id=None)
    assert refusal(database, lease, first) == "budget_exceeded"
    logged = rows_of(database, "SELECT request_id FROM audit_log ORDER BY audit_id")
    calls = rows_of(database, "SELECT request_id FROM cloud_requests ORDER BY request_id")
    assert logged == calls
    assert len(calls) == 3


@pytest.mark.parametrize("step", ["begin", "settle", "release", "lose", "to_review"])
def test_a_late_sender_writes_nothing(database: Database, step: str) -> None:
    """Under a lost lease every step raises, and the money stands as it stood."""
    made = make_escalated(database)
    late = claim_cloud(database)
    begun = begin(database, late, late.jobs[0])
    expire(database, late)
    claim_cloud_again(database)
    before = (requests(database), taken(database), statuses(database, made.batch))
    steps: dict[str, Callable[[], object]] = {
        "begin": lambda: cloud.begin(database, late, sending(late.jobs[0])),
        "settle": lambda: cloud.settle(
            database, late, begun, cloud_outcome(late.jobs[0], 1), provider_request_id=None
        ),
        "release": lambda: cloud.release(database, late, begun, problem="x"),
        "lose": lambda: cloud.lose(database, late, begun, problem="x"),
        "to_review": lambda: cloud.to_review(
            database, late, [begun.job_id], code="no_cloud_key", words="x"
        ),
    }
    with pytest.raises(LeaseLost):
        steps[step]()
    assert (requests(database), taken(database), statuses(database, made.batch)) == before


def test_rows_in_review_keep_their_best_answer_and_the_reason(database: Database) -> None:
    """A row that was not sent waits with its local answer and the obstacle's words."""
    make_escalated(database)
    lease = claim_cloud(database)
    ids = [lease.jobs[0].job_id]
    cloud.to_review(database, lease, ids, code="no_cloud_key", words="there is no key")
    (row,) = rows_of(database, "SELECT * FROM fct_results")
    assert (row["status"], row["reason_code"], row["reason"]) == (
        "review",
        "no_cloud_key",
        "there is no key",
    )
    assert "refund" in str(row["suggested_output"])
    assert row["output"] is None
    assert batches.close_finished(database)
    assert_sound(database)


@pytest.mark.parametrize("code", RESUMABLE)
def test_resume_asks_again_what_only_an_obstacle_stopped(database: Database, code: str) -> None:
    """A closed batch opens, its rows are owed to senders, and can be answered."""
    made = make_escalated(database, 2)
    lease = claim_cloud(database)
    ids = [job.job_id for job in lease.jobs]
    cloud.to_review(database, lease, ids, code=code, words="obstacle")
    batches.close_finished(database)
    assert batches.get(database, made.batch.batch_id).status is BatchStatus.CLOSED
    assert review.resume(database, made.batch.batch_id).rows == 2
    assert batches.get(database, made.batch.batch_id).status is BatchStatus.OPEN
    assert statuses(database, made.batch) == ["escalated"] * 2
    assert_sound(database)
    lease = claim_cloud(database)
    for job in lease.jobs:
        answer = cloud_outcome(job, 5)
        cloud.settle(database, lease, begin(database, lease, job), answer, provider_request_id=None)
    assert batches.close_finished(database)
    assert statuses(database, made.batch) == ["done"] * 2
    assert review.resume(database, made.batch.batch_id).rows == 0
    assert_sound(database)


def test_a_cloud_chunk_is_not_worn_out_by_dead_senders(database: Database) -> None:
    """However many senders die before they send, the row is neither failed nor lost."""
    made = make_escalated(database)
    for number in range(8):
        lease = claim_cloud(database)
        assert recovery.recover_worker(database, SENDER.worker_id) == 1, number
    assert statuses(database, made.batch) == ["escalated"]
    assert lease.token == 8
    assert_sound(database)


def test_a_reply_that_is_for_a_person_is_paid_for(database: Database) -> None:
    """A refused or unreadable answer is settled like any other; its row waits in review."""
    made = make_escalated(database)
    lease = claim_cloud(database)
    begun = begin(database, lease, lease.jobs[0])
    answer = cloud_outcome(lease.jobs[0], 55, JobStatus.REVIEW)
    cloud.settle(database, lease, begun, answer, provider_request_id="req_1")
    assert statuses(database, made.batch) == ["review"]
    assert budget.money(database, made.batch.batch_id).settled_nano_usd == 55
    assert batches.close_finished(database)
    assert review.resume(database, made.batch.batch_id).rows == 0
    assert_sound(database)


def run_out(database: Database, budget_nano_usd: int = RESERVED) -> str:
    """A closed batch of two rows: one paid for, one for which the budget was too small."""
    made = make_escalated(database, 2, budget_nano_usd=budget_nano_usd)
    lease = claim_cloud(database)
    first, second = lease.jobs
    begun = begin(database, lease, first, budget_nano_usd)
    answer = cloud_outcome(first, budget_nano_usd)
    cloud.settle(database, lease, begun, answer, provider_request_id=None)
    assert refusal(database, lease, second) == "budget_exceeded"
    cloud.to_review(database, lease, [second.job_id], code="budget_exceeded", words="too little")
    assert batches.close_finished(database)
    return made.batch.batch_id


def test_a_raised_budget_lets_the_rest_be_asked(database: Database) -> None:
    """The row goes on within the new budget, and who raised it stands in the database."""
    batch_id = run_out(database)
    assert review.resume(database, batch_id, NewBudget(3 * RESERVED, "me@here")) == Resumed(1, 1)
    assert budget.money(database, batch_id) == CloudMoney(3 * RESERVED, RESERVED, 0, 0)
    lease = claim_cloud(database)
    begin(database, lease, lease.jobs[0], 2 * RESERVED)
    (change,) = rows_of(database, "SELECT * FROM budget_changes")
    assert (change["before_nano_usd"], change["after_nano_usd"]) == (RESERVED, 3 * RESERVED)
    assert (change["batch_id"], change["actor"]) == (batch_id, "me@here")
    assert_sound(database)


def test_a_plain_resume_keeps_the_budget_and_counts_who_was_short(database: Database) -> None:
    """The row meets the same budget again; nothing is written about a change."""
    batch_id = run_out(database)
    assert review.resume(database, batch_id) == Resumed(1, 1)
    lease = claim_cloud(database)
    assert refusal(database, lease, lease.jobs[0]) == "budget_exceeded"
    assert rows_of(database, "SELECT * FROM budget_changes") == []


def test_a_budget_is_never_below_what_is_taken(database: Database) -> None:
    """Less than what is settled, held or maybe paid is refused, and nothing is resumed."""
    batch_id = run_out(database)
    with pytest.raises(SettingError, match="budget_below_taken"):
        review.resume(database, batch_id, NewBudget(RESERVED - 1, "me@here"))
    assert budget.money(database, batch_id).budget_nano_usd == RESERVED
    assert sorted(row["status"] for row in rows_of(database, "SELECT status FROM jobs")) == [
        "done",
        "review",
    ]
    review.resume(database, batch_id, NewBudget(4 * RESERVED, "me@here"))
    lease = claim_cloud(database)
    begin(database, lease, lease.jobs[0], 2 * RESERVED)
    with pytest.raises(SettingError, match="budget_below_taken"):
        review.resume(database, batch_id, NewBudget(3 * RESERVED - 1, "me@here"))
    review.resume(database, batch_id, NewBudget(3 * RESERVED, "me@here"))
    assert len(rows_of(database, "SELECT * FROM budget_changes")) == 2
    assert_sound(database)
