"""Tells when an answer goes round in a circle: greedy decoding does so and never ends by itself."""

import re
from collections.abc import Sequence
from typing import Final

MIN_TOKENS: Final = 48
"""A circle is only called one when it covers so many tokens ..."""
MIN_ROUNDS: Final = 4
"""... and was gone so often."""
MAX_PERIOD: Final = 32
CHECK_TOKENS: Final = 16
"""How often an answer is looked at."""
QUOTE: Final = re.compile(rb'(?<!\\)(?:\\\\)*"')
DIGITS: Final = re.compile(rb"[0-9.]+")


def goes_in_circles(tokens: Sequence[int]) -> bool:
    """Tell whether an answer's end is one short piece over and over; looks at every 16th token."""
    return _covered(tokens) > 0


def value_goes_in_circles(tokens: Sequence[int], content: bytes, ends: Sequence[int]) -> bool:
    """Tell the same of JSON, where only what stands inside one string or number is a circle.

    A list of equal things is what was asked for. `ends` are where the tokens end in `content`.
    """
    covered = _covered(tokens)
    if not covered:
        return False
    begin = ends[-covered - 1] if covered < len(ends) else 0
    piece = content[begin:]
    in_string = len(QUOTE.findall(content[:begin])) % 2 == 1
    return not QUOTE.search(piece) and (in_string or DIGITS.fullmatch(piece) is not None)


def _covered(tokens: Sequence[int]) -> int:
    """Return how many tokens at the end of an answer are a circle, 0 if they are none."""
    if len(tokens) < MIN_TOKENS or len(tokens) % CHECK_TOKENS:
        return 0
    periods = (period for period in range(1, MAX_PERIOD + 1) if _repeats(tokens, period))
    period = next(periods, 0)
    return max(MIN_TOKENS, MIN_ROUNDS * period) if period else 0


def _repeats(tokens: Sequence[int], period: int) -> bool:
    span = max(MIN_TOKENS, MIN_ROUNDS * period)
    if len(tokens) < span or tokens[-1] != tokens[-1 - period]:
        return False
    return tokens[-span:-period] == tokens[-span + period :]
