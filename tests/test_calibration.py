"""Batch calibration: what a model says to every row alike counts less; the rest is untouched."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jobs.calibration import FLOOR, Prior, average, calibrate, scores_of
from jobs.spec import ClassifyTask, build_spec
from jobs.tasks import Classify, Reading
from tests.tasks.making import talk

LABELS = ("a", "b", "c")
TASK = Classify(ClassifyTask.model_validate({"kind": "classify", "labels": list(LABELS)}))
SHARES = st.lists(st.floats(1e-6, 1), min_size=3, max_size=3).map(
    lambda weights: [weight / math.fsum(weights) for weight in weights]
)
ROWS = st.lists(SHARES, min_size=1, max_size=20)


def read(shares: list[float]) -> Reading:
    """The reading of scored labels."""
    best = max(range(3), key=lambda at: shares[at])
    signals = {"probabilities": {LABELS[at]: round(shares[at], 6) for at in range(3)}}
    label = LABELS[best]
    return Reading({"label": label}, label, signals, shares[best], "label_probability")


def prior_of(rows: list[list[float]]) -> Prior:
    """The prior of such rows."""
    return average([scores for row in rows if (scores := scores_of(read(row))) is not None])


@given(ROWS, SHARES)
def test_a_calibrated_reading_is_whole(rows: list[list[float]], shares: list[float]) -> None:
    """Its probabilities sum to 1, the raw ones stay, and the confidence is found among them."""
    found = calibrate(read(shares), prior_of(rows))
    probabilities = found.signals["probabilities"]
    assert math.isclose(math.fsum(probabilities.values()), 1, abs_tol=1e-5)
    assert found.signals["raw_probabilities"] == read(shares).signals["probabilities"]
    assert found.output == {"label": found.label}
    assert found.label is not None
    assert found.confidence == pytest.approx(probabilities[found.label], abs=1e-6)
    assert found.signals["calibration"]["rows"] == len(rows)


@given(SHARES)
def test_labels_that_are_alike_on_the_mean_change_nothing(shares: list[float]) -> None:
    """A prior that favours no label takes nothing away."""
    best, second, _ = sorted(shares, reverse=True)
    assume(best - second > 1e-5)  # signals are rounded: nearer ones are as good as equal
    raw = read(shares)
    found = calibrate(raw, Prior(100, dict.fromkeys(LABELS, -1.5)))
    assert found.label == raw.label
    assert found.signals["probabilities"] == pytest.approx(
        raw.signals["probabilities"], abs=1e-5 + 3 * FLOOR
    )


def test_a_label_that_every_row_has_counts_less() -> None:
    """And a row that stands out against its batch is told from the others."""
    usual, odd = [0.8, 0.15, 0.05], [0.55, 0.05, 0.4]
    prior = prior_of([usual] * 100)
    tame = calibrate(read(usual), prior).signals["probabilities"]
    assert tame["a"] < 0.8
    assert tame["c"] > 0.05
    change = calibrate(read(odd), prior).signals["probabilities"]
    assert change["c"] > 0.4


@pytest.mark.parametrize(
    "reading",
    [
        TASK.read(talk({"label": "a"})),
        TASK.read(talk("nonsense")),
        Reading({"labels": ["a"]}, None, {"probabilities": {"a": 0.9}}, 0.9, "label_probability"),
        Reading({"label": "a"}, "a", {"probabilities": {"a": 0.9}, "unopened": 0.1}, 0.9, "none"),
        Reading({"label": "z"}, "z", {"probabilities": {"z": 0.9}}, 0.9, "label_probability"),
    ],
)
def test_what_has_not_all_labels_stays(reading: Reading) -> None:
    """Written answers, sets, half a distribution and other labels are left as they are."""
    assert calibrate(reading, prior_of([[0.5, 0.3, 0.2]])) is reading


@given(ROWS)
def test_a_prior_is_the_mean(rows: list[list[float]]) -> None:
    """Of the logarithms of each label's probability."""
    prior = prior_of(rows)
    assert prior.rows == len(rows)
    for at, label in enumerate(LABELS):
        mean = math.fsum(math.log(max(round(row[at], 6), FLOOR)) for row in rows) / len(rows)
        assert prior.logs[label] == pytest.approx(mean, abs=1e-6)


def test_a_spec_asks_for_it() -> None:
    """All labels are scored then; a spec that does not keeps its hash."""
    tables = {"name": "s", "input": {"text": "t"}}
    plain = {"kind": "classify", "labels": ["a", "b"]}
    asking = build_spec({**tables, "task": {**plain, "calibration": "batch"}})
    without = build_spec({**tables, "task": plain})
    said = build_spec({**tables, "task": {**plain, "calibration": "none"}})
    assert without.hash() == said.hash() != asking.hash()
    assert isinstance(asking.task, ClassifyTask)
    assert Classify(asking.task).choice.complete
    assert not TASK.choice.complete
