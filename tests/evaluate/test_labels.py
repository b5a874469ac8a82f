"""Classifications: hand-computed F1, what is perfect, what an unanswered row costs."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.evaluate.gold import OTHER, Labels
from jobs.evaluate.labels import NOTHING, measure_labels
from tests.evaluate.making import evaluate_labels, make_row

NAMES = ("a", "b", "c")
LABELS = Labels({name: name for name in NAMES})
PAIRS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.one_of(st.none(), st.sampled_from(NAMES))),
    min_size=1,
    max_size=25,
)


def measure_single(pairs: list[tuple[str, str | None]]):  # type: ignore[no-untyped-def]
    """The figures of rows with one label."""
    rows = [
        (make_row(number, gold, None if said is None else {"label": said}), frozenset({gold}))
        for number, (gold, said) in enumerate(pairs, 1)
    ]
    return measure_labels(rows, LABELS, multi=False)


def test_hand_computed_values() -> None:
    """a: P 1/2, R 1/2, F1 1/2; b: P 1, R 1/2, F1 2/3; c: P 0, R -, F1 0."""
    found = measure_single([("a", "a"), ("a", None), ("b", "b"), ("b", "a"), ("a", "c")][:5])
    lines = {one.name: one for one in found.classes}
    assert (lines["a"].precision, lines["a"].recall) == (1 / 2, 1 / 3)
    assert lines["b"].f1 == pytest.approx(2 / 3)
    assert (lines["c"].precision, lines["c"].recall, lines["c"].f1) == (0.0, None, 0.0)
    assert found.figures["accuracy"].value == 2 / 5
    assert found.figures["macro_f1"].value == pytest.approx((0.4 + 2 / 3 + 0) / 3)
    confusions = {(one.gold, one.answer): one.rows for one in found.confusions}
    assert confusions == {("a", NOTHING): 1, ("a", "c"): 1, ("b", "a"): 1}


@settings(deadline=None)
@given(PAIRS, st.randoms(use_true_random=False))
def test_order_changes_nothing_and_f1_lies_between(
    pairs: list[tuple[str, str | None]], chance: random.Random
) -> None:
    """F1 is never outside of precision and recall; figures are those of the set of rows."""
    mixed = list(pairs)
    chance.shuffle(mixed)
    one, other = measure_single(pairs), measure_single(mixed)
    assert {n: f.value for n, f in one.figures.items()} == pytest.approx(
        {n: f.value for n, f in other.figures.items()}
    )
    for line in one.classes:
        if line.precision is not None and line.recall is not None and line.f1 is not None:
            low, high = sorted((line.precision, line.recall))
            assert low - 1e-9 <= line.f1 <= high + 1e-9


@settings(deadline=None)
@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=30))
def test_perfect_answers_are_perfect(golds: list[str]) -> None:
    """Every figure is 1, also where there is one class only."""
    found = measure_single([(name, name) for name in golds])
    assert {one.value for one in found.figures.values()} == {1.0}
    assert not found.confusions


def test_several_labels() -> None:
    """{a,b} answered {a}: 2 x 1 / 3; {} answered {} is right; unanswered is wrong."""
    golds = [frozenset({"a", "b"}), frozenset[str](), frozenset({"c"})]
    outputs: list[dict[str, Any] | None] = [{"labels": ["a"]}, {"labels": []}, None]
    rows = [
        (make_row(n, "", out), gold)
        for n, (gold, out) in enumerate(zip(golds, outputs, strict=True))
    ]
    found = measure_labels(rows, LABELS, multi=True)
    assert [one.right for one in found.scores] == [False, True, False]
    assert [one.score for one in found.scores] == pytest.approx([2 / 3, 1.0, 0.0])
    assert found.figures["exact_match"].value == pytest.approx(1 / 3)
    assert found.figures["micro_f1"].value == pytest.approx(2 / (3 + 1))


def test_none_of_the_labels_is_a_class_of_its_own() -> None:
    """An answer that says so is right where gold says so, and counted by that name."""
    labels = Labels(LABELS.names, other=True, gold_other="oos")
    rows = [
        (make_row(1, "oos", {"label": "other"}), frozenset({OTHER})),
        (make_row(2, "a", {"label": None}), frozenset({"a"})),
    ]
    found = measure_labels(rows, labels, multi=False)
    assert [one.right for one in found.scores] == [True, False]
    assert [(one.name, one.answers) for one in found.classes] == [("a", 0), (OTHER, 2)]


def test_an_unknown_gold_label_is_wrong_and_named() -> None:
    """Its row stays among the rows."""
    found = evaluate_labels([("refund", "refund"), ("unheard", "refund")])
    assert (found.rows, found.left_out) == (2, 0)
    assert [(one.row_number, one.code) for one in found.findings] == [(2, "gold_label_unknown")]
    assert found.measured.figures["accuracy"].value == 0.5
