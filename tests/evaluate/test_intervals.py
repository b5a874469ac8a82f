"""Intervals: Wilson's against published values, the bootstrap against what must hold."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.evaluate.intervals import bootstrap_mean, wilson
from jobs.evaluate.rows import Figure


def test_wilson_against_hand_computed_values() -> None:
    """8 of 10: (0.8 + 0.192073) / 1.384146 +- 1.96 x 0.158877 / 1.384146."""
    found = wilson(8, 10)
    assert found.value == 0.8
    assert found.low == pytest.approx(0.4902, abs=1e-4)
    assert found.high == pytest.approx(0.9433, abs=1e-4)


def test_ends_are_exact_and_nothing_is_said_of_no_rows() -> None:
    """None of n begins at 0, all of n ends at 1."""
    assert wilson(0, 5).low == 0.0
    assert wilson(5, 5).high == 1.0
    assert wilson(0, 0) == Figure(None)
    assert bootstrap_mean([]) == Figure(None)


@settings(deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_its_value(counts: tuple[int, int]) -> None:
    """The proportion lies in its interval, which lies in [0, 1]."""
    found = wilson(*counts)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_bootstrap_is_the_same_every_time() -> None:
    """A fixed seed; equal values have no width; the mean lies inside."""
    values = [0.0, 1.0, 1.0, 0.5, 0.25, 1.0]
    found = bootstrap_mean(values)
    assert found == bootstrap_mean(values)
    assert found.low is not None
    assert found.high is not None
    assert found.low < sum(values) / 6 < found.high
    assert bootstrap_mean([0.3, 0.3]) == Figure(0.3, 0.3, 0.3)
