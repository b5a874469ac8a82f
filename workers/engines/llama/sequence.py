"""One row on its way through the engine, and what it shares with the rows of its spec."""

from dataclasses import dataclass
from typing import Final

from jobs.prompt import Completion, Usage
from workers.engines.llama.constraint import Grammar
from workers.engines.llama.labels import Tokens, Trie
from workers.engines.thread import Ticket

NO_LABELS: Final = Trie((), (), (), ())
NOWHERE: Final = 0
"""The `place` of a row that holds nothing: the first sequence is the resident prefix's."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How a written answer ends: at `end`, at a stop string (UTF-8), after `max_tokens`.

    With a `grammar` only what it allows is written.
    """

    end: int
    max_tokens: int
    stops: tuple[bytes, ...] = ()
    grammar: Grammar | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A frame and a constraint in tokens; rows of one group are read in one decode.

    A row is read as `prefix` (shared), its own text, `suffix`; then either `trie` scores what
    follows, in the same step, or `writing` says how it is written, a token in every step.
    """

    prefix: Tokens
    suffix: Tokens
    trie: Trie = NO_LABELS
    writing: Writing | None = None

    @property
    def answer_tokens(self) -> int:
        """KV cells that one row's written answer may come to need."""
        return self.writing.max_tokens if self.writing is not None else 0


@dataclass(slots=True, eq=False)
class Sequence:
    """A prompt in tokens (`tokens` are text and suffix) and what it has taken so far.

    `place` is the sequence of the context that holds it. A `suspect` was in a decode that
    failed: it is tried alone next.
    """

    ticket: Ticket
    group: Group
    tokens: Tokens
    output_tokens: int = 0
    device_ms: float = 0.0
    failures: int = 0
    suspect: bool = False
    place: int = NOWHERE

    @property
    def key(self) -> int:
        return self.ticket.prompt.key

    @property
    def alone(self) -> bool:
        """Whether it must be the only row in its native calls."""
        return self.ticket.alone or self.suspect

    @property
    def unread(self) -> Tokens:
        """What is to be read behind the prefix before the answer can go on."""
        return self.tokens

    @property
    def cells(self) -> int:
        """KV cells it may come to need behind the prefix."""
        return len(self.tokens) + self.group.answer_tokens

    @property
    def finished(self) -> bool:
        """Whether there is an answer after a step that went well."""
        return True

    def restart(self) -> None:
        """Forget what a step that did not finish has found; its device time stays spent."""

    def usage(self) -> Usage:
        return Usage(
            prompt_tokens=len(self.tokens),
            shared_tokens=len(self.group.prefix),
            output_tokens=self.output_tokens,
            device_ms=self.device_ms,
        )

    def completion(self) -> Completion:
        """Return the answer to the row's prompt."""
        raise NotImplementedError
