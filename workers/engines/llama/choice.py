"""A row whose labels are scored: the branches of its trie, best first, until one label has won,
or each label's own question.
"""

import json
from dataclasses import dataclass, field

import numpy as np

from jobs.prompt import Completion
from workers.engines.llama.labels import Search
from workers.engines.llama.logits import Scores
from workers.engines.llama.questions import Questions
from workers.engines.llama.sequence import Sequence

ROOT = 0  # the first branch of a trie, seen when the row itself is read
APPLIES = 0.5  # a label of a set that is at least so probable


@dataclass(slots=True, eq=False)
class Choice(Sequence):
    """A row that is answered by one of its group's labels, or by those of them that apply."""

    search: Search | Questions = field(init=False)

    def __post_init__(self) -> None:
        if self.group.several:
            self.search = Questions(self.group.trie)
        else:
            self.search = Search(self.group.trie, complete=self.group.complete)

    @property
    def unscored(self) -> int:
        """The last token gives the root's logits, once."""
        return int(self.search.waits_for(ROOT))

    @property
    def finished(self) -> bool:
        return self.begun and not self.search.wanted()

    def wanted(self) -> list[tuple[float, int]]:
        return self.search.wanted() if self.begun else []

    def take(self, scores: Scores) -> None:
        """Take the logits behind the row itself."""
        if len(scores):
            self.see(ROOT, scores)

    def see(self, branch: int, scores: Scores) -> None:
        """Take the logits at a branch, those of one output."""
        children = list(self.group.trie.branches[branch].children)
        self.search.see(branch, scores.logits[0][children])

    def completion(self) -> Completion:
        """Return the likeliest label, or those that apply; logits that are no numbers are none."""
        found = self.search.probabilities()
        numbers = [*found.values(), *self.search.unopened]
        if not np.isfinite(numbers).all():
            return Completion(self.key, None, usage=self.usage(), error="engine_failed")
        return Completion(
            key=self.key,
            text=self._settle(found),
            scores=tuple(found.items()),
            unopened=self.search.unopened,
            finish="choice",
            confidence_source="label_probability",
            usage=self.usage(),
        )

    def _settle(self, found: dict[str, float]) -> str:
        if self.group.several:
            applying = [label for label, probability in found.items() if probability >= APPLIES]
            return json.dumps(applying, ensure_ascii=False)
        return max(found, key=lambda label: found[label])
