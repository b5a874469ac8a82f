"""Which rows the next step reads: fair between submissions, within the context's budgets.

Pure: no clock, no model. The submissions take turns; the one whose turn it is names the group
and takes what fits, the others of that group fill what is left. Rows whose answer is written
stay, and hold their part of the context, until they are finished; a row that finds no room beside
them keeps its turn, and no other row that would stay goes before it.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from workers.engines.llama.sequence import Group, Sequence


@dataclass(frozen=True, slots=True)
class Held:
    """What rows that are being written hold between steps: sequences, and KV cells."""

    sequences: int = 0
    cells: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """What one step may use.

    `step_tokens` are aimed at, and exceeded only by a row that is longer by itself.
    `context_tokens` bound one prompt from its prefix to the last token of its answer; `cells`
    bound all tokens held at once, `sequences` the prefix, the rows and one opening of their trie.
    """

    step_tokens: int
    context_tokens: int
    cells: int
    sequences: int

    def holds(self, group: Group, row_tokens: int) -> bool:
        """Tell whether a row fits the context when it is alone in it."""
        needed = len(group.prefix) + row_tokens + group.answer_tokens + group.trie.widest_tokens
        return needed <= min(self.context_tokens, self.cells)

    def fits(self, group: Group, load: "Load", held: Held) -> bool:
        """Tell whether rows fit one step together, beside what is held.

        Rows that stay leave room for a step of rows that do not.
        """
        cells = held.cells + len(group.prefix) + load.cells + group.trie.widest_tokens
        sequences = 1 + held.sequences + load.rows + group.trie.widest_paths
        most_cells, most_sequences = self.cells, self.sequences
        if group.writing is not None:
            most_cells = max(self.cells - self.step_tokens, self.context_tokens)
            most_sequences -= self.sequences // 4
        return (
            (load.rows == 1 or load.unread <= self.step_tokens)
            and cells <= most_cells
            and sequences <= most_sequences
        )


@dataclass(frozen=True, slots=True)
class Load:
    """Rows that begin in a step: `unread` tokens they read, `cells` they may come to need."""

    rows: int
    unread: int
    cells: int

    def plus(self, row: Sequence) -> "Load":
        return Load(self.rows + 1, self.unread + len(row.unread), self.cells + row.cells)


NOTHING: Final = Load(0, 0, 0)


class Scheduler:
    """Waiting sequences by submission, and those being written; `pick` takes who begins."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._turns: deque[int] = deque()
        self._waiting: dict[int, deque[Sequence]] = {}
        self._ongoing: list[Sequence] = []

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, sequence: Sequence) -> None:
        """Queue a row that `Budget.holds`, behind the others of its submission."""
        submission = sequence.ticket.submission
        if submission not in self._waiting:
            self._waiting[submission] = deque()
            self._turns.append(submission)
        self._waiting[submission].append(sequence)

    def remove(self, tickets: Collection[object]) -> list[Sequence]:
        """Forget the rows of `tickets`; returns those of them that are being written."""
        gone = {id(ticket) for ticket in tickets}
        for submission, rows in tuple(self._waiting.items()):
            self._waiting[submission] = deque(row for row in rows if id(row.ticket) not in gone)
        self._drop_finished()
        cut = [row for row in self._ongoing if id(row.ticket) in gone]
        self._ongoing = [row for row in self._ongoing if id(row.ticket) not in gone]
        return cut

    def pick(self) -> list[Sequence]:
        """Return the rows that begin, of one group; empty when nothing waits, or nothing fits.

        Rows whose answer is written are ongoing from then on.
        """
        turn = self._choose_turn()
        if turn is None:
            return []
        first = self._waiting[turn].popleft()
        rows = [first]
        if not first.alone:
            for submission in self._turns:
                self._fill(rows, self._waiting[submission])
        self._turns.remove(turn)
        self._turns.append(turn)
        self._drop_finished()
        if first.group.writing is not None:
            self._ongoing += rows
        return rows

    def ongoing(self) -> Iterator[list[Sequence]]:
        """Yield the rows being written as they may be read: together, and some alone."""
        together = [row for row in self._ongoing if not row.alone]
        if together:
            yield together
        yield from ([row] for row in tuple(self._ongoing) if row.alone)

    def finish(self, row: Sequence) -> None:
        """Forget a row that has its answer; its part of the context is free."""
        if row in self._ongoing:
            self._ongoing.remove(row)

    def put_back(self, rows: Iterable[Sequence]) -> None:
        """Let rows begin again, before all others, in the order in which they are given."""
        for row in reversed(list(rows)):
            self.finish(row)
            submission = row.ticket.submission
            if submission in self._waiting:
                self._turns.remove(submission)
            self._waiting.setdefault(submission, deque()).appendleft(row)
            self._turns.appendleft(submission)

    def put_back_ongoing(self) -> None:
        """Let every row that is being written begin again."""
        self.put_back(tuple(self._ongoing))

    def shared_with_others(self, row: Sequence) -> bool:
        """Tell whether other rows than this one hold a part of the context."""
        return any(other is not row for other in self._ongoing)

    def held_beside(self, group: Group | None = None) -> Held:
        """Return what ongoing rows hold beside the prefix of `group`."""
        groups = {id(row.group): row.group for row in self._ongoing}
        prefixes = {one.prefix for one in groups.values()}
        if group is not None:
            prefixes.discard(group.prefix)
        cells = sum(row.cells for row in self._ongoing) + sum(map(len, prefixes))
        return Held(len(self._ongoing), cells)

    def _choose_turn(self) -> int | None:
        """Return the submission that is served next.

        One whose first row must wait for room keeps its turn. Rows that hold nothing after
        their step may go before it; a row that would stay may not.
        """
        blocked = False
        for submission in self._turns:
            first = self._waiting[submission][0]
            if blocked and first.group.writing is not None:
                continue
            if self._budget.fits(first.group, NOTHING.plus(first), self.held_beside(first.group)):
                return submission
            blocked = True
        return None

    def _fill(self, rows: list[Sequence], waiting: deque[Sequence]) -> None:
        group = rows[0].group
        held = self.held_beside(group)
        load = NOTHING
        for row in rows:
            load = load.plus(row)
        while waiting and waiting[0].group is group and not waiting[0].alone:
            load = load.plus(waiting[0])
            if not self._budget.fits(group, load, held):
                return
            rows.append(waiting.popleft())

    def _drop_finished(self) -> None:
        self._waiting = {number: rows for number, rows in self._waiting.items() if rows}
        self._turns = deque(number for number in self._turns if number in self._waiting)
