"""Texts cut into the words that ROUGE counts, each language as it is written.

rouge-score's own tokenizer keeps only a-z and 0-9: of a Japanese text nothing would be left.
Japanese is cut by SudachiPy in its short units (mode A). It was chosen over fugashi with UniDic:
both are free to use (Apache-2.0; MIT and BSD), both dictionaries take about 200 MB on disk, but
Sudachi's is rebuilt from current words several times a year, while the packaged UniDic
(unidic-lite) still is the one of 2013; and one vendor keeps program and dictionary in step.

Chinese is cut into characters, everything else at what is no letter or digit. Which of these it
is, the reference decides for both texts, so that an answer in the wrong language is not
measured by other rules.
"""

import re
import unicodedata
from functools import cache
from typing import Final, Protocol

from sudachipy import Dictionary, SplitMode

KANA: Final = re.compile("[\u3041-\u30ff]")
HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
WORD_OR_HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]|[^\\W\u3400-\u4dbf\u4e00-\u9fff_]+")
WORD: Final = re.compile(r"[^\W_]+")
PIECE_CHARS: Final = 10_000
"""Sudachi takes 49,149 bytes at once; a character has four at most."""


class Splitter(Protocol):
    """What rouge-score calls a tokenizer."""

    def tokenize(self, text: str) -> list[str]:
        """Return the words of a text."""
        ...


def choose_splitter(reference: str) -> Splitter:
    """Return the splitter for the language of a reference."""
    if KANA.search(reference):
        return JapaneseSplitter()
    return PatternSplitter(WORD_OR_HAN if HAN.search(reference) else WORD)


class PatternSplitter:
    """Cuts at what a pattern does not take."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern

    def tokenize(self, text: str) -> list[str]:
        return self._pattern.findall(plain(text))


class JapaneseSplitter:
    """Cuts with Sudachi; signs and spaces are no words."""

    def tokenize(self, text: str) -> list[str]:
        words = _load()
        folded = plain(text)
        pieces = (
            line[start : start + PIECE_CHARS]
            for line in folded.splitlines()
            for start in range(0, len(line), PIECE_CHARS)
        )
        found = (one.surface() for piece in pieces for one in words.tokenize(piece))
        return [word for word in found if WORD.search(word)]


def plain(text: str) -> str:
    """Return a text in the form in which words are compared."""
    return unicodedata.normalize("NFKC", text).casefold()


@cache
def _load():  # type: ignore[no-untyped-def] # the library has no types
    return Dictionary().tokenizer(mode=SplitMode.A)
