"""Whether text is whole: its last sentence ends, and all of it is in one language's letters."""

import re
from collections.abc import Sequence
from typing import Final

from jobs.spec import LanguageCode
from jobs.tasks.folding import fold
from jobs.tasks.languages import fits_language, split_sentences, weigh

ENDED: Final = re.compile(r"[.!?。．！？…:][\"'”’»)\]）」』】]*$|[\"'”’»)\]）」』】]$")
CLAUSE: Final = re.compile(r"[,、，;；(（「『\[&/–—-]$")
DANGLING: Final = re.compile(
    r"(?:^|[\s])(?:the|an?|and|or|of|with|by|their|his|our|my|your|from|der|die|das|und|oder|mit"
    r"|von|le|la|les|un|une|et|ou|de|du|des)$"
    r"|[をは]$|[でま]すが$|[だた]が$",
    re.IGNORECASE,
)
MIN_OTHERS: Final = 2
MIN_OTHER: Final = 25
"""A point of this weight (Latin letters) is a sentence, with or without its full stop."""
MIN_FOREIGN: Final = 14
"""Several words of this weight are more than a name or a quoted word."""
OWN_LETTERS: Final = {
    "ja": re.compile("[ぁ-ヺ一-鿿]"),
    "zh": re.compile("[一-鿿]"),
    "ko": re.compile("[가-힣]"),
}
"""Letters of which one is enough for a sentence with Latin names in it."""


def is_unfinished(points: Sequence[str]) -> bool:
    """Whether the last sentence breaks off: in mid-clause, or unlike all the others."""
    last = points[-1].rstrip() if points else ""
    if not last:
        return False
    if CLAUSE.search(last) or DANGLING.search(last):
        return True
    if ENDED.search(last):
        return False
    own = split_sentences(last)
    others = [point for point in points[:-1] if weigh(point) >= MIN_OTHER] + own[:-1]
    return len(others) >= MIN_OTHERS and all(ENDED.search(one.rstrip()) for one in others)


def has_foreign_sentence(text: str, source: str, language: LanguageCode) -> bool:
    """Whether a sentence is in other letters than its language's, and none that was quoted."""
    known = fold(source).text
    own = OWN_LETTERS.get(language)
    return any(
        weigh(sentence) >= MIN_FOREIGN
        and (" " in sentence or not sentence.isascii())
        and not (own.search(sentence) if own else fits_language(sentence, language))
        and fold(sentence).text.strip(" .。") not in known
        for sentence in split_sentences(text)
    )
