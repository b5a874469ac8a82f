"""Tells when an answer goes round in a circle: greedy decoding does so and never ends by itself."""

from collections.abc import Sequence
from typing import Final

MIN_TOKENS: Final = 48
"""A circle is only called one when it covers so many tokens ..."""
MIN_ROUNDS: Final = 4
"""... and was gone so often."""
MAX_PERIOD: Final = 32
CHECK_TOKENS: Final = 16
"""How often an answer is looked at."""


def goes_in_circles(tokens: Sequence[int]) -> bool:
    """Tell whether an answer's end is one short piece over and over; looks at every 16th token."""
    if len(tokens) < MIN_TOKENS or len(tokens) % CHECK_TOKENS:
        return False
    return any(_repeats(tokens, period) for period in range(1, MAX_PERIOD + 1))


def _repeats(tokens: Sequence[int], period: int) -> bool:
    span = max(MIN_TOKENS, MIN_ROUNDS * period)
    if len(tokens) < span or tokens[-1] != tokens[-1 - period]:
        return False
    return tokens[-span:-period] == tokens[-span + period :]
