"""Cuts a long text where it hurts least: paragraphs, lines, sentences, words, then anywhere.

The parts joined are the text, character for character.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from jobs.tasks.languages import SENTENCE_END

MIN_CHARS: Final = 32
"""A text shorter than this is not cut: its halves would hold no thought."""
EDGE: Final = 4
"""A cut leaves at least a quarter of the text on either side, so that few cuts are enough."""
REACH: Final = 500
"""How far from the middle a place between two characters is looked for."""
PARAGRAPH: Final = re.compile(r"\n[^\S\n]*\n\s*")
LINE: Final = re.compile(r"\r?\n\s*")
WORD: Final = re.compile(r"\s+|(?<=[、，；：])")
PLACES: Final = (PARAGRAPH, LINE, SENTENCE_END, WORD)
"""Where a text may be cut, best first; the cut is behind what is found."""
JOINER: Final = "\u200d"


def halve(text: str) -> tuple[str, str] | None:
    """Cut a text in two near its middle; None for one that is too short."""
    if len(text) < MIN_CHARS:
        return None
    at = _find_cut(text)
    return text[:at], text[at:]


def cut(text: str, most_bytes: int) -> list[str]:
    """Cut a text until no part has more than `most_bytes` in UTF-8, or can be cut no more."""
    halves = halve(text) if len(text.encode("utf-8", "surrogatepass")) > most_bytes else None
    return [text] if halves is None else [part for half in halves for part in cut(half, most_bytes)]


def _find_cut(text: str) -> int:
    """Return the best place between the text's first and last quarter."""
    middle, low = len(text) // 2, len(text) // EDGE
    high = len(text) - low
    for place in PLACES:
        ends = [match.end() for match in place.finditer(text, low, high)]
        inside = [end for end in ends if low < end < high]
        if inside:
            return min(inside, key=lambda end: abs(end - middle))
    near = [at for at in _outwards(middle, low, high) if not _sticks(text[at - 1], text[at])]
    apart = (at for at in near if not _in_word(text[at - 1], text[at]))
    return next(apart, near[0] if near else middle)


def _outwards(middle: int, low: int, high: int) -> Iterator[int]:
    """Yield the places near the middle, the nearest first."""
    for distance in range(min(high - middle, REACH)):
        yield middle + distance
        if middle - distance > low:
            yield middle - distance


def _sticks(before: str, after: str) -> bool:
    """Whether two characters are one to a reader, as far as that is cheap to tell."""
    return (
        (before, after) == ("\r", "\n")
        or JOINER in (before, after)
        or after in "ﾞﾟ"
        or unicodedata.category(after) in ("Mn", "Me", "Mc")
        or "\u1160" <= after <= "\u11ff"  # vowels and finals of Hangul
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # skin tones
        or ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff")
        or (_is_flag(before) and _is_flag(after))
    )


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _in_word(before: str, after: str) -> bool:
    """Whether a cut would break a Latin word or a number, in either width."""
    return (
        all(unicodedata.normalize("NFKC", one)[:1].isascii() for one in (before, after))
        and (before + after).isalnum()
    )
