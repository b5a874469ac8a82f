"""The sender with the real SDK against the stand-in: what goes wrong, what it costs, what is told.

Nothing sleeps: the sender's waits are counted.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import anthropic
import pytest
from structlog.testing import capture_logs

from jobs.cloud import CloudReply
from jobs.deadline import Deadline
from jobs.errors import SettingError
from jobs.job import Hint
from jobs.prices import Price, built_in_prices
from jobs.prompt import Question
from jobs.store import Database, batches, budget, chunks, deadlines, review
from jobs.store.budget import CloudMoney
from tests.standin import Fault, RunningStandIn, Script, run_standin
from tests.store.making import assert_sound, rows_of, statuses
from tests.store.sending import MODEL, SENDER, begin, cloud_hints, make_escalated, requests
from workers.cloud import Asker, Sender
from workers.engines.anthropic import Anthropic
from workers.settings import CloudSection

pytestmark = pytest.mark.integration

TIMEOUT_SECONDS = 5.0
PAUSES = (1.0, 2.0)


class Clock:
    """Stands where the sender's stop event does: a wait is written down and is over."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.waits: list[float] = []
        self._left = stop_after

    def wait(self, seconds: float) -> bool:
        """Note a wait; it is over at once."""
        self.waits.append(seconds)
        return self.is_set()

    def is_set(self) -> bool:
        """Say whether the test wants the sender to stop."""
        return self._left is not None and len(self.waits) >= self._left


@dataclass
class Scene:
    """A batch, a stand-in, a sender between them."""

    database: Database
    standin: RunningStandIn
    sender: Sender
    batch_id: str
    clock: Clock = field(default_factory=Clock)

    def work(self, times: int = 1) -> None:
        """Let the sender work on every chunk owed, so often."""
        for _ in range(times):
            for hint in cloud_hints(self.database):
                self.sender.answer(hint)

    @property
    def money(self) -> CloudMoney:
        """What the batch's calls have cost."""
        return budget.money(self.database, self.batch_id)

    def statuses(self) -> list[str]:
        """The state of each row."""
        return statuses(self.database, batches.get(self.database, self.batch_id))

    def reasons(self) -> set[str]:
        """Why rows stand where they stand."""
        found = rows_of(self.database, "SELECT DISTINCT reason_code FROM fct_results")
        return {row["reason_code"] for row in found}

    def words(self) -> set[str]:
        """The same in words."""
        found = rows_of(self.database, "SELECT DISTINCT reason FROM fct_results")
        return {row["reason"] for row in found}

    def check_exact(self) -> None:
        """Every reply was seen: the ledger equals the invoice to the nano-dollar."""
        money = self.money
        assert money.settled_nano_usd == self.standin.invoice_nano_usd
        assert (money.maybe_paid_nano_usd, money.held_nano_usd) == (0, 0)
        self.check_bounds()

    def check_bounds(self) -> None:
        """The invoice is at least what is settled, at most what may have been paid too."""
        money = self.money
        assert (
            money.settled_nano_usd
            <= self.standin.invoice_nano_usd
            <= money.settled_nano_usd + money.maybe_paid_nano_usd
            <= money.budget_nano_usd
        )
        assert_sound(self.database)


Stage = Callable[..., Any]


@pytest.fixture
def stage(sqlite: Database) -> Stage:
    """Sets a scene: `with stage(*faults, rows=3) as scene`."""

    @contextmanager
    def set_scene(
        *faults: Fault,
        rows: int = 3,
        budget_nano_usd: int = 10**9,
        oracle: Any = None,
        make: Callable[[str], Asker] | None = None,
        prices: tuple[Price, ...] | None = None,
        clock: Clock | None = None,
    ) -> Iterator[Scene]:
        made = make_escalated(sqlite, rows, budget_nano_usd=budget_nano_usd)
        with (
            run_standin(Script(faults=faults, oracle=oracle or {})) as standin,
            anthropic.Anthropic(api_key="sk-test-0000", base_url=standin.url) as client,
        ):
            sender = Sender(
                sqlite,
                SENDER,
                make
                or (lambda model: Anthropic(model, timeout_seconds=TIMEOUT_SECONDS, client=client)),
                lambda: built_in_prices() if prices is None else prices,
                CloudSection(
                    busy_pauses_seconds=PAUSES, lease_seconds=60, timeout_seconds=TIMEOUT_SECONDS
                ),
                destination=standin.url,
            )
            scene = Scene(sqlite, standin, sender, made.batch.batch_id, clock or Clock())
            sender._stopping = scene.clock  # type: ignore[assignment] # the test's clock
            yield scene

    return set_scene


