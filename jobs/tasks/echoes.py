"""What an answer says twice, and what it only copies from its source."""

import re
from collections.abc import Sequence
from itertools import combinations
from typing import Final

from jobs.tasks.folding import fold
from jobs.tasks.languages import split_sentences, weigh

MIN_WEIGHT: Final = 24
"""Sentences below this weight (Latin letters) may be alike: "Agreed.", "No fever."."""
ALIKE: Final = 0.85
"""The share of common trigrams from which two sentences say the same."""
MAX_SENTENCES: Final = 200
PROBE: Final = 40
"""Copied text is looked for by pieces of so many characters, one every `STEP`."""
STEP: Final = 20
MIN_COPIED: Final = 300
"""A shorter copy, by weight, is a quotation."""
COPIED_SHARE: Final = 0.4
"""The share of an answer that is copied in one piece, from which it is no summary."""
SOURCE_SHARE: Final = 0.2
"""The share of the source from which three sentences in a row are a copy of it."""
FEW_SENTENCES: Final = 3
MANY_SENTENCES: Final = 5
DIGITS: Final = re.compile(r"[0-9]+")
END: Final = re.compile(r"[.!?](?= |$)|[。！？]")
PLAIN: Final = re.compile(r"\w+")


def says_twice(answer: str, source: str) -> bool:
    """Whether two sentences of an answer are nearly equal, where no two of its source are.

    Sentences with different numbers are different.
    """
    sentences = _long_sentences(answer)
    pairs = [pair for pair in combinations(sentences, 2) if _alike(*pair)]
    if not pairs:
        return False
    wanted = {one for pair in pairs for one in pair}
    in_source = _long_sentences(source)
    return not all(sum(_alike(one, other) for other in in_source) > 1 for one in wanted)


def is_copy(answer: str, source: str) -> bool:
    """Whether an answer is for a large part its source's own sentences, as they follow there.

    A short text may be its own summary, and single sentences may be quoted.
    """
    written, whole = fold(answer).text.strip(), fold(source).text.strip()
    start, end = _longest_common(written, whole)
    copied = written[start:end]
    weight = weigh(copied)
    if weight < MIN_COPIED or weight < COPIED_SHARE * weigh(written):
        return False
    count = len(END.findall(copied))
    if count >= MANY_SENTENCES:
        return True
    return count >= FEW_SENTENCES and weight >= SOURCE_SHARE * weigh(whole)


def _long_sentences(text: str) -> list[tuple[frozenset[str], tuple[str, ...]]]:
    """Return the trigrams and the numbers of each sentence that is not short."""
    found = []
    for sentence in split_sentences(text)[:MAX_SENTENCES]:
        folded = fold(sentence).text
        plain = " ".join(PLAIN.findall(folded))
        if weigh(plain) >= MIN_WEIGHT:
            grams = frozenset(plain[at : at + 3] for at in range(len(plain) - 2))
            found.append((grams, tuple(DIGITS.findall(folded))))
    return found


def _alike(
    one: tuple[frozenset[str], Sequence[str]], other: tuple[frozenset[str], Sequence[str]]
) -> bool:
    if one[1] != other[1]:
        return False
    common = len(one[0] & other[0])
    return common >= ALIKE * (len(one[0]) + len(other[0]) - common)


def _longest_common(written: str, whole: str) -> tuple[int, int]:
    """Return [start, end) of the longest piece of a text that stands in another one.

    Pieces shorter than `PROBE` + `STEP` may be missed.
    """
    best = (0, 0)
    at = 0
    while at + PROBE <= len(written):
        found = whole.find(written[at : at + PROBE])
        if found < 0:
            at += STEP
            continue
        start, end = at, at + PROBE
        while start > 0 and found > 0 and written[start - 1] == whole[found - 1]:
            start, found = start - 1, found - 1
        while (
            end < len(written)
            and found + end - start < len(whole)
            and written[end] == whole[found + end - start]
        ):
            end += 1
        best = max(best, (start, end), key=lambda span: span[1] - span[0])
        at = end
    return best
