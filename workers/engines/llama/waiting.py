"""Rows that wait, by submission; submissions take turns, so that a long one cannot hold a short."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from workers.engines.llama.sequence import Sequence


class Waiting:
    """A queue for each submission; whose turn it is stands first."""

    def __init__(self) -> None:
        self._queues: dict[int, deque[Sequence]] = {}
        self._turns: deque[int] = deque()

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def __iter__(self) -> Iterator[Sequence]:
        for submission in self._turns:
            yield from self._queues[submission]

    def add(self, row: Sequence) -> None:
        """Queue a row behind the others of its submission."""
        self._queue_of(row).append(row)

    def put_back(self, rows: Iterable[Sequence]) -> None:
        """Let rows be next, in the order in which they are given."""
        for row in reversed(list(rows)):
            self._queue_of(row).appendleft(row)
            self._turns.remove(row.ticket.submission)
            self._turns.appendleft(row.ticket.submission)

    def remove(self, wanted: Callable[[Sequence], bool]) -> None:
        """Forget the rows that are wanted elsewhere."""
        for submission, queue in self._queues.items():
            self._queues[submission] = deque(row for row in queue if not wanted(row))
        self._drop_empty()

    def heads(self) -> list[Sequence]:
        """Return the first row of every submission, in the order of their turns."""
        return [self._queues[submission][0] for submission in self._turns]

    def take(self, row: Sequence) -> None:
        """Take the first row of its submission out."""
        self._queues[row.ticket.submission].remove(row)
        self._drop_empty()

    def next_of(self, submission: int) -> Sequence | None:
        """Return the row that is first in a submission, None when it is empty."""
        queue = self._queues.get(submission)
        return queue[0] if queue else None

    def pass_turn(self, submission: int) -> None:
        """Let a submission wait until the others had theirs."""
        if submission in self._queues:
            self._turns.remove(submission)
            self._turns.append(submission)

    def _queue_of(self, row: Sequence) -> deque[Sequence]:
        submission = row.ticket.submission
        if submission not in self._queues:
            self._queues[submission] = deque()
            self._turns.append(submission)
        return self._queues[submission]

    def _drop_empty(self) -> None:
        for submission in [number for number, queue in self._queues.items() if not queue]:
            del self._queues[submission]
            self._turns.remove(submission)
