"""A set of labels: behind a row each label is a question of its own, which yes or no answers.

A label's probability is that of yes among yes and no, where the tokens of the two part; it hangs
on no other label. What the questions begin with together is read once (`labels.Trie.open`).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jobs.errors import SpecError
from workers.engines.llama.labels import Branch, Tokens, Trie, refuse_alike, softmax, split_stem


class Questions:
    """The probabilities of one row's labels, each from its own branch; the row itself asks nothing.

    Each branch settles as much of the answer as any other.
    """

    unopened: Final = ()

    def __init__(self, trie: Trie) -> None:
        self._trie = trie
        self._known: dict[int, float] = {}

    def see(self, branch: int, logits: NDArray[np.float32]) -> None:
        """Take the logits of a label's yes and no."""
        self._known[branch] = float(softmax(logits)[0])

    def wanted(self) -> list[tuple[float, int]]:
        """Return (weight, branch) of all that was not opened yet, in the order of the labels."""
        count = len(self._trie.branches)
        return [(1 / count, branch) for branch in range(count) if branch not in self._known]

    def waits_for(self, branch: int) -> bool:
        """Tell whether the row itself must give logits: never."""
        return False

    def probabilities(self) -> dict[str, float]:
        """Return the probability of every label, in the order of the labels."""
        return {self._trie.labels[number]: self._known[number] for number in sorted(self._known)}


def build_questions(
    labels: Sequence[str],
    answers: Sequence[tuple[Tokens, Tokens]],
    *,
    end: int,
    words: tuple[str, str] = ("yes", "no"),
) -> tuple[Tokens, Trie]:
    """Return what all questions begin with, and a branch for each label with its yes and its no.

    `answers` are the tokens of suffix + question + yes, and of suffix + question + no; the branch
    stands where they part, and has the number of its label. Every branch is opened on a path, so
    one token at least is left to it. Raises `SpecError` (`labels_tokenise_alike`, and
    `answers_tokenise_alike` with the `words` for yes and no).
    """
    parted = [split_stem([*pair]) for pair in answers]
    paths = [path for path, _ in parted]
    stem, rests = split_stem(paths)
    if not all(rests):
        stem, rests = stem[:-1], tuple(path[len(stem) - 1 :] for path in paths)
    refuse_alike(labels, paths)
    branches = [
        Branch(rest, tuple(tokens[0] if tokens else end for tokens in ends))
        for rest, (_, ends) in zip(rests, parted, strict=True)
    ]
    if any(not one.path or one.children[0] == one.children[1] for one in branches):
        raise SpecError("answers_tokenise_alike", first=words[0], second=words[1])
    return stem, Trie(tuple(labels), tuple(branches), ())
