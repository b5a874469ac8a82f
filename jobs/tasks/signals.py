"""What the tokens of an answer say about it; uncalibrated, the gate's business is the rest.

Sums and means of log-probabilities favour short or long answers; a low quantile does not
(Gupta et al. 2024, arXiv 2404.10136), so free text takes its confidence from one.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

from jobs.prompt import TokenScore

QUANTILE: Final = 0.1
FLOOR: Final = -100.0
"""The least log-probability that is told from others, in nats; JSON knows no infinity."""


def token_logprobs(
    tokens: Iterable[TokenScore], spans: Iterable[tuple[int, int]]
) -> tuple[float, ...] | None:
    """Return the log-probabilities of the tokens that wrote any byte of `spans`, in order.

    None if there is no such token, or one whose number is none.
    """
    wanted = tuple(spans)
    found = [
        token.logprob
        for token in tokens
        if any(token.start < end and start < token.end for start, end in wanted)
    ]
    if not found or any(math.isnan(value) for value in found):
        return None
    return tuple(min(max(value, FLOOR), 0.0) for value in found)


def byte_span(text: str, start: int, end: int) -> tuple[int, int]:
    """Turn the characters [start, end) of a text into its bytes in UTF-8."""
    first = len(text[:start].encode("utf-8", "surrogatepass"))
    return first, first + len(text[start:end].encode("utf-8", "surrogatepass"))


def describe(logprobs: Sequence[float]) -> dict[str, Any]:
    """Return count, sum, mean, minimum and low quantiles of log-probabilities, in nats."""
    ranked = sorted(logprobs)
    total = math.fsum(ranked)
    return {
        "tokens": len(ranked),
        "sum": round(total, 6),
        "mean": round(total / len(ranked), 6),
        "min": round(ranked[0], 6),
        "q10": round(quantile(ranked, QUANTILE), 6),
        "q25": round(quantile(ranked, 0.25), 6),
        "q50": round(quantile(ranked, 0.5), 6),
    }


def quantile(ranked: Sequence[float], share: float) -> float:
    """Return the lower empirical quantile of numbers that are sorted and not none."""
    return ranked[math.floor(share * (len(ranked) - 1))]