def test_rows_are_answered_and_paid_to_the_nano_dollar(stage: Stage) -> None:
    """Each row leaves once, is answered and settled; the ledger is the invoice."""
    with stage(rows=20, oracle=lambda _: {"label": "delivery"}) as scene:
        scene.work()
        assert scene.statuses() == ["done"] * 20
        assert scene.standin.arrived == 20
        assert scene.money.settled_nano_usd > 0
        scene.check_exact()
        assert batches.close_finished(scene.database)
        results = rows_of(scene.database, "SELECT label, tier, model FROM fct_results")
        assert {tuple(row.values()) for row in results} == {("delivery", 1, MODEL)}
        sent = rows_of(scene.database, "SELECT custom_id, provider_request_id FROM cloud_requests")
        assert len({row["custom_id"] for row in sent}) == 20
        assert {row["provider_request_id"] for row in sent} == {
            entry.request_id for entry in scene.standin.entries
        }


def test_the_audit_log_knows_each_sending_and_no_text(stage: Stage) -> None:
    """Each sending stands there with destination and a salted hash, never the row's text."""
    with stage(rows=2) as scene:
        scene.work()
        logged = rows_of(scene.database, "SELECT * FROM audit_log")
        assert [row["destination"] for row in logged] == [scene.standin.url] * 2
        assert len({row["text_hash"] for row in logged}) == 2
        assert "text 1" not in str(logged)


def test_retry_after_is_honoured(stage: Stage) -> None:
    """After a 429 the sender waits as long as it is told, and the row is asked again."""
    busy = Fault("rate_limited", ordinal=1, retry_after_seconds=7)
    with stage(busy, rows=2) as scene:
        scene.work()
        assert scene.clock.waits == [7.0]
        assert scene.statuses() == ["done"] * 2
        assert [request[0] for request in requests(scene.database)] == [
            "not_charged",
            "replied",
            "replied",
        ]
        scene.check_exact()


def test_a_long_wait_renews_the_lease(stage: Stage) -> None:
    """A wait longer than the lease is taken in parts, and the chunk stays ours."""
    busy = Fault("rate_limited", ordinal=1, retry_after_seconds=100)
    with stage(busy, rows=1) as scene:
        scene.work()
        assert scene.clock.waits == [15.0] * 6 + [10.0]
        assert scene.statuses() == ["done"]
        scene.check_exact()


def test_an_overloaded_cloud_is_asked_later(stage: Stage) -> None:
    """529 on every try: pauses, then the chunk is given back unpaid and comes again."""
    busy = Fault("overloaded", times=3, retry_after_seconds=0)
    with stage(busy, rows=2) as scene:
        scene.work()
        assert scene.clock.waits == list(PAUSES)
        assert scene.statuses() == ["escalated"] * 2
        assert scene.standin.invoice_nano_usd == 0
        scene.check_exact()
        scene.work()
        assert scene.statuses() == ["done"] * 2
        scene.check_exact()


def test_a_stop_ends_a_wait(stage: Stage) -> None:
    """A sender told to stop in a wait gives its rows back at once."""
    busy = Fault("rate_limited", ordinal=1, retry_after_seconds=100)
    with stage(busy, rows=2, clock=Clock(stop_after=1)) as scene:
        scene.work()
        assert scene.clock.waits == [15.0]
        assert scene.statuses() == ["escalated"] * 2
        assert len(cloud_hints(scene.database)) == 1
        scene.check_exact()


