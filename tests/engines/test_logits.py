"""From logits to log-probabilities: as exact as they need be, and odd numbers stay odd."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from workers.engines.llama.logits import summarise

matrices = st.builds(
    lambda seed, scale, shift, size: (
        np.random.default_rng(seed).standard_normal((3, size)) * scale + shift
    ).astype(np.float32),
    seed=st.integers(0, 10_000),
    scale=st.sampled_from([0.0, 0.1, 1.0, 30.0, 300.0]),
    shift=st.sampled_from([0.0, -1000.0, 50.0]),
    size=st.sampled_from([1, 2, 7, 1000, 50_000]),
)


def log_softmax(row: NDArray[np.float32]) -> NDArray[np.float64]:
    exact = row.astype(np.float64)
    most = exact.max()
    return np.asarray(exact - (most + np.log(np.exp(exact - most).sum())))


@given(logits=matrices)
def test_logprobs_are_those_of_float64(logits: NDArray[np.float32]) -> None:
    """The quick softmax is the exact one to a hundred-thousandth of what it is made of."""
    scores = summarise(logits, 3)
    for output, row in enumerate(logits):
        exact = log_softmax(row)
        assert scores.best[output] == row.argmax()
        for token in {0, len(row) // 2, int(row.argmax()), int(row.argmin())}:
            assert scores.logprob(output, token) == pytest.approx(exact[token], abs=1e-5, rel=1e-6)


@given(logits=matrices, outputs=st.integers(0, 3))
def test_only_what_is_asked_is_looked_at(logits: NDArray[np.float32], outputs: int) -> None:
    """The first outputs have a likeliest token and a sum; the logits of all are there."""
    scores = summarise(logits, outputs)
    assert len(scores) == len(logits)
    assert len(scores.best) == len(scores.sums) == outputs
    part = scores.part(1, 3)
    assert np.array_equal(part.logits, logits[1:3])
    assert np.array_equal(part.best, scores.best[1:3])


def test_a_nan_is_the_best_and_has_no_probability() -> None:
    """A NaN anywhere is what `best` names, and it touches no other output."""
    logits = np.zeros((2, 9), np.float32)
    logits[0, 4] = np.nan
    scores = summarise(logits, 2)
    assert scores.best[0] == 4
    assert np.isnan(scores.logprob(0, 0))
    assert scores.logprob(1, 0) == pytest.approx(-np.log(9))


@pytest.mark.parametrize("odd", [np.inf, np.nan])
def test_infinity_has_no_finite_logprob(odd: float) -> None:
    """A row with such a logit can be told by its log-probability."""
    logits = np.zeros((1, 9), np.float32)
    logits[0, 4] = odd
    scores = summarise(logits, 1)
    assert not np.isfinite(scores.logprob(0, int(scores.best[0])))


def test_tokens_that_cannot_be_are_minus_infinity() -> None:
    """A logit of minus infinity takes nothing from the others."""
    logits = np.array([[0.0, -np.inf, 0.0]], np.float32)
    scores = summarise(logits, 1)
    assert scores.logprob(0, 1) == -np.inf
    assert scores.logprob(0, 0) == pytest.approx(-np.log(2))


def test_no_number_at_all_is_no_answer() -> None:
    """Where nothing can be, the best has no finite log-probability."""
    scores = summarise(np.full((1, 5), -np.inf, np.float32), 1)
    assert not np.isfinite(scores.logprob(0, int(scores.best[0])))
