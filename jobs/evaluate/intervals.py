"""95% intervals: Wilson's for proportions, the bootstrap for everything else. Deterministic.

Wilson: E. B. Wilson, JASA 22 (1927), the score interval of a binomial proportion. Bootstrap: the
percentile interval (Efron), rows resampled with replacement under a fixed seed; for two models
the differences of the rows both answered are resampled, which is the paired bootstrap.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.evaluate.rows import Figure

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]
SEED: Final = 20_261_120
RESAMPLES: Final = 2_000
LEAST_RESAMPLES: Final = 200
MOST_DRAWS: Final = 40_000_000
"""Of many rows fewer resamples are drawn, so that the time stays seconds."""
NORMAL_95: Final = 1.959963984540054
TAILS: Final = (2.5, 97.5)


def wilson(right: int, rows: int) -> Figure:
    """Return a proportion with Wilson's score interval; nothing of no rows."""
    if rows == 0:
        return Figure(None)
    share, squared = right / rows, NORMAL_95**2
    scale = 1 + squared / rows
    middle = (share + squared / (2 * rows)) / scale
    spread = NORMAL_95 * math.sqrt(share * (1 - share) / rows + squared / (4 * rows**2)) / scale
    # The ends of 0 and n of n rows are exact; rounding would put them just inside.
    low = 0.0 if right == 0 else middle - spread
    high = 1.0 if right == rows else middle + spread
    return Figure(share, low, high)


def draw(rows: int) -> Iterator[Places]:
    """Yield the places of resampled rows, the same ones for the same number of rows."""
    generator = np.random.default_rng(SEED)
    for _ in range(max(LEAST_RESAMPLES, min(RESAMPLES, MOST_DRAWS // max(rows, 1)))):
        yield generator.integers(0, rows, rows)


def bootstrap(rows: int, statistic: Callable[[Places], float | None]) -> Figure:
    """Return a statistic of all rows with its percentile interval.

    Resamples in which it is not defined are left out.
    """
    if rows == 0:
        return Figure(None)
    value = statistic(np.arange(rows))
    if value is None:
        return Figure(None)
    found = [one for places in draw(rows) if (one := statistic(places)) is not None]
    low, high = np.percentile(found, TAILS) if found else (value, value)
    return Figure(float(value), float(low), float(high))


def bootstrap_mean(values: Any) -> Figure:
    """Return the mean of numbers with its interval; nothing of none."""
    numbers: Numbers = np.asarray(values, dtype=np.float64)
    return bootstrap(len(numbers), lambda places: float(numbers[places].mean()))
