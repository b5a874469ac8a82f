"""Scoring labels: the logits of every branch of every row's trie, in one step."""

from collections.abc import Iterator
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jobs.prompt import Completion
from workers.engines.llama.labels import Opening
from workers.engines.llama.memory import Memory
from workers.engines.llama.model import Piece
from workers.engines.llama.sequence import Group, Sequence

ROOT: Final = 0  # the first branch of a trie

Unit = tuple["Choice", Opening]  # a row, a part of its trie


@dataclass(slots=True, eq=False)
class Choice(Sequence):
    """A row whose labels are scored; it ends in the step that reads it."""

    branch_logits: dict[int, NDArray[np.float32]] = field(default_factory=dict)

    def restart(self) -> None:
        self.branch_logits.clear()
        self.output_tokens = 0

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
            finish="choice",
            confidence_source="label_probability",
            usage=self.usage(),
        )


def score(memory: Memory, rows: Many[Choice], *, cells: int, longest: int) -> None:
    """Find the logits of every branch of the tries of rows of one group.

    `cells` are free for prefix, rows and openings; an opening's decode holds `longest` tokens.
    """
    group = rows[0].group
    logits = memory.read(rows)
    if group.trie.branches:
        for row, values in zip(rows, logits, strict=True):
            row.branch_logits[ROOT] = values[list(group.trie.branches[ROOT].children)]
    free = cells - len(group.prefix) - sum(len(row.tokens) for row in rows)
    for units in _pack(rows, group, memory.free_places, min(free, longest)):
        _read_openings(memory, units, group)
    memory.release(rows)


def _pack(rows: Many[Choice], group: Group, places: int, cells: int) -> Iterator[list[Unit]]:
    """Cut rows x openings into parts that one decode holds beside the rows."""
    units: list[Unit] = []
    for opening in group.trie.openings:
        for row in rows:
            wider = [*units, (row, opening)]
            if units and (
                sum(one.paths for _, one in wider) > places
                or sum(one.outputs for _, one in wider) > places
                or sum(len(one.nodes) for _, one in wider) > cells
            ):
                yield units
                wider = wider[-1:]
            units = wider
    if units:
        yield units


def _read_openings(memory: Memory, units: list[Unit], group: Group) -> None:
    """Read inner nodes over sequences that share their row's memory, then forget them."""
    pieces: list[Piece] = []
    wanted: list[tuple[Choice, int]] = []
    taken: list[int] = []
    try:
        for row, opening in units:
            paths = []
            for _ in range(opening.paths):
                paths.append(memory.take(row.place))
                taken.append(paths[-1])
            end = len(group.prefix) + len(row.tokens)
            for node in opening.nodes:
                users = tuple(paths[path] for path in node.paths)
                output = node.branch is not None
                pieces.append(Piece((node.token,), end + node.depth, users, output))
                if node.branch is not None:
                    wanted.append((row, node.branch))
            row.output_tokens += len(opening.nodes)
        logits = memory.forward(pieces, [(row, len(one.nodes)) for row, one in units])
        for (row, branch), values in zip(wanted, logits, strict=True):
            row.branch_logits[branch] = values[list(group.trie.branches[branch].children)]
    finally:
        for place in taken:
            memory.give(place)
