"""One row on its way through the engine, and what it shares with the rows of its spec."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jobs.prompt import Completion, Usage
from workers.engines.llama.labels import Tokens, Trie
from workers.engines.thread import Ticket


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A frame and a constraint in tokens; rows of one group are read in one decode.

    A row is read as `prefix` (shared), its own text, `suffix`; `trie` scores what follows.
    """

    prefix: Tokens
    suffix: Tokens
    trie: Trie


@dataclass(slots=True, eq=False)
class Sequence:
    """A prompt in tokens (`tokens` are text and suffix) and what has been found about it."""

    ticket: Ticket
    group: Group
    tokens: Tokens
    branch_logits: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    output_tokens: int = 0
    device_ms: float = 0.0
    failures: int = 0

    @property
    def key(self) -> int:
        return self.ticket.prompt.key

    def restart(self) -> None:
        """Forget what a step that did not finish has found; its device time stays spent."""
        self.branch_logits.clear()
        self.output_tokens = 0

    def usage(self) -> Usage:
        return Usage(
            prompt_tokens=len(self.tokens),
            shared_tokens=len(self.group.prefix),
            output_tokens=self.output_tokens,
            device_ms=self.device_ms,
        )

    def completion(self) -> Completion:
        """Return the likeliest label with the probabilities of all; NaN logits are no answer."""
        trie = self.group.trie
        probabilities = trie.probabilities(self.branch_logits)
        if not np.isfinite(probabilities).all():
            return Completion(self.key, None, usage=self.usage(), error="engine_failed")
        return Completion(
            key=self.key,
            text=trie.labels[int(np.argmax(probabilities))],
            scores=tuple(zip(trie.labels, probabilities, strict=True)),
            confidence_source="label_probability",
            usage=self.usage(),
        )
