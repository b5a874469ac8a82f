"""How long answers are expected to be: a running quantile of those that were written."""

from bisect import insort
from collections import deque
from math import ceil
from typing import Final

from workers.engines.llama.sequence import Group, Sequence

QUANTILE: Final = 0.9
REMEMBERED: Final = 256
"""So many of the latest answers of a group are looked at."""
MIN_ANSWERS: Final = 8
"""Before so many answers are written, a share of what is allowed is expected."""
FIRST_SHARE: Final = 0.25
HEADROOM_TOKENS: Final = 32
"""An answer that outgrew the expectation is expected to go on for so long."""


class Lengths:
    """Lengths of the latest answers of one group."""

    def __init__(self) -> None:
        self._latest: deque[int] = deque()
        self._sorted: list[int] = []

    def see(self, tokens: int) -> None:
        """Remember the length of an answer."""
        self._latest.append(tokens)
        insort(self._sorted, tokens)
        if len(self._latest) > REMEMBERED:
            self._sorted.remove(self._latest.popleft())

    def quantile(self) -> int | None:
        """Return the length that nine of ten answers do not exceed; None while few are known."""
        if len(self._sorted) < MIN_ANSWERS:
            return None
        return self._sorted[ceil(QUANTILE * len(self._sorted)) - 1]


class Expectation:
    """Expects KV cells of rows; more than one row can need is never expected."""

    def __init__(self) -> None:
        self._lengths: dict[int, tuple[Group, Lengths]] = {}

    def see(self, row: Sequence) -> None:
        """Learn from a row that has its answer."""
        if row.group.writing is not None:
            number = id(row.group)
            self._lengths.setdefault(number, (row.group, Lengths()))[1].see(row.output_tokens)

    def cells(self, row: Sequence) -> int:
        """Return the cells that a row is expected to hold in the end, behind its prefix."""
        known = len(row.tokens)
        if row.answer_expected is not None:
            return known + row.answer_expected
        most = row.group.answer_tokens
        usual = self._usual(row.group)
        written = row.read + row.unread - known
        wanted = usual if written < usual else written + HEADROOM_TOKENS
        return known + min(wanted, most)

    def _usual(self, group: Group) -> int:
        found = self._lengths.get(id(group))
        usual = found[1].quantile() if found is not None else None
        if usual is None:
            usual = max(HEADROOM_TOKENS, ceil(FIRST_SHARE * group.answer_tokens))
        return usual
