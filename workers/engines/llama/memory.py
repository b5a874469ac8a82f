"""The context's sequences: which row holds which, and the prefix that stays in the first one."""

import heapq
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Many
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workers.engines.llama.labels import Tokens
from workers.engines.llama.model import Model, NoSlotError, Piece
from workers.engines.llama.sequence import NOWHERE, Group, Sequence

PREFIX: Final = NOWHERE  # the sequence of the resident prefix; rows and paths have the others

Logits = NDArray[np.float32]  # (outputs, vocabulary)


class Memory:
    """Reads and forgets tokens for rows, and splits the device time over them."""

    def __init__(
        self,
        model: Model,
        sequences: int,
        clock: Callable[[], float],
        count: Callable[[int, float], None],
    ) -> None:
        """`count` is told the tokens and the seconds of every decode."""
        self._model = model
        self._sequences = sequences
        self._clock = clock
        self._count = count
        self._resident: Tokens = ()
        self._free = list(range(PREFIX + 1, sequences))
        self._rows: dict[int, Sequence] = {}

    @property
    def free_places(self) -> int:
        return len(self._free)

    def read(self, rows: Many[Sequence]) -> Logits:
        """Read rows of one group behind their prefix; returns the logits after each row."""
        group = rows[0].group
        if group.prefix != self._resident:
            self._bring_prefix(rows, group)
        for row in rows:
            row.place = self.take()
            self._rows[row.place] = row
            if group.prefix:
                self._model.copy(PREFIX, row.place)
        at = len(group.prefix)
        return self.forward(
            [Piece(row.unread, at, (row.place,), True) for row in rows],
            [(row, len(row.unread)) for row in rows],
        )

    def forward(self, pieces: list[Piece], shares: list[tuple[Sequence, int]]) -> Logits:
        """Decode, and split the device time over rows by their shares."""
        started = self._clock()
        logits = self._model.decode(pieces)
        seconds = self._clock() - started
        whole = sum(share for _, share in shares)
        for row, share in shares:
            row.device_ms += 1000 * seconds * share / whole
        self._count(sum(len(piece.tokens) for piece in pieces), seconds)
        return logits

    def take(self, source: int | None = None) -> int:
        """Return a free sequence that shares everything `source` holds."""
        if not self._free:
            raise NoSlotError
        place = heapq.heappop(self._free)
        if source is not None:
            self._model.copy(source, place)
        return place

    def give(self, place: int) -> None:
        """Empty a sequence; what others share of it stays."""
        self._model.forget(place)
        heapq.heappush(self._free, place)

    def release(self, rows: Iterable[Sequence]) -> None:
        """Take back what rows hold, if they hold anything."""
        for row in rows:
            if row.place != NOWHERE:
                del self._rows[row.place]
                self.give(row.place)
                row.place = NOWHERE

    def clear(self) -> None:
        """Empty everything after a failure: nothing in it can be trusted."""
        self._model.clear()
        self._resident = ()
        self._free = list(range(PREFIX + 1, self._sequences))
        for row in self._rows.values():
            row.place = NOWHERE
        self._rows.clear()

    def _bring_prefix(self, rows: Many[Sequence], group: Group) -> None:
        """Make the group's prefix the resident one.

        Rows that are being written hold it already if they are of this frame; else it is read,
        and these rows pay for it, equally.
        """
        self._resident = ()
        self._model.forget(PREFIX)
        holders = [row for row in self._rows.values() if row.group.prefix == group.prefix]
        if holders and self._model.copies_parts:
            self._model.copy(holders[0].place, PREFIX, len(group.prefix))
        elif group.prefix:
            self.forward([Piece(group.prefix, 0, (PREFIX,), False)], [(row, 1) for row in rows])
        self._resident = group.prefix
