"""Batch calibration of labels: what a model says to every row of a batch alike counts less. Pure.

From each label's log-probability a share of its mean over about a hundred rows of the batch is
taken away (Zhou et al. 2024, arXiv 2309.17249, have the whole mean; see `SHARE`). The mean is that
of one batch at one tier, taken once: `jobs.store.priors` pins it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from jobs.tasks.protocol import Reading

LEAST_ROWS: Final = 100
SHARE: Final = 0.5
"""How much of the mean is taken away. The whole of it evens the labels out, as if a batch had as
many rows of each: it made a set that has not worse, and another better. With half of it no set that
was tried became worse."""
FLOOR: Final = 1e-6
"""The least probability that is told from others: signals have six decimals."""
Scores = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Prior:
    """The mean log-probability of each label, in nats, over so many rows."""

    rows: int
    logs: Scores


def scores_of(reading: Reading) -> Scores | None:
    """Return the probabilities of all labels as the model said them; None where it said less."""
    scores = reading.signals.get("probabilities")
    whole = reading.label is not None and "unopened" not in reading.signals
    return scores if whole and isinstance(scores, Mapping) else None


def average(rows: Sequence[Scores]) -> Prior:
    """Return the prior of rows, one or more, that all have the same labels."""
    logs = {label: math.fsum(_log(row[label]) for row in rows) / len(rows) for label in rows[0]}
    return Prior(len(rows), {label: round(value, 6) for label, value in logs.items()})


def calibrate(reading: Reading, prior: Prior) -> Reading:
    """Return a reading with its probabilities calibrated; one that has none stays as it is.

    `raw_probabilities` are the model's own; label, confidence, margin and entropy are those of the
    calibrated `probabilities`.
    """
    scores = scores_of(reading)
    if scores is None or scores.keys() != prior.logs.keys():
        return reading
    logs = {label: _log(value) - SHARE * prior.logs[label] for label, value in scores.items()}
    highest = max(logs.values())
    weights = {label: math.exp(log - highest) for label, log in logs.items()}
    whole = math.fsum(weights.values())
    shares = {label: weight / whole for label, weight in weights.items()}
    label = max(shares, key=lambda name: shares[name])
    best, second = sorted(shares.values(), reverse=True)[:2]
    entropy = -math.fsum(share * math.log(share) for share in shares.values() if share > 0)
    signals: dict[str, Any] = {
        **reading.signals,
        "margin": round(best - second, 6),
        "entropy": round(entropy, 6),
        "probabilities": {name: round(share, 6) for name, share in shares.items()},
        "raw_probabilities": dict(scores),
        "calibration": {"share": SHARE, "rows": prior.rows},
    }
    output = {"label": label}
    return replace(reading, output=output, label=label, signals=signals, confidence=best)


def _log(probability: float) -> float:
    return math.log(max(probability, FLOOR))
