"""The limit finds what a server can do, and leaves one alone that is busy. Simulated servers."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from workers.engines.openai.pace import Pace

ROWS = 6_000


@dataclass(frozen=True)
class Outcome:
    """What a simulation came to: limits over time, rows turned away, rows per second late on."""

    limits: list[int]
    turned_away: int
    rate: float


def simulate(
    pace: Pace,
    seconds_of: Callable[[int], float],
    *,
    refuses_over: int | None = None,
    noise: float = 0.0,
    seed: int = 0,
) -> Outcome:
    """Keep a server full; a row takes `seconds_of(rows out when it was sent)`."""
    draw = random.Random(seed)  # noqa: S311 - a simulation
    now, done, away, late_at = 0.0, 0, 0, 0.0
    flying: list[tuple[float, int, float, bool]] = []
    limits: list[int] = []
    number = 0
    while done < ROWS:
        while len(flying) < pace.limit:
            number += 1
            refused = refuses_over is not None and len(flying) >= refuses_over
            takes = 0.001 if refused else seconds_of(len(flying) + 1)
            takes *= 1 + noise * (2 * draw.random() - 1)
            heapq.heappush(flying, (now + takes, number, now, refused))
        now, _, sent_at, refused = heapq.heappop(flying)
        if refused:
            away += 1
            pace.turned_away(now, sent_at)
            now += 0.05  # it is left alone for a moment
            continue
        done += 1
        pace.finished(now, 1.0, full=True)
        limits.append(pace.limit)
        if done == ROWS // 2:
            late_at = now
    return Outcome(limits, away, (ROWS - ROWS // 2) / (now - late_at))


def slots(count: int) -> Callable[[int], float]:
    """A server that answers so many rows at once; the others wait behind them."""
    return lambda out: max(1.0, out / count)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 16), st.integers(0, 1000))
def test_a_server_is_used_up_and_not_flooded(count: int, start: int, seed: int) -> None:
    """Nearly all of its throughput is had, with not many more rows out than it has places."""
    outcome = simulate(Pace(start, 64), slots(count), noise=0.1, seed=seed)
    assert outcome.rate >= 0.7 * count
    late = outcome.limits[ROWS // 2 :]
    assert sum(late) / len(late) <= 3 * count + 4


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 64), st.integers(1, 64), st.integers(0, 1000))
def test_a_limit_stays_within_its_bounds(start: int, most: int, seed: int) -> None:
    """Whatever happens, one row may go and never more than allowed."""
    pace = Pace(start, most)
    outcome = simulate(pace, lambda out: 0.01, refuses_over=1 + seed % 9, noise=0.5, seed=seed)
    assert min(outcome.limits) >= 1
    assert max(outcome.limits) <= most


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 30), st.integers(0, 1000))
def test_a_server_that_refuses_is_seldom_asked_too_much(most: int, seed: int) -> None:
    """After the first refusals few rows are turned away, and most of what it can do is used."""
    outcome = simulate(Pace(4, 64), lambda out: 1.0, refuses_over=most, noise=0.1, seed=seed)
    assert outcome.turned_away <= ROWS * 0.1
    assert outcome.rate >= 0.4 * most


def test_a_server_that_chokes_is_asked_less() -> None:
    """Where more rows at once are slower altogether the limit comes down to where they are not."""
    outcome = simulate(Pace(32, 64), lambda out: 1.0 if out <= 8 else (out / 8) ** 2)
    late = outcome.limits[ROWS // 2 :]
    assert sum(late) / len(late) <= 14
    assert outcome.rate >= 5


def test_a_burst_of_refusals_is_one() -> None:
    """Rows that were sent before the limit came down say nothing about the new one."""
    pace = Pace(32, 64)
    for _ in range(20):
        pace.turned_away(10.0, sent_at=9.0)
    assert pace.limit == 16
    pace.turned_away(11.0, sent_at=10.5)
    assert pace.limit == 8


def test_windows_without_enough_rows_change_nothing() -> None:
    """A server that waits for rows is not slow."""
    pace = Pace(4, 64)
    for second in range(500):
        pace.finished(float(second), 1.0, full=False)
    assert pace.limit == 4
