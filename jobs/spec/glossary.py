"""A glossary: terms and how they are to be translated, from a CSV file or the spec itself.

A file has two columns, source and target, without a header; or a header whose first cell is
`source`, then `target` or, for targets that differ from row to row, a column for each language
(by code or name). An empty cell below a language is no term there.
"""

import csv
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Final

from jobs.spec.language import Language, read_language
from jobs.spec.section import Section, Words

SOURCE_HEADERS: Final = frozenset({"source", "原語", "原文"})
TARGET_HEADERS: Final = frozenset({"target", "訳語", "訳"})


class Term(Section):
    """A term and its translation: into `language`, or into whatever a row is translated into."""

    source: Words
    target: Words
    language: Language | None = None


def read_glossary(content: str, name: str) -> list[dict[str, str]]:
    """Return the terms of a CSV (or .tsv) file, those that agree once.

    Raises ValueError, with the numbers of the lines, for what is no glossary, and for one term
    that has two translations.
    """
    delimiter = "\t" if Path(name).suffix.lower() == ".tsv" else ","
    lines = _number_lines(
        csv.reader(StringIO(content, newline=""), delimiter=delimiter, strict=True)
    )
    first = next(lines, None)
    if first is None:
        raise ValueError("it has no terms")
    languages = _read_header(first[1])
    if languages is None:
        languages, rows = [None], [first, *lines]
    else:
        rows = list(lines)
    terms = [term for at, cells in rows for term in _read_terms(at, cells, languages)]
    if not terms:
        raise ValueError("it has no terms")
    kept = keep_once([(Term(**term), f"line {at}") for at, term in terms])
    return [term.model_dump(exclude_none=True) for term in kept]


def keep_once(terms: Iterable[tuple[Term, str]]) -> tuple[Term, ...]:
    """Return the terms, equal ones once; each comes with words for where it stands.

    Raises ValueError for two translations of one term, which is compared without case and width.
    """
    seen: dict[tuple[str, str | None], tuple[Term, str]] = {}
    for term, where in terms:
        key = (fold_term(term.source), term.language)
        if not key[0] or not fold_term(term.target):
            raise ValueError(f"{where} has an empty term")
        first, at = seen.setdefault(key, (term, where))
        if unicodedata.normalize("NFKC", first.target) != unicodedata.normalize(
            "NFKC", term.target
        ):
            raise ValueError(f"{at} and {where} translate the same term differently")
    return tuple(term for term, _ in seen.values())


def fold_term(term: str) -> str:
    """Return what two spellings of one term have in common."""
    return " ".join(unicodedata.normalize("NFKC", term).casefold().split())


def _number_lines(reader: Any) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the lines that are not blank with the number where each begins."""
    begins = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield begins, stripped
            begins = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"line {begins}: {error}") from None


def _read_header(cells: Sequence[str]) -> list[str | None] | None:
    """Return the language of each column behind the source; None for a line of terms."""
    if fold_term(cells[0]) not in SOURCE_HEADERS or len(cells) < 2:
        return None
    languages: list[str | None] = []
    for cell in cells[1:]:
        if fold_term(cell) in TARGET_HEADERS:
            languages.append(None)
            continue
        try:
            languages.append(read_language(cell))
        except ValueError as error:
            raise ValueError(f"column {len(languages) + 2} of its header: {error}") from None
    if len(set(languages)) < len(languages):
        raise ValueError("two columns of its header are the same")
    return languages


def _read_terms(
    at: int, cells: Sequence[str], languages: Sequence[str | None]
) -> Iterator[tuple[int, dict[str, Any]]]:
    if len(cells) != len(languages) + 1:
        raise ValueError(f"line {at} has {len(cells)} cells, not {len(languages) + 1}")
    if not cells[0] or not any(cells[1:]) or (len(languages) == 1 and not cells[1]):
        raise ValueError(f"line {at} has an empty term")
    for language, target in zip(languages, cells[1:], strict=True):
        if target:
            yield at, {"source": cells[0], "target": target, "language": language}
