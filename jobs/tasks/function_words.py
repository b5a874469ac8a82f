"""Languages that share the Latin letters, told apart by their most frequent small words."""

import re
from typing import Final

WORDS: Final = {
    "en": "the and of to that is was were are with for they he she it his her this have has had not"
    " but be been by from which would what there their as you we at or an i so if my your",
    "de": "der die das und ist nicht ein eine einen dem den des mit für auf zu von sich sie wir ich"
    " auch es werden wird wurde haben hat sind war bei aus nach im am zum zur dass als oder",
    "fr": "le la les et des est une du que qui dans pour pas sur il elle nous vous sont avec au aux"
    " ce cette ne se par été était ont mais ou plus leur l d qu n c",
    "es": "el la los las y que es una por con para se del su al lo como más pero está son fue",
    "it": "il la lo gli le e che di è un una per con non si del della dei alla sono come più ma",
    "pt": "os e que é um uma por com para não se da dos das ao como mais mas são foi em",
    "nl": "de het een en van is dat niet op te met voor zijn die aan er ook als om maar hij ze was",
}
SMALL: Final = {language: frozenset(words.split()) for language, words in WORDS.items()}
WORD: Final = re.compile(r"[^\W\d_]+")
MIN_FOUND: Final = 3
"""Fewer small words tell nothing."""
MIN_SHARE: Final = 0.12
"""The least share of small words in a text that is surely in their language."""
LEAD: Final = 2.0
"""How many times as many as of any other language that must be."""
MAX_CHARS: Final = 4000


def tell_language(text: str) -> str | None:
    """Return the language of a text in Latin letters, None if its small words leave it open."""
    words = [word.casefold() for word in WORD.findall(text[:MAX_CHARS])]
    counts = {language: sum(word in small for word in words) for language, small in SMALL.items()}
    best = max(counts, key=lambda language: counts[language])
    second = max(count for language, count in counts.items() if language != best)
    if counts[best] < max(MIN_FOUND, MIN_SHARE * len(words), LEAD * second):
        return None
    return best
