"""How wide the context of written rows is: it grows with the rows that come, and never shrinks.

A processor is fastest where every written row has cells of its own, and what all rows have is
what the longest may need. So it begins narrow and is opened anew, wider, when longer rows come.
"""

import logging
from collections.abc import Callable
from collections.abc import Sequence as Many

from jobs.errors import ModelError
from workers.engines.llama.model import Model
from workers.engines.llama.sequence import Group
from workers.engines.llama.step import Budget

_log = logging.getLogger(__name__)

OpenWriting = Callable[[int], tuple[Model, Budget]]


class Writers:
    """Opens the context of written rows in the widths there are, narrowest first."""

    def __init__(self, open_writing: OpenWriting | None = None, widths: Many[int] = ()) -> None:
        """`widths` are the tokens of one row with its answer; without any there is no context."""
        self._open = open_writing
        self._widths = list(widths)

    def wider(self, group: Group, row_tokens: int, budget: Budget | None) -> int | None:
        """Return the width that holds a row which today's `budget` does not; None if none does."""
        needed = len(group.prefix) + row_tokens + group.answer_tokens
        if budget is not None and needed <= budget.context_tokens:
            return None
        return next((width for width in self._widths if width >= needed), None)

    def open(self, width: int) -> tuple[Model, Budget] | None:
        """Open a context; None where memory is short: then no width from this one on is there."""
        if self._open is None:
            return None
        try:
            made = self._open(width)
        except ModelError as error:
            _log.warning("no context of %d tokens for written rows: %s", width, error.code)
            self._widths = [narrower for narrower in self._widths if narrower < width]
            return None
        self._widths = [wider for wider in self._widths if wider > width]
        return made