@pytest.mark.parametrize(
    "kind", ["server_error_accepted", "drop_accepted", "cut_body", "unreadable"]
)
def test_a_lost_reply_is_asked_once_more(stage: Stage, kind: Any) -> None:
    """A paid reply that is not seen is maybe paid; the second try answers the row."""
    with stage(Fault(kind, ordinal=1), rows=2) as scene:
        scene.work()
        assert scene.statuses() == ["done"] * 2
        assert scene.standin.arrived == 3
        assert requests(scene.database)[0][:2] == ("maybe_paid", "maybe_paid")
        assert scene.money.maybe_paid_nano_usd > 0
        assert scene.money.settled_nano_usd < scene.standin.invoice_nano_usd
        scene.check_bounds()


@pytest.mark.parametrize("kind", ["server_error", "drop"])
def test_a_lost_call_that_was_not_paid_stays_within_the_bounds(stage: Stage, kind: Any) -> None:
    """Whether a 500 or a lost connection was paid cannot be seen here: counted as maybe."""
    with stage(Fault(kind, ordinal=1), rows=2) as scene:
        scene.work()
        assert scene.statuses() == ["done"] * 2
        assert scene.money.settled_nano_usd == scene.standin.invoice_nano_usd
        assert scene.money.maybe_paid_nano_usd > 0
        scene.check_bounds()


def test_a_reply_lost_twice_is_for_a_person(stage: Stage) -> None:
    """After the second loss the row waits in review and is never asked again; others go on."""
    with stage(Fault("drop_accepted", marker="text 2"), rows=3) as scene:
        scene.work(times=2)
        assert scene.statuses() == ["done", "review", "done"]
        assert scene.standin.arrived == 4
        assert "cloud_ambiguous" in scene.reasons()
        scene.check_bounds()
        assert batches.close_finished(scene.database)
        assert review.resume(scene.database, scene.batch_id).rows == 0


@pytest.mark.parametrize(
    ("kind", "reason", "paid"),
    [
        ("refusal", "cloud_refused", False),
        ("refusal_midway", "cloud_refused", True),
        ("max_tokens", "answer_cut", True),
        ("garbage", "answer_not_json", True),
    ],
)
def test_an_answer_that_is_none_is_for_a_person(
    stage: Stage, kind: Any, reason: str, paid: bool
) -> None:
    """Refused, cut or no JSON: settled as charged, never a default answer, never asked again."""
    with stage(Fault(kind, marker="text 2"), rows=3) as scene:
        scene.work()
        assert scene.statuses() == ["done", "review", "done"]
        row = rows_of(scene.database, "SELECT * FROM fct_results WHERE row_number = 2")[0]
        assert row["output"] is None
        assert row["reason_code"] == reason
        assert row["reason"]
        costs = [entry.cost_nano_usd for entry in scene.standin.entries]
        assert (min(costs) > 0) is paid
        scene.check_exact()


def test_a_row_the_cloud_never_takes_is_for_a_person(stage: Stage) -> None:
    """A 400 or 413 ends its own row only, unpaid."""
    with stage(
        Fault("bad_request", marker="text 1"), Fault("too_large", marker="text 3"), rows=3
    ) as scene:
        scene.work()
        assert scene.statuses() == ["review", "done", "review"]
        scene.check_exact()


def no_key(_: str) -> Asker:
    """Make no engine: there is no key."""
    raise SettingError("no_cloud_key", variable="ANTHROPIC_API_KEY")


