"""Drawn tokens: from the likeliest ones, by numbers that belong to the row alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from workers.engines.llama.sampling import Sampling, draw, seed_row

SIZE = 50


def make_logits(seed: int) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).standard_normal(SIZE) * 2).astype(np.float32)


def softmax(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    weights = np.exp((logits.astype(np.float64) - logits.max()) / temperature)
    return np.asarray(weights / weights.sum())


seeds = st.integers(0, 10_000)
places = st.integers(0, 5000)


@given(seed=seeds, position=places)
def test_a_temperature_near_zero_is_greedy(seed: int, position: int) -> None:
    """The colder, the more certain the likeliest token is."""
    logits = make_logits(seed)
    assert draw(logits, Sampling(1e-6), seed, position) == logits.argmax()


@given(seed=seeds, position=places)
def test_a_tail_cut_to_nothing_is_greedy(seed: int, position: int) -> None:
    """With the smallest nucleus, or a floor at the likeliest, only that one is left."""
    logits = make_logits(seed)
    assert draw(logits, Sampling(1.0, top_p=1e-9), seed, position) == logits.argmax()
    assert draw(logits, Sampling(1.0, min_p=1.0), seed, position) == logits.argmax()


@given(
    seed=seeds,
    position=places,
    temperature=st.floats(0.2, 3),
    top_p=st.floats(0.05, 1),
    min_p=st.floats(0, 0.9),
)
def test_only_what_the_cuts_keep_is_drawn(
    seed: int, position: int, temperature: float, top_p: float, min_p: float
) -> None:
    """A drawn token is likely enough, and those that are likelier do not reach `top_p`."""
    logits = make_logits(seed)
    token = draw(logits, Sampling(temperature, top_p, min_p), seed, position)
    shares = softmax(logits, temperature)
    floor = shares[shares >= min_p * shares.max() * (1 - 1e-9)]
    assert shares[token] >= min_p * shares.max() * (1 - 1e-9)
    likelier = floor[floor > shares[token]].sum()
    assert top_p == 1 or likelier < top_p * floor.sum() + 1e-9


@given(seed=seeds, text=st.text(max_size=20), position=places)
def test_the_same_row_draws_the_same(seed: int, text: str, position: int) -> None:
    """Text, seed and place decide, however often and in whatever order it is asked."""
    logits = make_logits(seed)
    sampling = Sampling(1.0, seed=seed)
    first = draw(logits, sampling, seed_row(sampling, text), position)
    draw(make_logits(seed + 1), sampling, 5, position + 1)
    assert draw(logits, sampling, seed_row(sampling, text), position) == first


def test_seed_text_and_place_each_change_the_numbers() -> None:
    """Rows, seeds and places have numbers of their own."""
    flat = np.zeros(1_000_000, np.float32)

    def at(seed: int, text: str, position: int) -> int:
        sampling = Sampling(1.0, seed=seed)
        return draw(flat, sampling, seed_row(sampling, text), position)

    drawn = [at(0, "a", 0), at(1, "a", 0), at(0, "b", 0), at(0, "a", 1), at(1, "0\0a", 0)]
    assert len(set(drawn)) == len(drawn)


def test_text_that_has_no_bytes_has_a_seed() -> None:
    """A lone surrogate is text too."""
    assert seed_row(Sampling(), "\ud800") != seed_row(Sampling(), "?")


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_come_as_often_as_they_are_likely(temperature: float) -> None:
    """Over the places of one row the tokens follow the softmax."""
    logits = make_logits(7)[:6]
    drawn = [draw(logits, Sampling(temperature), 11, position) for position in range(4000)]
    found = np.bincount(drawn, minlength=6) / len(drawn)
    assert found == pytest.approx(softmax(logits, temperature), abs=0.03)


def test_impossible_tokens_are_never_drawn() -> None:
    """Minus infinity stays out, at any temperature."""
    logits = np.full(SIZE, -np.inf, np.float32)
    logits[[3, 9]] = 0.0
    drawn = {draw(logits, Sampling(5.0), 1, position) for position in range(200)}
    assert drawn == {3, 9}
