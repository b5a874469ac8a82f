"""Writing answers: every call reads some rows together and gives each of them one more token."""

from collections.abc import Sequence as Many

import numpy as np
from numpy.typing import NDArray

from workers.engines.llama.constraint import ConstraintError
from workers.engines.llama.memory import Logits, Memory
from workers.engines.llama.model import Model, Piece
from workers.engines.llama.text import Text


def begin(memory: Memory, model: Model, rows: Many[Text]) -> None:
    """Read rows of one group and write their first token, or the next after a failure."""
    _extend(model, rows, memory.read(rows))


def advance(memory: Memory, model: Model, rows: Many[Text]) -> None:
    """Read the last token of rows that have begun and write the next."""
    pieces = [Piece((row.written[-1],), row.position, (row.place,), True) for row in rows]
    _extend(model, rows, memory.forward(pieces, [(row, 1) for row in rows]))


def find_logprob(logits: NDArray[np.float32], token: int) -> float:
    """Return the natural log of a token's softmax among the whole vocabulary.

    Weights in float32 and their sum in float64: 1e-6 from float64 throughout, in half the time.
    """
    most = logits.max()
    total = np.exp(logits - most).sum(dtype=np.float64)
    return float(np.float64(logits[token]) - np.float64(most) - np.log(total))


def _extend(model: Model, rows: Many[Text], logits: Logits) -> None:
    """Give each row its likeliest token that may come; logits that are no numbers break it."""
    for row, values, best in zip(rows, logits, logits.argmax(axis=1), strict=True):
        try:
            _write(model, row, values, int(best))
        except ConstraintError:
            row.broken = True


def _write(model: Model, row: Text, logits: NDArray[np.float32], best: int) -> None:
    if np.isnan(logits[best]):  # argmax finds a NaN if there is one
        raise ConstraintError
    grammar = row.rule.grammar
    if row.matcher is None and grammar is not None:
        row.matcher = grammar.start()
    token = best if row.matcher is None else row.matcher.choose(logits, best)
    ends = token == row.rule.end or model.is_end(token)
    spell = model.token_bytes if row.matcher is None else row.matcher.spell
    content = b"" if ends else spell(token)
    row.add(token, content, find_logprob(logits, token), ends=ends)
