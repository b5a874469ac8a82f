"""A glossary's terms in a text and in its translation, compared as languages write words.

A term of Latin, Cyrillic or Greek letters stands between word boundaries and may be inflected at
its end (invoice, invoices; Vertrag, Verträge); one of Japanese, Chinese or Korean stands anywhere.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from jobs.spec import Term, base_language
from jobs.spec.glossary import fold_term

SPACELESS: Final = frozenset({"ja", "zh", "ko", "th", "lo", "km", "my"})
LETTER: Final = r"[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
"""A letter of a script that writes words apart."""
ENDING: Final = re.compile(rf"(?:s|es|e|en|n|er|x)?(?!{LETTER}|[0-9_])")
"""How nouns of European languages end in the plural or the genitive, most of them."""
HEAD: Final = 3
"""Terms are found by so many of their first characters."""
STEM_LOSS: Final = 2
"""How many letters an inflection may change at the end of a word."""
SHORT_WORD: Final = 4
"""A word of up to so many letters changes none of its own."""
LONGEST_ENDING: Final = 4


class Glossary:
    """The terms that hold for translations into one language."""

    def __init__(self, terms: Iterable[Term], language: str) -> None:
        self._language = base_language(language)
        chosen: dict[str, tuple[int, Term]] = {}
        ranks = {None: 0, self._language: 1, language: 2}
        for term in terms:
            rank = ranks.get(term.language, -1)
            key = fold_term(term.source)
            if rank >= 0 and rank > chosen.get(key, (-1, term))[0]:
                chosen[key] = (rank, term)
        self._terms = {key: term for key, (_, term) in chosen.items()}
        self._heads: dict[str, list[str]] = {}
        for key in sorted(self._terms, key=len, reverse=True):
            self._heads.setdefault(key[:HEAD], []).append(key)

    def find(self, text: str) -> tuple[Term, ...]:
        """Return the terms that stand in a text, each once, the longest where they overlap."""
        if not self._terms:
            return ()
        folded = fold_term(text)
        found: dict[str, Term] = {}
        at = 0
        while at < len(folded):
            key = next(self._match(folded, at), None)
            if key is None:
                at += 1
                continue
            found[key] = self._terms[key]
            at += len(key)
        return tuple(found.values())

    def find_ignored(self, source: str, text: str) -> tuple[Term, ...]:
        """Return the terms of a source whose translations do not stand in its translation."""
        return tuple(
            term for term in self.find(source) if not _stands(term.target, text, self._language)
        )

    def _match(self, folded: str, at: int) -> Iterator[str]:
        for size in range(HEAD, 0, -1):
            for key in self._heads.get(folded[at : at + size], ()):
                if folded.startswith(key, at) and _is_whole(folded, at, at + len(key)):
                    yield key


def write_terms(terms: Iterable[Term]) -> str:
    """Write terms for a prompt: a = b; c = d."""
    return "; ".join(f"{term.source.strip()} = {term.target.strip()}" for term in terms)


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether what stands there is no piece of a longer word; a plural is the word itself."""
    if (
        _is_letter(text[start])
        and start
        and (_is_letter(text[start - 1]) or text[start - 1] == "_")
    ):
        return False
    if not _is_letter(text[end - 1]) or end == len(text):
        return True
    return ENDING.match(text, end) is not None


def _is_letter(character: str) -> bool:
    return re.match(LETTER, character) is not None


def _stands(term: str, text: str, language: str) -> bool:
    wanted = fold_term(term)
    if language in SPACELESS or not any(map(_is_letter, wanted)):
        return wanted.replace(" ", "") in _spaceless(text)
    return _inflected(wanted).search(_bare_text(text)) is not None


@lru_cache(maxsize=2)  # all terms of a row ask for the same
def _spaceless(text: str) -> str:
    return fold_term(text).replace(" ", "")


@lru_cache(maxsize=2)
def _bare_text(text: str) -> str:
    return _bare(fold_term(text))


@lru_cache(maxsize=4096)
def _inflected(term: str) -> re.Pattern[str]:
    """Return the pattern of a term each of whose words may have another ending.

    Long words may also be part of a compound (Rechnung in Jahresrechnung).
    """
    words = _bare(term).split()
    start = r"(?<!\w)" if len(words[0]) <= SHORT_WORD else ""
    return re.compile(start + r"\W+(?:\w+\W+)?".join(map(_stem, words)))


def _stem(word: str) -> str:
    """Return the pattern of a word with any ending; digits and marks stand as they are."""
    if not word.isalpha():
        return re.escape(word)
    if len(word) <= SHORT_WORD:
        return re.escape(word) + rf"\w{{0,{LONGEST_ENDING}}}(?!\w)"
    return re.escape(word[: max(SHORT_WORD, len(word) - STEM_LOSS)]) + r"\w*"


def _bare(text: str) -> str:
    """Take the marks off letters: an umlaut comes with some plurals."""
    plain = unicodedata.normalize("NFD", text)
    return "".join(one for one in plain if not unicodedata.combining(one))
