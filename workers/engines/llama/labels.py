"""Labels as a trie of tokens; the probability of each from the logits at its branches.

A label's probability is the product, over the branching nodes on its way, of the softmax among
that node's children. Where only one token can follow nothing is asked, so the probabilities of
all labels sum to 1 (llama.cpp PR 12643 shows why post-sampling probabilities would not).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from jobs.errors import SpecError

Tokens = tuple[int, ...]


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
class Opening:
    """Inner nodes that one decode reads, parents before children; one sequence for each path."""

    nodes: tuple[Node, ...]
    paths: int

    @property
    def outputs(self) -> int:
        """Rows of logits it gives."""
        return sum(node.branch is not None for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Trie:
    """`branches[0]` is the root if there is a choice; `ways[i]` are label i's (branch, child)."""

    labels: tuple[str, ...]
    branches: tuple[Branch, ...]
    ways: tuple[tuple[tuple[int, int], ...], ...]
    openings: tuple[Opening, ...]

    @property
    def widest_paths(self) -> int:
        """Sequences the largest opening needs."""
        return max((opening.paths for opening in self.openings), default=0)

    @property
    def widest_tokens(self) -> int:
        """KV cells the largest opening needs."""
        return max((len(opening.nodes) for opening in self.openings), default=0)

    def probabilities(self, logits: Mapping[int, NDArray[np.float32]]) -> tuple[float, ...]:
        """Return one probability per label from branch index -> logits of its children."""
        shares = {branch: _softmax(values) for branch, values in logits.items()}
        raw = [
            float(np.prod([shares[branch][child] for branch, child in way])) for way in self.ways
        ]
        total = sum(raw)  # 1 but for the last bits
        return tuple(value / total for value in raw)


def split_stem(continued: Sequence[Tokens]) -> tuple[Tokens, tuple[Tokens, ...]]:
    """Split tokenised suffix + label, one per label, into the common beginning and the rests.

    A tokeniser may merge the end of the suffix with the start of a label ("Answer: " + "yes");
    the tokens are then those of the whole, and what all labels share is read only once.
    """
    first, last = min(continued), max(continued)  # the most different two in sorted order
    shared = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    stem = tuple(token for token, _ in shared)
    return stem, tuple(tokens[len(stem) :] for tokens in continued)


def build_trie(
    labels: Sequence[str], sequences: Sequence[Tokens], *, end: int, max_paths: int
) -> Trie:
    """Build the trie of `labels` from their tokens after the stem.

    A label that is a prefix of another ends with the token `end`. An opening has at most
    `max_paths` paths and as many outputs. Raises `SpecError` (`labels_tokenise_alike`).
    """
    _refuse_alike(labels, sequences)
    inner = {beginning for tokens in sequences for beginning in _beginnings(tokens)[:-1]}
    ended = [(*tokens, end) if tokens in inner else tokens for tokens in sequences]
    children: dict[Tokens, dict[int, None]] = {}
    for tokens in ended:
        for beginning in _beginnings(tokens)[:-1]:
            children.setdefault(beginning, {})[tokens[len(beginning)]] = None
    paths = sorted((path for path in children if len(children[path]) > 1), key=len)
    branches = {path: Branch(path, tuple(children[path])) for path in paths}
    return Trie(
        labels=tuple(labels),
        branches=tuple(branches.values()),
        ways=tuple(_find_way(tokens, branches) for tokens in ended),
        openings=tuple(_open(paths, max_paths)),
    )


def _refuse_alike(labels: Sequence[str], sequences: Sequence[Tokens]) -> None:
    seen: dict[Tokens, str] = {}
    for label, tokens in zip(labels, sequences, strict=True):
        if tokens in seen:
            raise SpecError("labels_tokenise_alike", first=seen[tokens], second=label)
        seen[tokens] = label


def _beginnings(tokens: Tokens) -> list[Tokens]:
    """Return every beginning of `tokens`, from the empty one to the whole."""
    return [tokens[:size] for size in range(len(tokens) + 1)]


def _find_way(tokens: Tokens, branches: Mapping[Tokens, Branch]) -> tuple[tuple[int, int], ...]:
    numbers = {path: number for number, path in enumerate(branches)}
    return tuple(
        (numbers[beginning], branches[beginning].children.index(tokens[len(beginning)]))
        for beginning in _beginnings(tokens)[:-1]
        if beginning in branches
    )


def _open(branching: Sequence[Tokens], max_paths: int) -> Iterator[Opening]:
    """Group the deepest inner branches so that each group fits one decode."""
    numbers = {path: number for number, path in enumerate(branching) if path}
    covered = {beginning for path in numbers for beginning in _beginnings(path)[:-1]}
    group: list[Tokens] = []
    outputs: set[Tokens] = set()
    for path in sorted(set(numbers) - covered):  # neighbours share the most
        wanted = {beginning for beginning in _beginnings(path) if beginning in numbers}
        if group and (len(group) == max_paths or len(outputs | wanted) > max_paths):
            yield _read_paths(group, numbers)
            group, outputs = [], set()
        group.append(path)
        outputs |= wanted
    if group:
        yield _read_paths(group, numbers)


def _read_paths(paths: Sequence[Tokens], numbers: Mapping[Tokens, int]) -> Opening:
    """Merge paths into the nodes of one opening, each token once, ordered by depth."""
    users: dict[Tokens, list[int]] = {}
    for number, path in enumerate(paths):
        for beginning in _beginnings(path)[1:]:
            users.setdefault(beginning, []).append(number)
    nodes = tuple(
        Node(beginning[-1], len(beginning) - 1, tuple(users[beginning]), numbers.get(beginning))
        for beginning in sorted(users, key=len)
    )
    return Opening(nodes, len(paths))


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    weights = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(weights / weights.sum())
