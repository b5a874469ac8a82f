"""Text compared the way people read it: NFKC, casefold, any white space as one space.

A `Folded` text remembers where each of its characters stood, so that what is found in it can be
shown in the text as it was written.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

Span = tuple[int, int]
"""The characters [start, end) of a text."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text; character i of it came from [starts[i], ends[i]) of the written one."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> Span:
        """Return where the folded characters [start, end) stood; `start` < `end`."""
        return self.starts[start], self.ends[end - 1]

    def find(self, value: str) -> Span | None:
        """Return where a value first stands in the written text, None if nowhere or blank."""
        wanted = fold(value).text.strip()
        at = self.text.find(wanted) if wanted else -1
        return None if at < 0 else self.span(at, at + len(wanted))


def fold(written: str) -> Folded:
    """Fold a text, cluster by cluster (a character with the marks that belong to it)."""
    text: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(written):
        for character in _plain(written[start:end]):
            if character == " " and text and text[-1] == " ":
                ends[-1] = end
                continue
            text.append(character)
            starts.append(start)
            ends.append(end)
    return Folded("".join(text), tuple(starts), tuple(ends))


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
