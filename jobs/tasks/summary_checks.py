"""What a summary must not be: each check has its own code, and the first that fails is told."""

from collections.abc import Callable, Sequence
from typing import Final

from jobs.spec import LanguageCode, SummarizeTask
from jobs.tasks.days import lost_days
from jobs.tasks.echoes import is_copy, says_twice
from jobs.tasks.folding import fold
from jobs.tasks.function_words import SMALL, tell_language
from jobs.tasks.languages import fits_language, repeats, split_sentences
from jobs.tasks.names import lost_names
from jobs.tasks.numbers import invented_numbers
from jobs.tasks.prose import has_foreign_sentence, is_unfinished

LATIN: Final[LanguageCode] = "en"
"""Stands for all languages in Latin letters, where only the letters count."""


def find_problem(
    points: Sequence[str], source: str, language: LanguageCode | None, task: SummarizeTask
) -> str | None:
    """Return the code of the first check that a summary fails, None if it passes all.

    `language` is the one it should be in, None for one that letters do not tell.
    """
    text = "\n".join(points)
    if not text:
        return "answer_empty"
    told, known = fold(text).text, fold(source).text
    checks: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("wrong_language", lambda: _is_foreign(text, source, language)),
        ("repetition", lambda: repeats(text, source) or says_twice(text, source)),
        ("too_many_sentences", lambda: _exceeds(_sentences(points), task.max_sentences)),
        ("too_many_chars", lambda: _exceeds(sum(map(len, points)), task.max_chars)),
        ("summary_copied", lambda: is_copy(text, source)),
        ("numbers_not_in_source", lambda: bool(invented_numbers(told, known))),
        ("dates_not_in_source", lambda: bool(lost_days(told, known))),
        ("names_not_in_source", lambda: bool(lost_names(text, source))),
        ("answer_unfinished", lambda: is_unfinished(points)),
    )
    return next((code for code, fails in checks if fails()), None)


def is_too_long(points: Sequence[str], task: SummarizeTask) -> bool:
    """Whether points exceed the limits of a spec, in sentences or characters."""
    return _exceeds(_sentences(points), task.max_sentences) or _exceeds(
        sum(map(len, points)), task.max_chars
    )


def _is_foreign(text: str, source: str, language: LanguageCode | None) -> bool:
    """Whether a summary, or a sentence of it, is in other letters than its language's.

    Languages in Latin letters are told apart, half by half, where small words tell them.
    """
    if language is None and not fits_language(source, LATIN):
        return False
    wanted = language or LATIN
    if not fits_language(text, wanted) or has_foreign_sentence(text, source, wanted):
        return True
    spoken = language or tell_language(source)
    if spoken not in SMALL:
        return False
    sentences = split_sentences(text)
    middle = len(sentences) // 2
    halves = (" ".join(half) for half in (sentences[:middle], sentences[middle:]))
    return any(tell_language(one) not in (None, spoken) for one in (text, *halves))


def _sentences(points: Sequence[str]) -> int:
    return sum(max(1, len(split_sentences(point))) for point in points)


def _exceeds(number: int, limit: int | None) -> bool:
    return limit is not None and number > limit
