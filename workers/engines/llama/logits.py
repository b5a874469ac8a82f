"""From the device's logits to what rows ask of them: the likeliest token, log-probabilities."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float32]  # (outputs, vocabulary)
SAFE_EXPONENT: Final = 60.0
"""exp of it, times any vocabulary's size, is a normal float32; so is exp of its negative."""


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
    pairs: within 1e-5 of float64. Where exp cannot overflow the greatest logit is not taken off
    first, which saves one pass in four.
    """
    best = np.empty(outputs, np.intp)
    sums = np.empty(outputs, np.float64)
    terms = np.empty(logits.shape[1], np.float32)
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are found by the row
        for number in range(outputs):
            row = logits[number]
            best[number] = row.argmax()
            most = row[best[number]]
            base = np.float32(0) if abs(most) < SAFE_EXPONENT else most
            np.exp(row if base == 0 else np.subtract(row, base, out=terms), out=terms)
            sums[number] = float(base) + np.log(float(terms.sum(dtype=np.float32)))
    return Scores(logits, best, sums)
