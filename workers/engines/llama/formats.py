"""Which formats to try, and which of them answers as the original does: decisions alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jobs.errors import SettingError
from workers.engines.llama.gguf import BITS
from workers.engines.llama.measure import Shares
from workers.engines.llama.quantize import FILE_TYPES
from workers.engines.prepared import DEFAULT_FORMATS, Figures, Request

FORMATS: Final = tuple(FILE_TYPES)
MIN_AGREEMENT: Final = 0.99
NOISE_MAX: Final = 0.25
"""However much the original's answers move: a flip from a clearer lead than this counts."""

MIN_GAIN: Final = 1.1
"""A format that reads less than a tenth faster is not worth a second file."""

SHARE_MIN: Final = 0.01
"""A type that fewer of the weights have (norms, routers) says nothing of a file's precision."""


def choose_formats(weights: Mapping[str, int], request: Request) -> list[str]:
    """Return the formats to try for a file with these weights.

    The default formats below the original's precision are left out; one that was named raises
    `SettingError`, unless a lower precision was asked for.
    """
    own = name_type(weights)
    unknown = [form for form in request.formats if form not in FILE_TYPES]
    if unknown:
        raise SettingError("prepare_format_unknown", format=unknown[0], known=", ".join(FORMATS))
    chosen = []
    for form in dict.fromkeys(request.formats):
        if set(_counting(weights)) == {form}:
            continue  # the original itself
        if request.allow_lower_precision or keeps_precision(form, weights):
            chosen.append(form)
        elif tuple(request.formats) != DEFAULT_FORMATS:
            raise SettingError("prepare_format_lower", format=form, original=own)
    return chosen


def keeps_precision(form: str, weights: Mapping[str, int]) -> bool:
    """Tell whether a format is never below the types that a file's weights have.

    Bits a weight are compared. Of 16 bits only the same type or F32 will do: F16 has three bits
    of mantissa more than BF16, BF16 three of exponent more than F16.
    """
    for own in _counting(weights):
        bits = BITS.get(own, 32.0)  # of a type nobody knows all bits are kept
        if bits >= 16 and form not in (own, "f32"):
            return False
        if BITS[form] < bits:
            return False
    return True


def name_type(weights: Mapping[str, int]) -> str:
    """Return the type that most weights of a file have."""
    return max(weights, key=lambda name: weights[name], default="f32")


def _counting(weights: Mapping[str, int]) -> list[str]:
    total = sum(weights.values())
    return [name for name, count in weights.items() if count >= total * SHARE_MIN]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Shares of the questions with the same answer: all told, and beyond the original's noise."""

    raw: float
    beyond_noise: float


def measure_noise(first: Sequence[Shares], second: Sequence[Shares]) -> float:
    """Return by how much the lead of one label over another moved most between two orders, at
    most `NOISE_MAX`."""
    moves = [
        [one - two for one, two in zip(before, after, strict=True)]
        for before, after in zip(first, second, strict=True)
    ]
    return min(max((max(move) - min(move) for move in moves), default=0.0), NOISE_MAX)


def compare(original: Sequence[Shares], other: Sequence[Shares], noise: float) -> Agreement:
    """Compare the answers of two files.

    A flip between labels that the original itself holds apart by no more than its noise is the
    arithmetic's, not the format's.
    """
    flips = beyond = 0
    for shares, others in zip(original, other, strict=True):
        best, picked = _first(shares), _first(others)
        flips += best != picked
        beyond += shares[best] - shares[picked] > noise
    count = len(original)
    return Agreement(1 - flips / count, 1 - beyond / count)


def _first(shares: Shares) -> int:
    return max(range(len(shares)), key=shares.__getitem__)


def choose(original: Figures, candidates: Sequence[Figures]) -> Figures:
    """Return the fastest reader of those that answer as the original does, or the original."""
    good = [one for one in candidates if (one.agreement or 0.0) >= MIN_AGREEMENT]
    fastest = max(good, key=lambda one: one.reading_tokens_per_second, default=original)
    worth = original.reading_tokens_per_second * MIN_GAIN
    return fastest if fastest.reading_tokens_per_second >= worth else original


def list_thread_counts(cores: int) -> list[int]:
    """Return the numbers of threads to try, most first: all, all but one, and halves of them."""
    if cores <= 4:
        return list(range(cores, 0, -1))
    counts = {cores, cores - 1}
    while cores > 1:
        cores //= 2
        counts.add(cores)
    return sorted(counts, reverse=True)
