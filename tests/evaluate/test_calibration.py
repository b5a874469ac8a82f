"""Calibration: hand-computed values, what a perfect and a calibrated model must get."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.evaluate.calibration import calibrate, cover, fill_bins, measure_ece
from tests.evaluate.making import make_scores

PAIRS = st.lists(
    st.tuples(st.one_of(st.none(), st.floats(0, 1)), st.booleans()), min_size=1, max_size=60
)


def test_calibrated_confidences_have_no_error() -> None:
    """Of rows said to be 75% sure, three of four are right."""
    pairs = [(0.75, right) for right in (True, True, True, False)] * 5
    assert measure_ece(fill_bins(pairs)) == pytest.approx(0.0)


def test_the_error_against_a_hand_computed_value() -> None:
    """Two values, two bins: (2 x |0.5 - 0.9| + 2 x |0 - 0.2|) / 4 = 0.3."""
    pairs = [(0.9, True), (0.9, False), (0.2, False), (0.2, False)]
    bins = fill_bins(pairs)
    assert [one.rows for one in bins] == [2, 2]
    assert measure_ece(bins) == pytest.approx(0.3)


def test_bins_have_about_equal_mass() -> None:
    """A hundred different confidences, ten to a bin."""
    bins = fill_bins([(number / 100, True) for number in range(100)])
    assert [one.rows for one in bins] == [10] * 10


def test_the_risk_against_a_hand_computed_value() -> None:
    """Right, wrong, right from sure to unsure: (0 + 1/2 + 1/3) / 3; ties count their mean."""
    found = calibrate(make_scores((0.9, True), (0.8, False), (0.7, True)))
    assert found.aurc == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)
    tied = calibrate(make_scores((0.9, True), (0.9, False)))
    assert tied.aurc == pytest.approx(0.5)


def test_coverage_against_hand_computed_values() -> None:
    """Nine right, then one wrong, then one without confidence: all ten at 90%, nine at 95%."""
    scores = make_scores(*[(0.9 - 0.01 * n, True) for n in range(9)], (0.1, False), (None, False))
    assert cover(scores, 0.90).share == pytest.approx(10 / 11)
    at_95 = cover(scores, 0.95)
    assert at_95.share == pytest.approx(9 / 11)
    assert at_95.threshold == pytest.approx(0.82)


def test_ties_are_kept_or_left_together() -> None:
    """A threshold cannot part equal confidences."""
    assert cover(make_scores((0.9, True), (0.9, False)), 0.9).share == 0.0
    assert cover(make_scores((0.9, True), (0.9, True), (0.5, False)), 0.9).share == 2 / 3


def test_no_confidence_at_all() -> None:
    """Nothing is said, and nothing could be kept; one class only is no trouble."""
    found = calibrate(make_scores((None, True), (None, False)))
    assert (found.ece, found.aurc, found.bins, found.known) == (None, None, (), 0)
    assert all(one.share == 0 and one.threshold is None for one in found.coverages)
    assert calibrate([]).ece is None


def test_a_perfect_model() -> None:
    """All right and sure of it."""
    found = calibrate(make_scores(*[(1.0, True)] * 10))
    assert (found.ece, found.aurc) == (0.0, 0.0)
    assert [one.share for one in found.coverages] == [1.0, 1.0, 1.0]


@settings(deadline=None)
@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(
    pairs: list[tuple[float | None, bool]], chance: random.Random
) -> None:
    """Error, area and coverage are those of the set."""
    mixed = list(pairs)
    chance.shuffle(mixed)
    one, other = calibrate(make_scores(*pairs)), calibrate(make_scores(*mixed))
    assert one.ece == (None if other.ece is None else pytest.approx(other.ece))
    assert one.aurc == (None if other.aurc is None else pytest.approx(other.aurc))
    assert one.coverages == other.coverages


@settings(deadline=None)
@given(PAIRS)
def test_figures_stay_in_their_bounds(pairs: list[tuple[float | None, bool]]) -> None:
    """Everything is from 0 to 1, a stricter accuracy never covers more, bins hold all rows."""
    found = calibrate(make_scores(*pairs))
    shares = [one.share for one in found.coverages]
    assert shares == sorted(shares, reverse=True)
    assert all(0 <= one <= 1 for one in (*shares, found.ece or 0, found.aurc or 0))
    assert sum(one.rows for one in found.bins) == found.known
