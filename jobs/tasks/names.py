"""Names in a summary, and whether its source has them.

A name is what its writing shows to be one: a Latin word with a capital where an ordinary word has
none, an acronym, katakana that is no everyday loanword, kanji that are a well-known place or
family, or stand before さん, 氏, 県, 駅 and the like. Inflections, initials, width and case do not
count. Names are only compared within one script: a translation writes them in its own.
"""

import re
import unicodedata
from typing import Final

from jobs.tasks.folding import fold
from jobs.tasks.japanese_names import find_lost_japanese
from jobs.tasks.latin_names import find_lost_latin
from jobs.tasks.named import Known

LATIN: Final = re.compile(r"[A-Za-z\u00c0-\u024f]")
KANA: Final = re.compile("[ぁ-ん]")


def lost_names(summary: str, source: str) -> tuple[str, ...]:
    """Return the names of a summary that its source has in no form."""
    known = Known(source)
    lost: list[str] = []
    if _is_latin(source):
        lost += find_lost_latin(unicodedata.normalize("NFKC", summary), known)
    if KANA.search(source):
        lost += find_lost_japanese(fold(summary).text, known)
    return tuple(dict.fromkeys(lost))


def _is_latin(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    return bool(letters) and len(LATIN.findall(text)) >= letters / 2
