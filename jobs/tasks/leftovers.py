"""What a translation leaves as it was, says twice, or leaves out."""

import re
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Final

from jobs.spec.language import base_language, script_of
from jobs.tasks.folding import fold
from jobs.tasks.identity import identify, is_foreign
from jobs.tasks.languages import LETTERS, detect_language, split_sentences, weigh
from jobs.tasks.transfer import drop_carried

WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
COPIED_WORDS: Final = 5
"""So many words of the source in a row are no name, unless they look like one."""
FOREIGN_RUN_WEIGHT: Final = 24
"""The longest stretch in foreign letters that may be a name or a quotation, in Latin letters."""
DOUBLED_WEIGHT: Final = 36
"""A stretch of so many Latin letters that stands twice was said twice."""
NEAR: Final = 0.85
MOST_CHARS: Final = 50_000
MOST_SENTENCES: Final = 200
MOST_SENTENCE_CHARS: Final = 1_000
FOREIGN_SURE: Final = 0.8
MIN_CLAUSE_LETTERS: Final = 24
CLAUSE_END: Final = re.compile(r"(?<=[.!?,;:])\s+|\n+")


def is_part_untranslated(text: str, source: str, code: str) -> bool:
    """Whether a stretch of a translation is still in the language of its source, another one.

    It is if it has a run of the source's words, a clause in the source's language, or a long run
    of letters that its own language does not write.
    """
    spoken = detect_language(source) or identify(source)
    if spoken == base_language(code):
        return False
    text, source = drop_carried(text), drop_carried(source)
    if _copies_words(text, source):
        return True
    if script_of(code) == "Latn":
        return _has_cjk_run(text, source) or _has_foreign_clause(text, spoken, code)
    return _has_latin_run(text, source)


def doubles(text: str, source: str) -> bool:
    """Whether a translation says something twice that its source says once.

    Two sentences that are nearly the same, or a long stretch that stands twice.
    """
    if _near_pairs(text, DOUBLED_WEIGHT / 2) > _near_pairs(source, 0):
        return True
    return _longest_twice(text) >= DOUBLED_WEIGHT and _longest_twice(source) < DOUBLED_WEIGHT / 2


def _copies_words(text: str, source: str) -> bool:
    wanted = [match[0] for match in WORD.finditer(text)]
    shown = {
        tuple(word.casefold() for word in run) for run in _runs(WORD.findall(source), COPIED_WORDS)
    }
    for run in _runs(wanted, COPIED_WORDS):
        if tuple(word.casefold() for word in run) in shown:
            small = [word for word in run if word.islower() and LETTERS["latin"].match(word)]
            if len(small) * 2 > len(run):
                return True
    return False


def _runs(words: list[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]


def _has_cjk_run(text: str, source: str) -> bool:
    """Kana, Chinese characters or Hangul in a language that has none, but for short names."""
    if detect_language(source) is None:
        return False
    runs = re.findall(r"[\u3005-\u30ff\u3400-\u9fff\uac00-\ud7af、。！？]+", text)
    return any(weigh(run) > FOREIGN_RUN_WEIGHT for run in runs)


def _has_latin_run(text: str, source: str) -> bool:
    """Words in small Latin letters one after another, more than a name or a term has."""
    if detect_language(source) is not None:
        return False
    for run in re.findall(r"[A-Za-z\u00c0-\u024f'’,;.!? -]+", text):
        words = WORD.findall(run)
        small = [word for word in words if word.islower()]
        if len(small) >= COPIED_WORDS and len(small) * 2 > len(words):
            return True
    return False


def _has_foreign_clause(text: str, spoken: str | None, code: str) -> bool:
    if spoken is None:
        return False
    for clause in CLAUSE_END.split(text):
        letters = sum(map(str.isalpha, clause))
        words = WORD.findall(clause)
        if letters < MIN_CLAUSE_LETTERS or sum(map(str.islower, words)) * 2 <= len(words):
            continue
        if identify(clause) == spoken and is_foreign(clause, code, likely=FOREIGN_SURE):
            return True
    return False


def _near_pairs(text: str, least: float) -> int:
    """Count the sentences of a least weight that are nearly the one before them."""
    first = split_sentences(text[:MOST_CHARS])[:MOST_SENTENCES]
    sentences = [_letters(one[:MOST_SENTENCE_CHARS]) for one in first]
    sentences = [one for one in sentences if weigh(one) >= least]
    return sum(_is_near(one, other) for one, other in pairwise(sentences))


def _is_near(one: str, other: str) -> bool:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return (
        matcher.real_quick_ratio() >= NEAR
        and matcher.quick_ratio() >= NEAR
        and (matcher.ratio() >= NEAR)
    )


def _longest_twice(text: str) -> float:
    """Return the weight of the longest stretch of letters that stands twice, not overlapping.

    Longer ones than matter are not looked for, nor any far behind the beginning of a long text.
    """
    letters = _letters(text[:MOST_CHARS])
    low, high, best = 0, min(len(letters) // 2, DOUBLED_WEIGHT), 0.0
    while low < high:
        size = (low + high + 1) // 2
        found = _find_twice(letters, size)
        if found is None:
            high = size - 1
        else:
            low, best = size, weigh(found)
    return best


def _find_twice(text: str, size: int) -> str | None:
    first: dict[str, int] = {}
    for at in range(len(text) - size + 1):
        piece = text[at : at + size]
        if at - first.setdefault(piece, at) >= size:
            return piece
    return None


def _letters(text: str) -> str:
    return "".join(character for character in fold(text).text if character.isalnum())
