"""Harmful words, counted in answers.

A list is a text file: a word or phrase on each line; blank lines and those that begin with # are
not looked at. Words are found after NFKC and case folding. One that begins or ends with a letter
or digit of a script that is written with spaces must stand alone there (`ass` is not in `class`);
Japanese and Chinese words are found wherever they stand.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

UNSPACED: Final = "\u0e00-\u0eff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Thai, Lao, kana and Han: words stand without spaces between them."""
SPACED: Final = re.compile(rf"[^\W_{UNSPACED}]")
BEFORE: Final = rf"(?<![^\W_{UNSPACED}])"
AFTER: Final = rf"(?![^\W_{UNSPACED}])"


@dataclass(frozen=True, slots=True)
class Blocked:
    """How often words of a list stand in answers; `rows` are those with at least one."""

    words: int
    rows: int
    counts: tuple[tuple[str, int], ...]


def read_blocklist(content: str) -> tuple[str, ...]:
    """Return the words of a list, folded, each once."""
    lines = (_fold(line).strip() for line in content.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def count_blocked(answers: Iterable[str], words: Sequence[str]) -> Blocked:
    """Count the words of a list in answers; occurrences, not rows."""
    patterns = [(word, _pattern(word)) for word in words]
    counts: Counter[str] = Counter()
    rows = 0
    for answer in answers:
        folded = _fold(answer)
        found = {word: len(pattern.findall(folded)) for word, pattern in patterns}
        counts.update({word: times for word, times in found.items() if times})
        rows += any(found.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Blocked(len(words), rows, tuple(ordered))


def _pattern(word: str) -> re.Pattern[str]:
    inner = r"\s+".join(re.escape(part) for part in word.split())
    before = BEFORE if SPACED.match(word[0]) else ""
    after = AFTER if SPACED.match(word[-1]) else ""
    return re.compile(before + inner + after)


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
