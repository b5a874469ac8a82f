"""Japanese names: katakana and kanji of a summary that its source has in no form."""

import re
from collections.abc import Iterator
from typing import Final

from jobs.tasks.name_words import (
    ALIASES,
    GENERIC_KANJI,
    HONORIFICS,
    LOANWORDS,
    PLACE_ENDS,
    PLACES,
    SURNAMES,
)
from jobs.tasks.named import KATAKANA, Known, plain_katakana

KANJI: Final = r"[\u4e00-\u9fff々ヶ]"
HONOURED: Final = re.compile(rf"((?:{KANJI}|[ァ-ヺー]){{2,8}}) ?(?:{HONORIFICS})")
LOCATED: Final = re.compile(rf"({KANJI}{{2,6}}?)(?:{PLACE_ENDS})")
MIN_KATAKANA: Final = 3


COMMON: Final = frozenset(map(plain_katakana, LOANWORDS))


def find_lost_japanese(summary: str, known: Known) -> Iterator[str]:
    """Yield names in katakana and kanji that the source has not."""
    for match in KATAKANA.finditer(summary):
        if _is_strange_katakana(match[0], known):
            yield match[0]
    for name in PLACES.findall(summary) + SURNAMES.findall(summary):
        if not any(alias in known.folded for alias in (name, *ALIASES.get(name, ()))):
            yield name
    for pattern in (HONOURED, LOCATED):
        for match in pattern.finditer(summary):
            name = match[1]
            if GENERIC_KANJI.search(name) or name[-2:] in known.folded:
                continue
            if not KATAKANA.fullmatch(name):
                yield name


def _is_strange_katakana(written: str, known: Known) -> bool:
    plain = plain_katakana(written)
    if len(plain) < MIN_KATAKANA or plain in COMMON:
        return False
    if plain in known.katakana:
        return False
    words = [word for word in known.katakana.split() if len(word) >= MIN_KATAKANA]
    pieces = [piece for piece in re.split("[・゠]", written) if piece]
    if len(pieces) > 1:
        return any(_is_strange_katakana(piece, known) for piece in pieces)
    return not _is_compound(plain, {*words, *COMMON})


def _is_compound(plain: str, words: set[str]) -> bool:
    """Whether katakana are made of known words: ビジネスホテル."""
    reached = {0}
    for at in range(len(plain)):
        if at in reached:
            reached |= {at + len(word) for word in words if plain.startswith(word, at)}
    return len(plain) in reached
