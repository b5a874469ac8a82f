"""Two evaluations of the same rows: which is better, or that they cannot be told apart. Pure.

The rows both have are paired by their id; the difference of their scores is resampled (paired
bootstrap, 95%). Only an interval that leaves 0 out says that one is better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from jobs.evaluate.intervals import bootstrap_mean
from jobs.evaluate.rows import Figure

Winner = Literal["left", "right", "neither"]
FEWEST_ROWS: Final = 30
"""With fewer shared rows a comparison is shown with a warning."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`score` and `accuracy` are right minus left on the shared rows.

    `only_left_right` and `only_right_right` count rows that only one of them got right.
    """

    rows: int
    left: Figure
    right: Figure
    score: Figure
    accuracy: Figure
    only_left_right: int
    only_right_right: int
    winner: Winner


def compare(left: Sequence[Sequence[Any]], right: Sequence[Sequence[Any]]) -> Comparison:
    """Compare the saved scores of two evaluations (`Evaluation.as_scores`)."""
    other = {line[0]: line for line in right}
    pairs = [(line, other[line[0]]) for line in left if line[0] in other]
    scores = np.array([(one[1], two[1]) for one, two in pairs], float).reshape(len(pairs), 2)
    rights = np.array([(one[2], two[2]) for one, two in pairs], float).reshape(len(pairs), 2)
    difference = bootstrap_mean(scores[:, 1] - scores[:, 0])
    gained = rights[:, 1] - rights[:, 0]
    return Comparison(
        rows=len(pairs),
        left=bootstrap_mean(scores[:, 0]),
        right=bootstrap_mean(scores[:, 1]),
        score=difference,
        accuracy=bootstrap_mean(gained),
        only_left_right=int((gained < 0).sum()),
        only_right_right=int((gained > 0).sum()),
        winner=_decide(difference),
    )


def _decide(difference: Figure) -> Winner:
    if difference.low is not None and difference.low > 0:
        return "right"
    if difference.high is not None and difference.high < 0:
        return "left"
    return "neither"


def comparable(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two saved evaluations are of the same file, gold column and task."""
    named = ("file_hash", "gold_column", "task")
    return all(left[name] == right[name] for name in named)
