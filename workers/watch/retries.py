"""When what failed is tried again: soon, then less and less often."""

import math
from collections.abc import Callable
from typing import Final

PAUSES_SECONDS: Final = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)


def pause_after(failures: int) -> float:
    """Return how many seconds to wait after so many failures in a row."""
    return PAUSES_SECONDS[min(failures, len(PAUSES_SECONDS)) - 1]


class Retries:
    """Counts the failures of files, by their paths."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: dict[str, int] = {}
        self._next: dict[str, float] = {}

    def fail(self, path: str) -> int:
        """Note a failure and return how many there were."""
        self._failures[path] = self._failures.get(path, 0) + 1
        self._next[path] = self._clock() + pause_after(self._failures[path])
        return self._failures[path]

    def may(self, path: str) -> bool:
        """Say whether a file may be tried now."""
        return self._clock() >= self._next.get(path, -math.inf)

    def forget(self, path: str) -> None:
        """Begin anew with a file."""
        self._failures.pop(path, None)
        self._next.pop(path, None)
