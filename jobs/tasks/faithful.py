"""The checks of a translation against its source: each has its own code, the first one counts."""

from collections.abc import Callable
from typing import Final

from jobs.spec import base_language
from jobs.tasks.folding import fold
from jobs.tasks.identity import identify, is_foreign
from jobs.tasks.kept_names import find_lost_names
from jobs.tasks.languages import fits_language, repeats, split_sentences, weigh
from jobs.tasks.leftovers import doubles, is_part_untranslated
from jobs.tasks.numbers import lost_numbers
from jobs.tasks.terms import Glossary
from jobs.tasks.transfer import (
    drop_carried,
    keeps_addresses,
    keeps_dates,
    keeps_markup,
    keeps_placeholders,
)

SHORT_WEIGHT: Final = 20
"""Texts up to this many Latin letters may be translated by much shorter or longer ones."""
LONG_WEIGHT: Final = 60
MIN_RATIO: Final = 0.3
MAX_RATIO: Final = 3.5
RATIOS: Final = {
    ("alphabet", "cjk"): (0.5, 2.8, 0.8),
    ("cjk", "alphabet"): (0.25, 1.7, 0.42),
    ("alphabet", "alphabet"): (0.5, 2.2, 0.75),
}
"""What long texts' translations weigh against them: least, most, and least with fewer sentences.

Wider than any of 600 professional translations (en-ja, ja-en, en-de) is.
"""


def find_problem(text: str, source: str, code: str, glossary: Glossary) -> str | None:
    """Return the code of the first check that a translation into a language fails."""
    if not text:
        return "answer_empty"
    checks: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("not_translated", lambda: _is_copy(text, source, code)),
        ("wrong_language", lambda: _is_wrong(text, code)),
        ("partly_untranslated", lambda: is_part_untranslated(text, source, code)),
        ("repetition", lambda: repeats(text, source)),
        ("sentence_doubled", lambda: doubles(text, source)),
        ("placeholders_changed", lambda: not keeps_placeholders(source, text)),
        ("addresses_changed", lambda: not keeps_addresses(source, text)),
        ("markup_changed", lambda: not keeps_markup(source, text)),
        ("length_off", lambda: not _length_fits(text, source)),
        ("sentences_dropped", lambda: _drops_sentences(text, source)),
        ("numbers_changed", lambda: bool(lost_numbers(fold(source).text, fold(text).text))),
        ("numbers_added", lambda: bool(lost_numbers(fold(text).text, fold(source).text))),
        ("dates_changed", lambda: not keeps_dates(source, text)),
        ("glossary_ignored", lambda: bool(glossary.find_ignored(source, text))),
        ("names_lost", lambda: bool(find_lost_names(source, text, code))),
    )
    return next((problem for problem, fails in checks if fails()), None)


def _is_wrong(text: str, code: str) -> bool:
    return not fits_language(drop_carried(text), code) or is_foreign(text, code)


def _is_copy(text: str, source: str, code: str) -> bool:
    """Whether an answer is its source, where that was not in the target language already.

    A source without letters, or in the target's language already as far as that can be told,
    may stand as it is.
    """
    if fold(text).text.strip() != fold(source).text.strip():
        return False
    if not any(character.isalpha() for character in source):
        return False
    if base_language(code) in ("ja", "zh", "ko"):
        return not fits_language(source, code)
    return identify(source) != base_language(code)


def _kind(text: str) -> str:
    """Return whether most of a text is written in alphabets or in the scripts of CJK."""
    return "cjk" if weigh(text) > 1.5 * len(text) else "alphabet"


def _bounds(text: str, source: str) -> tuple[float, float, float]:
    return RATIOS.get((_kind(source), _kind(text)), (MIN_RATIO, MAX_RATIO, MIN_RATIO))


def _length_fits(text: str, source: str) -> bool:
    weight, whole = weigh(text), weigh(source)
    if whole <= SHORT_WEIGHT:
        return weight <= MAX_RATIO * whole + SHORT_WEIGHT
    least, most, _ = _bounds(text, source)
    if whole <= LONG_WEIGHT:
        least, most = min(least, MIN_RATIO), MAX_RATIO
    return least * whole <= weight <= most * whole


def _drops_sentences(text: str, source: str) -> bool:
    """Whether a translation has fewer sentences than its source and is short for one of it."""
    whole = weigh(source)
    if whole <= LONG_WEIGHT or len(split_sentences(text)) >= len(split_sentences(source)):
        return False
    return weigh(text) < _bounds(text, source)[2] * whole
