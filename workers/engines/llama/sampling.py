"""Which token comes next when it need not be the likeliest; random numbers fixed per row."""

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Sampling:
    """`temperature` 0 is greedy; `top_p` and `min_p` cut the tail of what may be drawn.

    `top_p` keeps the likeliest tokens that together reach it (Holtzman et al. 2020,
    arXiv 1904.09751), `min_p` those at least so likely as a share of the likeliest (Nguyen et al.
    2024, arXiv 2407.01082); both look at the probabilities after the temperature.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    min_p: float = 0.0
    seed: int = 0


GREEDY: Final = Sampling()


def seed_row(sampling: Sampling, text: str) -> int:
    """Return the seed of a row's random numbers: by its text, whatever it is batched with."""
    content = f"{sampling.seed}\0{text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=16).digest(), "little")


def draw(logits: NDArray[np.float32], sampling: Sampling, row_seed: int, position: int) -> int:
    """Draw the token at `position` of an answer; equal arguments give the equal token."""
    kept, weights = _cut_tail(logits.astype(np.float64) / sampling.temperature, sampling)
    heap = np.cumsum(weights)
    dice = np.random.Generator(np.random.Philox(key=row_seed, counter=position)).random()
    return int(kept[np.searchsorted(heap, dice * heap[-1], side="right").clip(max=len(kept) - 1)])


def _cut_tail(
    logits: NDArray[np.float64], sampling: Sampling
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the tokens that may be drawn, likeliest first, and their weights."""
    weights = np.exp(logits - logits.max())
    kept = np.flatnonzero(weights >= min(max(sampling.min_p, np.finfo(np.float64).tiny), 1.0))
    kept = kept[np.argsort(-weights[kept], kind="stable")]
    weights = weights[kept]
    if sampling.top_p < 1:
        reached = np.cumsum(weights) >= sampling.top_p * weights.sum()
        size = int(np.argmax(reached)) + 1
        kept, weights = kept[:size], weights[:size]
    return kept, weights
