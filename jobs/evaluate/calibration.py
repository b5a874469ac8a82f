"""What the confidences are worth: calibration error, reliability, what a threshold could keep.

Expected calibration error: sum over bins of |bin| / n x |share right - mean confidence| (Guo et
al. 2017, "On Calibration of Modern Neural Networks", eq. 3), with bins of equal mass (Nguyen and
O'Connor 2015, "Posterior calibration and exploratory analysis for NLP models"). Equal
confidences are never parted: they fall together into the bin of their middle rank, so the order
of the rows changes nothing.

AURC, the area under the risk-coverage curve: the mean over k of the share wrong among the k
surest rows (Geifman and El-Yaniv; the plug-in form of arXiv 2410.15361). 0 is perfect; equal
confidences count with the mean of all their orders.

Coverage at an accuracy: the largest share of all rows that a threshold could keep with at least
that accuracy among them. The threshold is chosen on the very rows it is judged by, so the figure
is optimistic; only `certified` proves one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from jobs.evaluate.intervals import Numbers
from jobs.evaluate.rows import RowScore

BINS: Final = 10
ACCURACIES: Final = (0.90, 0.95, 0.99)
CURVE_POINTS: Final = 100


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of like confidence: how many, their mean confidence, the share that is right."""

    rows: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """The share of all rows kept at an accuracy, and the threshold; None where none does it."""

    accuracy: float
    share: float
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """All of it. `known` rows have a confidence; None stands for what cannot be told.

    `risk_curve` are points (share kept, share wrong of those).
    """

    rows: int
    known: int
    ece: float | None
    bins: tuple[Bin, ...]
    coverages: tuple[Coverage, ...]
    aurc: float | None
    risk_curve: tuple[tuple[float, float], ...]
    field_ece: float | None = None


def calibrate(
    scores: Sequence[RowScore], field_scores: Sequence[tuple[float, bool]] = ()
) -> Calibration:
    """Compare confidences with what was right; `field_scores` are those of single fields."""
    pairs = [(one.confidence, one.right) for one in scores if one.confidence is not None]
    bins = fill_bins(pairs)
    risks = _risks(scores)
    aurc = float(risks.mean()) if pairs else None
    return Calibration(
        rows=len(scores),
        known=len(pairs),
        ece=measure_ece(bins),
        bins=bins,
        coverages=tuple(cover(scores, accuracy) for accuracy in ACCURACIES),
        aurc=aurc,
        risk_curve=_thin(risks) if pairs else (),
        field_ece=measure_ece(fill_bins(field_scores)),
    )


def fill_bins(pairs: Sequence[tuple[float, bool]]) -> tuple[Bin, ...]:
    """Return at most ten bins of about equal mass, from low confidence to high."""
    if not pairs:
        return ()
    sure, right = _columns(pairs)
    _, places, counts = np.unique(sure, return_inverse=True, return_counts=True)
    middles = (np.cumsum(counts) - counts / 2) / len(sure)
    of_row = np.minimum((middles * BINS).astype(np.int64), BINS - 1)[places]
    return tuple(
        Bin(int(inside.sum()), float(sure[inside].mean()), float(right[inside].mean()))
        for number in range(BINS)
        if (inside := of_row == number).any()
    )


def measure_ece(bins: Sequence[Bin]) -> float | None:
    """Return the expected calibration error of bins; nothing of none."""
    rows = sum(one.rows for one in bins)
    if not rows:
        return None
    return sum(one.rows * abs(one.right - one.confidence) for one in bins) / rows


def cover(scores: Sequence[RowScore], accuracy: float) -> Coverage:
    """Return how much the best threshold keeps at an accuracy; ties are kept or left together."""
    pairs = [(one.confidence, one.right) for one in scores if one.confidence is not None]
    if not pairs:
        return Coverage(accuracy, 0.0, None)
    sure, right = _columns(pairs)
    order = np.argsort(-sure, kind="stable")
    sure, right = sure[order], right[order]
    kept = np.arange(1, len(sure) + 1)
    is_end = np.append(sure[1:] != sure[:-1], True)
    good = is_end & (np.cumsum(right) >= accuracy * kept - 1e-9)
    if not good.any():
        return Coverage(accuracy, 0.0, None)
    last = int(np.flatnonzero(good)[-1])
    return Coverage(accuracy, (last + 1) / len(scores), float(sure[last]))


def _columns(pairs: Any) -> tuple[Numbers, Numbers]:
    table: Numbers = np.asarray(list(pairs), dtype=np.float64)
    return table[:, 0], table[:, 1]


def _risks(scores: Sequence[RowScore]) -> Numbers:
    """Return the share wrong among the k surest rows for each k; without confidence last."""
    if not scores:
        return np.zeros(0)
    sure = np.array([-1.0 if one.confidence is None else one.confidence for one in scores])
    wrong = np.array([0.0 if one.right else 1.0 for one in scores])
    _, places, counts = np.unique(-sure, return_inverse=True, return_counts=True)
    of_value = np.bincount(places, weights=wrong) / counts
    risks: Numbers = np.cumsum(np.repeat(of_value, counts)) / np.arange(1, len(scores) + 1)
    return risks


def _thin(risks: Numbers) -> tuple[tuple[float, float], ...]:
    """Return as many points of the curve as an eye can tell apart."""
    rows = len(risks)
    places = np.unique(np.linspace(1, rows, min(rows, CURVE_POINTS)).round().astype(np.int64))
    return tuple((float(place / rows), float(risks[place - 1])) for place in places)
