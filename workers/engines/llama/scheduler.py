"""Which rows the next step reads: fair between submissions, within the context's budgets.

Pure: no clock, no model. The submissions take turns; the one whose turn it is names the group
and takes what fits, the others of that group fill what is left.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from workers.engines.llama.sequence import Group, Sequence


@dataclass(frozen=True, slots=True)
class Budget:
    """What one step may use.

    `step_tokens` are aimed at, and exceeded only by a row that is longer by itself.
    `context_tokens` bound one prompt from its prefix to its last label token; `cells` bound
    all tokens held at once, `sequences` the prefix, the rows and one opening of their trie.
    """

    step_tokens: int
    context_tokens: int
    cells: int
    sequences: int

    def holds(self, group: Group, row_tokens: int) -> bool:
        """Tell whether a row fits the context when it is alone in it."""
        needed = len(group.prefix) + row_tokens + group.trie.widest_tokens
        return needed <= min(self.context_tokens, self.cells)

    def fits(self, group: Group, rows: int, tokens: int) -> bool:
        """Tell whether `rows` rows with `tokens` of their own fit one step together."""
        cells = len(group.prefix) + tokens + group.trie.widest_tokens
        sequences = 1 + rows + group.trie.widest_paths
        return (
            (rows == 1 or tokens <= self.step_tokens)
            and cells <= self.cells
            and sequences <= self.sequences
        )


class Scheduler:
    """Waiting sequences by submission; `pick` takes the rows of the next step."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._turns: deque[int] = deque()
        self._waiting: dict[int, deque[Sequence]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, sequence: Sequence) -> None:
        """Queue a row that `Budget.holds`, behind the others of its submission."""
        submission = sequence.ticket.submission
        if submission not in self._waiting:
            self._waiting[submission] = deque()
            self._turns.append(submission)
        self._waiting[submission].append(sequence)

    def remove(self, tickets: Collection[object]) -> None:
        """Forget the waiting rows of `tickets`."""
        gone = {id(ticket) for ticket in tickets}
        for submission, rows in tuple(self._waiting.items()):
            self._waiting[submission] = deque(row for row in rows if id(row.ticket) not in gone)
        self._drop_finished()

    def pick(self) -> list[Sequence]:
        """Return the rows of the next step, of one group; empty when nothing waits."""
        if not self._turns:
            return []
        first = self._waiting[self._turns[0]].popleft()
        rows = [first]
        if not first.ticket.alone:
            for submission in self._turns:
                self._fill(rows, self._waiting[submission])
        self._turns.rotate(-1)
        self._drop_finished()
        return rows

    def _fill(self, rows: list[Sequence], waiting: deque[Sequence]) -> None:
        group = rows[0].group
        tokens = sum(len(row.tokens) for row in rows)
        while waiting and waiting[0].group is group and not waiting[0].ticket.alone:
            tokens += len(waiting[0].tokens)
            if not self._budget.fits(group, len(rows) + 1, tokens):
                return
            rows.append(waiting.popleft())

    def _drop_finished(self) -> None:
        self._waiting = {number: rows for number, rows in self._waiting.items() if rows}
        self._turns = deque(number for number in self._turns if number in self._waiting)
