"""From the device's logits to what rows ask of them: the likeliest token, log-probabilities."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float32]  # (outputs, vocabulary)
NO_SUMS: Final = np.empty(0, np.float64)


@dataclass(frozen=True, slots=True)
class Scores:
    """Logits of some outputs, with each one's likeliest token and the log of its softmax's sum.

    `best` (outputs,) is the index of the greatest logit, of a NaN if there is one; `sums`
    (outputs,) is log(sum(exp(logits))). Both are empty for outputs that only score labels.
    """

    logits: Logits
    best: NDArray[np.intp]
    sums: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.logits)

    def part(self, start: int, stop: int) -> "Scores":
        """Return the scores of the outputs [start, stop)."""
        return Scores(self.logits[start:stop], self.best[start:stop], self.sums[start:stop])

    def logprob(self, output: int, token: int) -> float:
        """Return the natural log of a token's softmax among the whole vocabulary."""
        return float(self.logits[output, token] - self.sums[output])


def summarise(logits: Logits, outputs: int) -> Scores:
    """Look at the first `outputs` rows of logits as a writer does; the others stay as they are.

    Row by row, so that the work stays in the processor's cache. Terms in float32, summed by
    pairs: within 1e-5 of float64.
    """
    best = np.empty(outputs, np.intp)
    sums = np.empty(outputs, np.float64)
    terms = np.empty(logits.shape[1], np.float32)
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are found by the row
        for number in range(outputs):
            row = logits[number]
            best[number] = row.argmax()
            most = row[best[number]]
            np.subtract(row, most, out=terms)
            np.exp(terms, out=terms)
            sums[number] = float(most) + np.log(float(terms.sum(dtype=np.float32)))
    return Scores(logits, best, sums)
