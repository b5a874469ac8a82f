"""One row on its way through the engine, and what it shares with the rows of its spec."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jobs.prompt import Completion, Usage
from workers.engines.llama.labels import NO_LABELS, Tokens, Trie
from workers.engines.llama.sampling import GREEDY, Sampling
from workers.engines.thread import Ticket

if TYPE_CHECKING:
    from workers.engines.llama.constraint import Grammar
    from workers.engines.llama.logits import Scores

NOWHERE: Final = -1
"""The `place` of what holds nothing of the context."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How a written answer is chosen, and how it ends.

    It ends at the token `end`, at a stop string (UTF-8), after `max_tokens`, or when it goes
    round in a circle; with `ignore_end` after `max_tokens` alone. With a `grammar` only what it
    allows is written. `closing` ends a thought that grows too long.
    """

    end: int
    max_tokens: int
    stops: tuple[bytes, ...] = ()
    grammar: "Grammar | None" = None
    sampling: Sampling = GREEDY
    ignore_end: bool = False
    closing: Tokens = ()


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A frame and a constraint in tokens.

    A row is read as `prefix` (shared), its own text, `suffix`; then either `trie` scores what
    follows (`complete`: all its labels; `several`: each is a question of its own), or `writing`
    says how it is written.
    """

    prefix: Tokens
    suffix: Tokens
    trie: Trie = NO_LABELS
    complete: bool = False
    several: bool = False
    writing: Writing | None = None

    @property
    def answer_tokens(self) -> int:
        """KV cells that one row's answer may come to need at most."""
        return self.writing.max_tokens if self.writing is not None else self.trie.longest_path


@dataclass(slots=True, eq=False)
class Sequence:
    """A prompt in tokens (`tokens` are text and suffix) and what it has taken so far.

    `place` is the sequence of the context that holds it, `read` how many of its tokens stand
    there behind the prefix. A `suspect` was in a decode that failed: it is tried alone next.
    """

    ticket: Ticket
    group: Group
    tokens: Tokens
    output_tokens: int = 0
    device_ms: float = 0.0
    failures: int = 0
    suspect: bool = False
    place: int = NOWHERE
    read: int = 0

    @property
    def key(self) -> int:
        return self.ticket.prompt.key

    @property
    def alone(self) -> bool:
        """Whether it must be the only row in its native calls."""
        return self.ticket.alone or self.suspect

    @property
    def unread(self) -> int:
        """Tokens that are known and not in the context yet."""
        return len(self.tokens) - self.read

    @property
    def unscored(self) -> int:
        """How many of the last known tokens must give logits when they are read."""
        return 1

    @property
    def begun(self) -> bool:
        """Whether its prompt is read and its answer is being found."""
        return self.read >= len(self.tokens)

    @property
    def answer_expected(self) -> int | None:
        """Tokens its answer needs at most, None where only its length will tell."""
        return self.group.trie.longest_path

    @property
    def finished(self) -> bool:
        """Whether there is an answer."""
        return self.begun

    def next_tokens(self, count: int) -> Tokens:
        """Return the next `count` of the unread tokens."""
        return self.tokens[self.read : self.read + count]

    def wanted(self) -> list[tuple[float, int]]:
        """Return (weight, branch) of the label branches it must see next, heaviest first."""
        return []

    def take(self, scores: "Scores") -> None:
        """Take the logits behind the tokens that were to be scored, in their order."""

    def restart(self) -> None:
        """Forget what the context held of it; its device time stays spent."""
        self.place, self.read = NOWHERE, 0

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


@dataclass(slots=True, eq=False)
class Prefix:
    """What rows of one frame share; read once, for the row that needed it first.

    `owed_ms` is its device time until the rows that begin with it have taken it over. It is
    `fresh` until then: room is kept for it and for its sponsor. `used` is the step of its last use.
    """

    tokens: Tokens
    sponsor: Sequence
    place: int = NOWHERE
    read: int = 0
    owed_ms: float = 0.0
    fresh: bool = True
    used: int = 0

    @property
    def unread(self) -> int:
        return len(self.tokens) - self.read

    def next_tokens(self, count: int) -> Tokens:
        return self.tokens[self.read : self.read + count]

    def restart(self) -> None:
        """Forget that it was read."""
        self.place, self.read = NOWHERE, 0
