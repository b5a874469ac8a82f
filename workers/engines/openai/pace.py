"""How many rows a server is asked at once: more while that pays, fewer when it is busy. Pure.

Hill climbing on measured throughput: a window of answers is timed at a limit, the limit is raised,
and the raise is kept if the next window was faster by more than noise. Now and then the limit is
lowered to see whether fewer would do. A server that says it is busy halves it, as TCP's congestion
control does (RFC 5681), and the limit it was busy at is a ceiling for a while.
"""

import math
from typing import Final, Literal

GROWTH: Final = 1.5
GAIN: Final = 1.06
"""A window must be this much faster for a raise to have paid."""
LOSS: Final = 0.97
"""Fewer rows at once are kept if they are no slower than this."""
HOLD_WINDOWS: Final = 6
"""Windows between two looks at another limit."""
MIN_WINDOW: Final = 8
CEILING_WINDOWS: Final = 24

Phase = Literal["climb", "hold", "lower"]


class Pace:
    """The limit for one server. Not for several threads."""

    def __init__(self, start: int, most: int) -> None:
        self._most = most
        self._ceiling = most
        self._ceiling_left = 0
        self._limit = max(1, min(start, most))
        self._base: tuple[int, float] | None = None  # a limit and its throughput
        self._phase: Phase = "climb"
        self._held = 0
        self._lowers = False
        self._cut_at = -math.inf
        self._settling = False
        self._since: float | None = None
        self._rows = 0
        self._work = 0.0

    @property
    def limit(self) -> int:
        """How many rows may be out at the same time; 1 at least."""
        return self._limit

    def finished(self, now: float, work: float, *, full: bool) -> None:
        """Note an answer, so many tokens of work (or 1.0); `full`: the limit was used up till now.

        Windows in which there were not enough rows say nothing about the server.
        """
        if not full:
            self._forget()
            return
        if self._since is None:
            self._since = now
            return
        self._rows += 1
        self._work += work
        if self._rows < max(MIN_WINDOW, 2 * self._limit) or now <= self._since:
            return
        throughput = self._work / (now - self._since)
        self._forget()
        if self._settling:  # the first window after a change still has rows of the old limit
            self._settling = False
            return
        self._decide(throughput)

    def turned_away(self, now: float, sent_at: float) -> None:
        """Note that a row sent at `sent_at` found the server busy; a burst of them is one."""
        if sent_at < self._cut_at:
            return
        self._ceiling = max(1, min(self._ceiling, self._limit) - 1)
        self._ceiling_left = CEILING_WINDOWS
        self._cut_at = now
        self._base = None
        self._phase, self._held = "hold", 0
        self._change(self._limit // 2)

    def _decide(self, throughput: float) -> None:
        self._age_ceiling()
        limit, base = self._limit, self._base
        if self._phase == "climb" and base is not None and throughput < base[1] * GAIN:
            self._hold(base[0])  # the raise did not pay
        elif self._phase == "climb":
            self._base = (limit, throughput)
            self._raise()
        elif self._phase == "lower" and base is not None and throughput < base[1] * LOSS:
            self._hold(base[0])
        elif self._phase == "lower":
            self._base = (limit, throughput)
            self._phase, self._held = "hold", 0
        else:
            self._rest(throughput)

    def _rest(self, throughput: float) -> None:
        """Stay, and after some windows look at a larger or a smaller limit in turn."""
        self._base = (self._limit, throughput)
        self._held += 1
        if self._held < HOLD_WINDOWS:
            return
        self._lowers = not self._lowers
        if self._lowers and self._limit > 1:
            self._phase = "lower"
            self._change(min(math.floor(self._limit / GROWTH), self._limit - 1))
        else:
            self._raise()

    def _raise(self) -> None:
        larger = min(math.ceil(self._limit * GROWTH), self._ceiling, self._most)
        if larger > self._limit:
            self._phase = "climb"
            self._change(larger)
        else:
            self._phase, self._held = "hold", 0

    def _hold(self, limit: int) -> None:
        self._phase, self._held = "hold", 0
        self._change(limit)

    def _change(self, limit: int) -> None:
        self._limit = max(1, min(limit, self._ceiling, self._most))
        self._forget()
        self._settling = True

    def _age_ceiling(self) -> None:
        if self._ceiling_left:
            self._ceiling_left -= 1
            if not self._ceiling_left:
                self._ceiling = self._most

    def _forget(self) -> None:
        self._since = None
        self._rows = 0
        self._work = 0.0
