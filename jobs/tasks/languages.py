"""What can be told of a text's language by its letters, and how long and repetitive it is.

Languages that share an alphabet are not told apart here (`jobs.tasks.identity` does that).
"""

import math
import re
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import Final

from jobs.spec import LanguageCode
from jobs.spec.language import script_of
from jobs.tasks.folding import fold

NAMES: Final[dict[str, tuple[str, str]]] = {
    "ja": ("Japanese", "日本語"),
    "en": ("English", "英語"),
    "de": ("German", "ドイツ語"),
    "fr": ("French", "フランス語"),
    "zh": ("Chinese", "中国語"),
    "ko": ("Korean", "韓国語"),
}
"""The languages' names in English and in Japanese."""
CJK: Final[frozenset[str]] = frozenset({"ja", "zh", "ko"})
LATIN_LETTERS_PER_CJK: Final = 3
"""About as many Latin letters say what one Chinese character or kana says."""
SHARE: Final = 0.3
"""The least share of a text that is in its language's own letters; names and code are not."""
SHORT_LETTERS: Final = 8
"""Japanese of up to so many letters may do without kana (山田商事)."""
MIN_DOUBLED_CHARS: Final = 8
SCRIPTS: Final = {
    "kana": "\u3041-\u3096\u30a1-\u30fa\u30fc\u31f0-\u31ff\uff66-\uff9f",
    "han": "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "hangul": "\uac00-\ud7a3\u1100-\u11ff\u3131-\u318e",
    "latin": "a-zA-Z\u00aa-\u024f\u1e00-\u1eff\uff21-\uff5a",
}
ALPHABETS: Final = {
    "Arab": "ARABIC", "Armn": "ARMENIAN", "Beng": "BENGALI", "Cyrl": "CYRILLIC",
    "Deva": "DEVANAGARI", "Ethi": "ETHIOPIC", "Geor": "GEORGIAN", "Grek": "GREEK",
    "Gujr": "GUJARATI", "Guru": "GURMUKHI", "Hebr": "HEBREW", "Khmr": "KHMER", "Knda": "KANNADA",
    "Laoo": "LAO", "Mlym": "MALAYALAM", "Mymr": "MYANMAR", "Orya": "ORIYA", "Sinh": "SINHALA",
    "Taml": "TAMIL", "Telu": "TELUGU", "Thai": "THAI", "Tibt": "TIBETAN",
}  # fmt: skip
"""Other scripts by their ISO 15924 codes, and how the Unicode names of their letters begin."""
LETTERS: Final = {name: re.compile(f"[{ranges}]") for name, ranges in SCRIPTS.items()}
LOOP: Final = re.compile(r"(.{2,60}?)\1{3,}", re.DOTALL)
SENTENCE_END: Final = re.compile(
    r"(?<=[。！？])(?![。！？!?」』）)])\s*|(?<=[.!?])\s+(?=[^a-z0-9])|\n+"
)


def speaks_japanese(text: str) -> bool:
    """Whether a text is written in Japanese as far as its letters show (kana, mainly)."""
    return fits_language(text, "ja") and _count(text)["kana"] > 0


def detect_language(text: str) -> LanguageCode | None:
    """Return ja, ko or zh by their letters; None for all that is written in others."""
    counts = _count(text)
    if counts["kana"] and fits_language(text, "ja"):
        return "ja"
    if counts["hangul"] and fits_language(text, "ko"):
        return "ko"
    if counts["han"] and fits_language(text, "zh"):
        return "zh"
    return None


def fits_language(text: str, code: str) -> bool:
    """Whether a text's letters are those of a language; a text without letters fits all.

    A language whose script is not known here is fitted by every text.
    """
    counts = _count(text)
    latin = counts["latin"] / LATIN_LETTERS_PER_CJK
    cjk = counts["kana"] + counts["han"] + counts["hangul"]
    whole = cjk + latin + counts["other"]
    script = script_of(code)
    if not whole:
        return True
    if script == "Jpan":
        own = counts["kana"] + counts["han"]
        return own >= SHARE * whole and (counts["kana"] > 0 or own <= SHORT_LETTERS)
    if script in ("Hans", "Hant"):
        return counts["han"] >= SHARE * whole and counts["kana"] <= counts["han"] / 10
    if script == "Latn":
        return latin >= (1 - SHARE) * whole
    hangul = script == "Kore"
    letters = counts["hangul"] if hangul else _count_alphabet(text, ALPHABETS.get(script))
    return letters >= SHARE * whole


def weigh(text: str) -> float:
    """Return a length that can be compared across languages, in Latin letters."""
    counts = _count(text)
    cjk = counts["kana"] + counts["han"] + counts["hangul"]
    return len(text) + cjk * (LATIN_LETTERS_PER_CJK - 1)


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text, as far as full stops and line ends show them."""
    return [part.strip() for part in SENTENCE_END.split(text) if part.strip()]


def repeats(answer: str, source: str) -> bool:
    """Whether an answer says a sentence twice, or loops, where its source does not."""
    if _most_doubled(answer) > max(1, _most_doubled(source)):
        return True
    return _loops(answer) and not _loops(source)


def _most_doubled(text: str) -> int:
    counts = Counter(fold(sentence).text for sentence in split_sentences(text))
    return max((n for text, n in counts.items() if weigh(text) >= MIN_DOUBLED_CHARS), default=0)


def _loops(text: str) -> bool:
    return any(any(c.isalpha() for c in match[1]) for match in LOOP.finditer(text))


def _count(text: str) -> dict[str, int]:
    """Count the letters of each script; `other` are those of none of them."""
    counts = {
        name: sum(one.isalpha() for one in letters.findall(text))
        for name, letters in LETTERS.items()
    }
    return {**counts, "other": sum(map(str.isalpha, text)) - sum(counts.values())}


def _count_alphabet(text: str, name: str | None) -> float:
    """Count the letters of a script; all there are for one that is not known."""
    if name is None:
        return math.inf
    return sum(character.isalpha() and _name(character).startswith(name) for character in text)


@lru_cache(maxsize=4096)
def _name(character: str) -> str:
    return unicodedata.name(character, "")
