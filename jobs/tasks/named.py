"""What a source has to compare names with."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from jobs.tasks.folding import fold
from jobs.tasks.name_words import ORDINARY

WORD: Final = re.compile(r"[^\W_]+")
MIN_STEM: Final = 4
SPACED: Final = re.compile(r"\b(?:[a-z][ .]{1,2}){1,7}[a-z]\b")
"""Letters that are spelled out: C B C, U.S."""
KATAKANA: Final = re.compile(r"[ァ-ヺー・゠]+")


@dataclass(frozen=True)
class Known:
    """A source, and the forms that names are looked for in."""

    source: str

    @cached_property
    def folded(self) -> str:
        """The source as people compare texts."""
        return fold(self.source).text

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Its words, in order."""
        return tuple(match[0] for match in WORD.finditer(self.folded))

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Its words, each once."""
        return frozenset(self.words)

    @cached_property
    def stems(self) -> dict[str, set[str]]:
        """Its longer words by how they begin."""
        stems: dict[str, set[str]] = {}
        for word in self.vocabulary:
            if len(word) >= MIN_STEM:
                stems.setdefault(word[:MIN_STEM], set()).add(word)
        return stems

    @cached_property
    def compact(self) -> str:
        """Its letters and digits alone."""
        return "".join(self.words)

    @cached_property
    def initials(self) -> str:
        """The first letters of its words, and of those that are not small."""
        large = [word for word in self.words if word not in ORDINARY]
        return " ".join("".join(word[0] for word in words) for words in (self.words, large))

    @cached_property
    def spelled(self) -> frozenset[str]:
        """What it spells by letters."""
        return frozenset(re.sub("[ .]", "", match[0]) for match in SPACED.finditer(self.folded))

    @cached_property
    def acronyms(self) -> frozenset[str]:
        """Its words in capitals, without which a summary's are abbreviations, not names."""
        return frozenset(re.findall(r"(?<![\w.])(?!OK\b|TV\b)[A-Z]{2,}s?(?![\w.])", self.source))

    @cached_property
    def katakana(self) -> str:
        """Its katakana without the marks that spellings differ in."""
        return " ".join(plain_katakana(match[0]) for match in KATAKANA.finditer(self.folded))


def plain_katakana(written: str) -> str:
    """Drop what spellings differ in: ー, ・, small vowels."""
    large = written.translate(str.maketrans("ァィゥェォャュョヴ", "アイウエオヤユヨブ"))
    return re.sub("[ー・゠]", "", large)
