"""Which language a text is in, where letters do not tell: statistics of py3langid's model.

The model comes with the package (140 languages, Naive Bayes over byte n-grams; about 100 MB of
memory, loaded when it is first asked). Short texts are doubtful, so a text counts as foreign only
where another language is likely and the wanted one all but excluded.
"""

import re
from functools import cache, lru_cache
from typing import Any, Final

from jobs.spec.language import base_language

KINDRED: Final = {
    "pcm": "en",
    "lb": "de",
    "nn": "no",
    "nb": "no",
    "wuu": "zh",
    "yue": "zh",
    "gcf": "ht",
}
"""Languages that count as another, which their short sentences are taken for."""
MIN_LETTERS: Final = 16
MOST_CHARS: Final = 20_000
LIKELY: Final = 0.5
EXCLUDED: Final = 0.05
NOISE: Final = re.compile(r"https?://\S+|[\w.+-]{1,64}@\S+|[{<$%][^\s{}<>]*[}>]?|[0-9]+")


def is_foreign(text: str, code: str, *, likely: float = LIKELY) -> bool:
    """Whether a text is surely in another language than that of a code."""
    language = _kin(base_language(code))
    plain = NOISE.sub(" ", text)
    if sum(map(str.isalpha, plain)) < MIN_LETTERS:
        return False
    shares = _shares(plain)
    if language not in shares:
        return False
    best = max(shares, key=lambda one: shares[one])
    return best != language and shares[best] >= likely and shares[language] <= EXCLUDED


def identify(text: str) -> str | None:
    """Return the language of a text, None if that is doubtful."""
    plain = NOISE.sub(" ", text)
    if sum(map(str.isalpha, plain)) < MIN_LETTERS:
        return None
    shares = _shares(plain)
    best = max(shares, key=lambda one: shares[one])
    return best if shares[best] >= LIKELY else None


@lru_cache(maxsize=64)
def _shares(text: str) -> dict[str, float]:
    """Return how likely each language is; they sum to 1. A long text is told by its beginning."""
    shares: dict[str, float] = {}
    for language, share in _model().rank(text[:MOST_CHARS]):
        shares[_kin(language)] = shares.get(_kin(language), 0.0) + share
    return shares


def _kin(language: str) -> str:
    return KINDRED.get(language, language)


@cache
def _model() -> Any:
    from py3langid import langid  # noqa: PLC0415 - slow to load

    load: Any = langid.LanguageIdentifier.from_model_file
    return load(langid.MODEL_FILE, norm_probs=True)