def test_without_a_key_rows_wait_and_it_is_said_once(stage: Stage) -> None:
    """No key: all rows in review, one line in the log per batch, and resume takes them later."""
    with stage(rows=40, make=no_key) as scene:
        with capture_logs() as logs:
            scene.work()
        told = [line for line in logs if line["event"] == "cloud_refuses"]
        assert [(line["code"], line["batch"]) for line in told] == [
            ("no_cloud_key", scene.batch_id)
        ]
        assert scene.statuses() == ["review"] * 40
        assert scene.reasons() == {"no_cloud_key"}
        assert "ANTHROPIC_API_KEY" in next(iter(scene.words()))
        assert (scene.standin.arrived, requests(scene.database)) == (0, [])
        assert batches.close_finished(scene.database)
        assert review.resume(scene.database, scene.batch_id).rows == 40
        assert len(cloud_hints(scene.database)) == 3


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("spend_limit", "cloud_spend_limit"),
        ("payment_required", "cloud_payment_required"),
        ("key_refused", "cloud_key_refused"),
        ("not_allowed", "cloud_not_allowed"),
    ],
)
def test_what_only_a_person_can_mend_stops_the_batch(stage: Stage, kind: Any, code: str) -> None:
    """One refusal of the account: no further row is sent, all wait, what was answered stays."""
    with stage(Fault(kind, ordinal=2, times=1), rows=4) as scene:
        scene.work()
        assert scene.statuses() == ["done"] + ["review"] * 3
        assert scene.standin.arrived == 2
        assert code in scene.reasons()
        scene.check_exact()
        assert batches.close_finished(scene.database)
        assert review.resume(scene.database, scene.batch_id).rows == 3
        scene.work()
        assert scene.statuses() == ["done"] * 4
        scene.check_exact()


def test_an_exhausted_budget_leaves_the_rest_for_a_person(stage: Stage) -> None:
    """When the next call might pass the cap it is not made; nothing is ever above the budget."""
    with stage(rows=10, budget_nano_usd=250_000) as scene:
        scene.work()
        found = scene.statuses()
        assert set(found) == {"done", "review"}
        assert scene.standin.arrived == found.count("done")
        assert "budget_exceeded" in scene.reasons()
        scene.check_exact()


def test_a_missing_price_stops_before_anything_leaves(stage: Stage) -> None:
    """What a call costs must be known before it is made."""
    with stage(rows=2, prices=()) as scene:
        scene.work()
        assert scene.statuses() == ["review"] * 2
        assert scene.reasons() == {"price_missing"}
        assert scene.standin.arrived == 0
        scene.check_exact()


def test_a_deadline_during_a_call_costs_what_the_call_cost(stage: Stage) -> None:
    """The reply is paid to the nano-dollar and suggested; nothing more leaves; the batch closes."""
    with stage(rows=3, oracle=lambda _: {"label": "delivery"}) as scene:
        past = Deadline(datetime(2020, 1, 1, tzinfo=UTC))

        def strike() -> None:
            with scene.database.write() as connection:
                deadlines.set_deadline(connection, scene.batch_id, past)
            assert deadlines.end_overdue(scene.database) == {scene.batch_id: 3}
            assert batches.close_finished(scene.database) == [scene.batch_id]

        asker = scene.sender._asker(MODEL)
        scene.sender._askers[MODEL] = LateAsker(asker, strike)
        scene.work()
        assert scene.statuses() == ["review"] * 3
        assert scene.reasons() == {"deadline"}
        assert scene.standin.arrived == 1
        assert scene.money.settled_nano_usd > 0
        scene.check_exact()
        first, *others = rows_of(
            scene.database, "SELECT tier, suggested_output FROM fct_results ORDER BY row_number"
        )
        assert "delivery" in str(first["suggested_output"])
        assert [row["tier"] for row in (first, *others)] == [1, 0, 0]


class LateAsker:
    """An asker whose reply comes after something else has happened."""

    def __init__(self, asker: Asker, before: Callable[[], None]) -> None:
        self._asker = asker
        self._before = before

    def max_output_tokens(self, question: Question) -> int:
        """The same."""
        return self._asker.max_output_tokens(question)

    def ask(self, question: Question) -> CloudReply:
        """Ask, and let it happen before the reply is handed over."""
        reply = self._asker.ask(question)
        self._before()
        return reply


def test_what_a_dead_sender_left_is_counted(stage: Stage) -> None:
    """A sender that died after its intent: maybe paid, and the next one answers the row."""
    with stage(rows=1) as scene:
        hint: Hint = cloud_hints(scene.database)[0]
        dead = chunks.claim(scene.database, hint, SENDER, 60)
        assert dead is not None
        begin(scene.database, dead, dead.jobs[0])
        chunks.give_back(scene.database, dead)
        scene.work()
        assert scene.statuses() == ["done"]
        assert scene.money.maybe_paid_nano_usd == 1_000
        scene.check_bounds()
