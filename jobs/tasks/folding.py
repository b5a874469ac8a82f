"""Text compared the way people read it: NFKC, casefold, any white space as one space.

A `Folded` text remembers where each of its characters stood, so that what is found in it can be
shown in the text as it was written.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

Span = tuple[int, int]
"""The characters [start, end) of a text."""
SIMPLE: Final = re.compile(
    r"[\u0000-\u02ff\u2010-\u2027\u3000-\u3029\u3030-\u3096\u30a1-\u30fe\u3400-\u9fff\uff01-\uff9d]*"
)
"""Text of which no two characters belong together: it can be folded as a whole."""
WHITE: Final = re.compile(r"\s+")


@dataclass(frozen=True)
class Folded:
    """A text and its folded form."""

    written: str

    @cached_property
    def text(self) -> str:
        """The folded text."""
        if self.written.isascii():
            return WHITE.sub(" ", self.written.lower())
        if SIMPLE.fullmatch(self.written):
            plain = unicodedata.normalize("NFKC", self.written).casefold()
            return WHITE.sub(" ", unicodedata.normalize("NFKC", plain))
        return "".join(character for character, _, _ in self._characters)

    @cached_property
    def _characters(self) -> tuple[tuple[str, int, int], ...]:
        """Each folded character, and the [start, end) of the written text that it came from."""
        found: list[tuple[str, int, int]] = []
        for start, end in _clusters(self.written):
            for character in _plain(self.written[start:end]):
                if character == " " and found and found[-1][0] == " ":
                    found[-1] = (" ", found[-1][1], end)
                else:
                    found.append((character, start, end))
        return tuple(found)

    def span(self, start: int, end: int) -> Span:
        """Return where the folded characters [start, end) stood; `start` < `end`."""
        return self._characters[start][1], self._characters[end - 1][2]

    def place(self, at: int) -> int:
        """Return the first folded character that stood at character `at` of the text, or later."""
        return bisect_left(self._characters, at, key=lambda character: character[1])

    def find(self, value: str) -> Span | None:
        """Return where a value first stands in the written text, None if nowhere or blank."""
        wanted = fold(value).text.strip()
        at = self.text.find(wanted) if wanted else -1
        return None if at < 0 else self.span(at, at + len(wanted))


def fold(written: str) -> Folded:
    """Fold a text, cluster by cluster (a character with the marks that belong to it)."""
    return Folded(written)


def _plain(cluster: str) -> str:
    if len(cluster) == 1 and "!" <= cluster <= "~":
        return cluster.lower()
    plain = unicodedata.normalize("NFKC", cluster).casefold()
    plain = unicodedata.normalize("NFKC", plain)
    return "".join(" " if character.isspace() else character for character in plain)


def _clusters(written: str) -> Iterator[Span]:
    start = 0
    for at in range(1, len(written) + 1):
        if at == len(written) or not _joins(written[at]):
            yield start, at
            start = at


def _joins(character: str) -> bool:
    """Whether a character belongs to the one before: marks, half-width dakuten, jamo."""
    if character < "\u0300":
        return False
    return (
        character in "ﾞﾟ"
        or "\u1160" <= character <= "\u11ff"
        or unicodedata.combining(character) != 0
    )
