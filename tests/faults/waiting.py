"""The only way these tests wait: for a condition, until a deadline, with words if it passes."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

LOOK_SECONDS = 0.05
Found = TypeVar("Found")


def until(
    condition: Callable[[], Found], *, seconds: float, what: str, tell: Callable[[], str]
) -> Found:
    """Return the first true value of `condition`; fail with `what` and `tell()` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"{seconds} s passed without: {what}\n{tell()}", pytrace=False)
        time.sleep(LOOK_SECONDS)
    return found
