"""Waiting: when to look again, when it is too late, and who is missing."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from jobs.client.records import Status
from jobs.client.watch import LONGEST_PAUSE_SECONDS, Watch, find_missing
from jobs.job import BatchStatus
from jobs.store.outbox import QueueDebt
from jobs.words import LANGUAGES, say

AT_REST = Status(
    batch_id="b1", status=BatchStatus.OPEN, spec_name="s", file_name="rows", rows=9, rejected=1,
    waiting=8, running=0, escalated=0, done=0, review=0, failed=0, cancelled=0,
    cost_usd=Decimal(0), file_error=None, file_error_reason=None,
    created_at=datetime(2026, 1, 1, tzinfo=UTC), closed_at=None,
)  # fmt: skip
LOCAL = "sekisho worker local --model m"
UNSENT = QueueDebt("local.m", unsent=2, unclaimed=0)
SENT = QueueDebt("local.m", unsent=0, unclaimed=2)


def test_pauses_grow_and_never_pass_the_end() -> None:
    """A small batch is seen soon, a large one is not asked about all the time."""
    watch = Watch(started=0, timeout_seconds=100, silence_seconds=None)
    pauses = [watch.next_pause_seconds(0) for _ in range(12)]
    assert pauses[0] == 0.2
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    assert watch.next_pause_seconds(99.5) == 0.5
    assert watch.next_pause_seconds(200) == 0
    assert Watch(0, None, None).next_pause_seconds(10**9) == 0.2


def test_it_is_late_at_the_end() -> None:
    """Not before, and without a timeout never."""
    watch = Watch(started=5, timeout_seconds=10, silence_seconds=None)
    assert [watch.is_late(at) for at in (5, 14.9, 15)] == [False, False, True]
    assert not Watch(0, None, None).is_late(10**9)


def test_what_moves_is_not_silent() -> None:
    """Any count that changes begins the silence anew; without a limit nothing is silent."""
    watch = Watch(started=0, timeout_seconds=None, silence_seconds=10)
    watch.look(1, AT_REST)
    assert not watch.is_silent(10)
    watch.look(11, AT_REST)
    assert watch.is_silent(11)
    watch.look(12, replace(AT_REST, waiting=7, running=1))
    assert not watch.is_silent(21)
    assert watch.is_silent(22)
    assert not Watch(0, None, None).is_silent(10**9)


@pytest.mark.parametrize(
    ("needed", "live", "debts", "missing"),
    [
        (["m"], set(), [UNSENT], ("nobody_works", ("sekisho dispatch", LOCAL))),
        (["m"], {"other"}, [SENT], ("nobody_works", (LOCAL,))),
        (["m", "cloud"], {"m"}, [SENT], ("nobody_works", ("sekisho worker cloud",))),
        (["m"], {"m"}, [UNSENT], ("nobody_dispatches", ("sekisho dispatch",))),
        (["m"], {"m"}, [UNSENT, QueueDebt("local.x", 0, 1)], None),
        (["m"], {"m"}, [SENT], None),
        (["m"], {"m"}, [], None),
        ([], {"m"}, [], ("nobody_dispatches", ("sekisho dispatch",))),
    ],
)  # fmt: skip
def test_who_is_missing(
    needed: list[str],
    live: set[str],
    debts: list[QueueDebt],
    missing: tuple[str, tuple[str, ...]] | None,
) -> None:
    """A worker of each model, and somebody who sends: what is not there is named to be started."""
    assert find_missing(AT_REST, needed, live, debts) == missing


def test_rows_at_work_need_no_dispatcher_now() -> None:
    """While a worker holds rows of the batch, messages that wait say nothing."""
    running = replace(AT_REST, running=4)
    assert find_missing(running, ["m"], {"m"}, [UNSENT]) is None


def test_a_batch_that_is_not_loaded_needs_its_producer() -> None:
    """No worker can help it: the same rows have to be handed in again."""
    loading = replace(AT_REST, status=BatchStatus.LOADING)
    assert find_missing(loading, ["m"], set(), [UNSENT]) == ("nobody_loads", ())


@pytest.mark.parametrize("language", LANGUAGES)
def test_errors_say_what_to_do(language: str) -> None:
    """Every parameter of the words is filled."""
    watch = Watch(0, 60.0, 30.0)
    errors = [
        watch.timeout(AT_REST),
        *(
            watch.silence(AT_REST, code, ["sekisho dispatch", "sekisho worker cloud"])
            for code in ("nobody_works", "nobody_dispatches", "nobody_loads")
        ),
    ]
    for error in errors:
        words = say(error.code, "ja" if language == "ja" else "en", **error.params)
        assert "b1" in words
        assert "{" not in words
        assert error.code not in words
    assert "`sekisho dispatch`, `sekisho worker cloud`" in str(errors[1].params["commands"])
