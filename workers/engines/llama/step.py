"""One decode as a record: what it reads, what it may use, and what is left of that."""

from dataclasses import dataclass, field

from workers.engines.llama.sequence import Group, Prefix, Sequence


@dataclass(frozen=True, slots=True)
class Budget:
    """What the context holds and one decode may use.

    `step_tokens` are read in one decode, with logits for `outputs` of them. `context_tokens`
    bound one prompt from its prefix to the last token of its answer; `cells` bound all tokens
    held at once, `sequences` the prefixes, the rows and the opened paths of their tries. Where
    only `writers` are read none of it is kept for labels.
    """

    step_tokens: int
    context_tokens: int
    cells: int
    sequences: int
    outputs: int
    writers: bool = False

    def holds(self, group: Group, row_tokens: int) -> bool:
        """Tell whether a row fits the context when it is alone in it; a path is read in one go."""
        needed = len(group.prefix) + row_tokens + group.answer_tokens
        fits = needed <= min(self.context_tokens, self.cells)
        return fits and group.trie.longest_path <= self.step_tokens


@dataclass(frozen=True, slots=True)
class Part:
    """The next `count` tokens of a row or of a prefix; the last `outputs` of them give logits."""

    owner: Sequence | Prefix
    count: int
    outputs: int = 0


@dataclass(frozen=True, slots=True)
class Opening:
    """Branches of one row's trie that are read on paths of their own."""

    row: Sequence
    branches: tuple[int, ...]


@dataclass(slots=True)
class Step:
    """One decode. `freed` lost their place before it; rows in `parts` without one begin with it.

    `busy` are the ids of what it reads: nothing of that can be freed any more.
    """

    freed: list[Sequence | Prefix] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    busy: set[int] = field(default_factory=set)

    @property
    def rows(self) -> list[Sequence]:
        """Return the rows that a failure of this decode may be due to, each once."""
        found: dict[int, Sequence] = {}
        for part in self.parts:
            row = part.owner.sponsor if isinstance(part.owner, Prefix) else part.owner
            found[id(row)] = row
        for opening in self.openings:
            found[id(opening.row)] = opening.row
        return list(found.values())


@dataclass(slots=True)
class Left:
    """What is left of a step's budget."""

    tokens: int
    outputs: int
    sequences: int
    cells: int


@dataclass(slots=True)
class Room:
    """Rows, sequences and KV cells that will be held once all that runs has its answer."""

    rows: int
    sequences: int
    cells: int


def is_alone(one: Sequence | Prefix) -> bool:
    """Tell whether a row or a prefix must be the only one in its decode."""
    return one.sponsor.alone if isinstance(one, Prefix) else one.alone


def bound(owner: Sequence | Prefix, count: int, most_outputs: int) -> tuple[int, int]:
    """Return how many tokens can be read, and how many of them give logits."""
    unscored = owner.unscored if isinstance(owner, Sequence) else 0
    outputs = max(count - (owner.unread - unscored), 0)
    spare = max(outputs - most_outputs, 0)
    return count - spare, outputs - spare
