"""Keeps Python's search for cycles out of the way while many short-lived records pass by.

Rows make no cycles, but by its usual thresholds the collector looks at every one of them several
times, and at all that was imported with them: a quarter of the time that loading takes.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

RARELY: Final = 100_000  # new objects between two looks; 700 is usual
_lock: Final = threading.Lock()
_inside: list[tuple[int, int, int]] = []
"""One entry for each block that is open: the thresholds before the first of them."""


@contextmanager
def collect_rarely() -> Iterator[None]:
    """Look for cycles seldom, and only among what is made from here on, until the block ends."""
    with _lock:
        _inside.append(_inside[0] if _inside else gc.get_threshold())
        gc.freeze()
        gc.set_threshold(RARELY, *_inside[0][1:])
    try:
        yield
    finally:
        with _lock:
            usual = _inside.pop()
            if not _inside:
                gc.set_threshold(*usual)
                gc.unfreeze()
