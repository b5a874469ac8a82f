"""Labels as a trie of tokens; the probability of each from the logits at its branches.

A label's probability is the product, over the branching nodes on its way, of the softmax among
that node's children. Where only one token can follow nothing is asked, so the probabilities of
all labels sum to 1 (llama.cpp PR 12643 shows why post-sampling probabilities would not).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jobs.errors import SpecError

Tokens = tuple[int, ...]

LABEL: Final = -1
"""Targets from here downwards are labels."""
LIKELY: Final = 0.5
"""Branches at least so heavy, as a share of the heaviest, are opened beside it."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A node with two or more children; `path` are the tokens from the root to it."""

    path: Tokens
    children: Tokens


@dataclass(frozen=True, slots=True)
class Node:
    """One token to forward at `depth` (0 is the first after the root), for each of `paths`.

    `branch` is the index of the branch whose logits this token gives, or None.
    """

    token: int
    depth: int
    paths: tuple[int, ...]
    branch: int | None


@dataclass(frozen=True, slots=True)
class Paths:
    """Inner nodes that one decode reads, parents before children, on `count` sequences."""

    nodes: tuple[Node, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Trie:
    """`branches[0]` is the root if there is a choice.

    `targets[branch][child]` is where a child leads: to another branch, or to label `-1 - number`.
    Where every label is a question of its own branch n is label n, and there are no targets.
    """

    labels: tuple[str, ...]
    branches: tuple[Branch, ...]
    targets: tuple[tuple[int, ...], ...]

    @property
    def longest_path(self) -> int:
        """KV cells that opening the deepest branch needs."""
        return max((len(branch.path) for branch in self.branches), default=0)

    def open(self, branches: Sequence[int], *, merge: bool = True) -> Paths:
        """Merge the paths to some inner branches into nodes, each token once, ordered by depth.

        Without `merge` no token stands on two paths.
        """
        if not merge:
            return self._line_up(branches)
        numbers = {self.branches[number].path: number for number in branches}
        covered = {beginning for path in numbers for beginning in _beginnings(path)[:-1]}
        users: dict[Tokens, list[int]] = {}
        ends = sorted(set(numbers) - covered)
        for number, path in enumerate(ends):
            for beginning in _beginnings(path)[1:]:
                users.setdefault(beginning, []).append(number)
        nodes = tuple(
            Node(beginning[-1], len(beginning) - 1, tuple(users[beginning]), numbers.get(beginning))
            for beginning in sorted(users, key=len)
        )
        return Paths(nodes, len(ends))

    def _line_up(self, branches: Sequence[int]) -> Paths:
        paths = [(branch, self.branches[branch].path) for branch in branches]
        nodes = [
            Node(token, depth, (number,), branch if depth == len(path) - 1 else None)
            for number, (branch, path) in enumerate(paths)
            for depth, token in enumerate(path)
        ]
        return Paths(tuple(nodes), len(paths))


NO_LABELS: Final = Trie((), (), ())


class Search:
    """The probabilities of one row's labels, best first: only what can still win is opened.

    If the search is to be `complete` everything is opened.
    """

    def __init__(self, trie: Trie, *, complete: bool = False) -> None:
        self._trie = trie
        self._complete = complete
        self._masses: dict[int, float] = {}
        self._known: dict[int, float] = {}
        self._put(0 if trie.branches else LABEL, 1.0)

    def see(self, branch: int, logits: NDArray[np.float32]) -> None:
        """Take the logits of a branch's children, in their order."""
        mass = self._masses.pop(branch)
        for target, share in zip(self._trie.targets[branch], softmax(logits), strict=True):
            self._put(target, mass * float(share))

    def wanted(self) -> list[tuple[float, int]]:
        """Return (mass, branch) of what must be opened now, heaviest first; empty when settled.

        No label below a branch is likelier than the branch, so one that is lighter than the best
        label cannot change the answer. Of those that can, the heavy ones are opened together;
        the light ones wait, as a heavy one may settle it.
        """
        best = max(self._known.values(), default=0.0)
        heaviest = max(self._masses.values(), default=0.0)
        bound = -1.0 if self._complete else max(best, LIKELY * heaviest)
        open_now = ((mass, branch) for branch, mass in self._masses.items() if mass > bound)
        return sorted(open_now, key=lambda one: -one[0])

    def waits_for(self, branch: int) -> bool:
        """Tell whether a branch's children were not seen yet."""
        return branch in self._masses

    @property
    def unopened(self) -> tuple[float, ...]:
        """Masses of the branches that were not needed; each bounds every label below it."""
        return tuple(self._masses.values())

    def probabilities(self) -> dict[str, float]:
        """Return the probability of every label that was reached, in the order of the labels."""
        return {self._trie.labels[number]: self._known[number] for number in sorted(self._known)}

    def _put(self, target: int, mass: float) -> None:
        if target < 0:
            self._known[LABEL - target] = mass
        else:
            self._masses[target] = mass


def split_stem(continued: Sequence[Tokens]) -> tuple[Tokens, tuple[Tokens, ...]]:
    """Split tokenised suffix + label, one per label, into the common beginning and the rests.

    A tokeniser may merge the end of the suffix with the start of a label ("Answer: " + "yes");
    the tokens are then those of the whole, and what all labels share is read only once.
    """
    first, last = min(continued), max(continued)  # the most different two in sorted order
    shared = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    stem = tuple(token for token, _ in shared)
    return stem, tuple(tokens[len(stem) :] for tokens in continued)


def build_trie(labels: Sequence[str], sequences: Sequence[Tokens], *, end: int) -> Trie:
    """Build the trie of `labels` from their tokens after the stem.

    A label that is a prefix of another ends with the token `end`. Raises `SpecError`
    (`labels_tokenise_alike`).
    """
    refuse_alike(labels, sequences)
    inner = {beginning for tokens in sequences for beginning in _beginnings(tokens)[:-1]}
    ended = [(*tokens, end) if tokens in inner else tokens for tokens in sequences]
    children: dict[Tokens, dict[int, None]] = {}
    for tokens in ended:
        for beginning in _beginnings(tokens)[:-1]:
            children.setdefault(beginning, {})[tokens[len(beginning)]] = None
    paths = sorted((path for path in children if len(children[path]) > 1), key=len)
    numbers = {path: number for number, path in enumerate(paths)}
    leaves = {tokens: LABEL - number for number, tokens in enumerate(ended)}
    targets = tuple(
        tuple(_follow((*path, child), children, numbers, leaves) for child in children[path])
        for path in paths
    )
    branches = tuple(Branch(path, tuple(children[path])) for path in paths)
    return Trie(tuple(labels), branches, targets)


def refuse_alike(labels: Sequence[str], sequences: Sequence[Tokens]) -> None:
    """Raise `SpecError` (`labels_tokenise_alike`) if two labels have the same tokens."""
    seen: dict[Tokens, str] = {}
    for label, tokens in zip(labels, sequences, strict=True):
        if tokens in seen:
            raise SpecError("labels_tokenise_alike", first=seen[tokens], second=label)
        seen[tokens] = label


def _beginnings(tokens: Tokens) -> list[Tokens]:
    """Return every beginning of `tokens`, from the empty one to the whole."""
    return [tokens[:size] for size in range(len(tokens) + 1)]


def _follow(
    path: Tokens,
    children: Mapping[Tokens, Mapping[int, None]],
    numbers: Mapping[Tokens, int],
    leaves: Mapping[Tokens, int],
) -> int:
    """Return the branch or the label that a path leads to where nothing is left to choose."""
    while path not in leaves and path not in numbers:
        path = (*path, *children[path])
    return numbers[path] if path in numbers else leaves[path]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the probabilities of some tokens among each other."""
    weights = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(weights / weights.sum())
