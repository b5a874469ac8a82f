"""Finds the wanted columns among a file's header names."""

import difflib
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jobs.errors import SourceError
from jobs.source.record import InputShape

SHOWN_NAMES: Final = 50
NAME_CHARS: Final = 40


def normalise(name: str) -> str:
    """Return the form in which names are compared: NFKC, outer white space off, case folded."""
    return unicodedata.normalize("NFKC", name).strip().strip("\ufeff").casefold().strip()


def is_found(names: Sequence[str], wanted: str) -> bool:
    """Tell whether the column is there at all."""
    return bool(_places(names, wanted))


def find_columns(path: Path, names: Sequence[str], shape: InputShape) -> dict[str, int]:
    """Return the index (from 0) of each wanted column.

    A name that stands exactly as asked for goes before one that only compares equal. Raises
    SourceError: column_missing, column_ambiguous, header_missing (the first line looks like a
    row; its cells are then not named, they may be content).
    """
    found = {wanted: _places(names, wanted) for wanted in shape.wanted}
    missing = [wanted for wanted, places in found.items() if not places]
    if missing and len(missing) == len(found) and shape.header and is_row_like(names):
        raise SourceError("header_missing", file=str(path))
    if missing:
        raise _missing(path, names, missing[0])
    for wanted, places in found.items():
        if len(places) > 1:
            raise SourceError("column_ambiguous", file=str(path), column=wanted, count=len(places))
    return {wanted: places[0] for wanted, places in found.items()}


def _places(names: Sequence[str], wanted: str) -> list[int]:
    exact = [place for place, name in enumerate(names) if name == wanted]
    if exact:
        return exact
    key = normalise(wanted)
    return [place for place, name in enumerate(names) if normalise(name) == key]


def find_repeated(names: Sequence[str]) -> list[str]:
    """Return the names that stand more than once, each once, as first written."""
    first: dict[str, str] = {}
    repeated: dict[str, str] = {}
    for name in names:
        key = normalise(name)
        if key and key in first:
            repeated.setdefault(key, first[key])
        first.setdefault(key, name)
    return [name.strip() for name in repeated.values()]


def is_row_like(names: Sequence[str]) -> bool:
    """Tell cells no header has: long ones, numbers, line ends."""
    return any(len(name) > NAME_CHARS or "\n" in name or name.strip().isdecimal() for name in names)


def _missing(path: Path, names: Sequence[str], wanted: str) -> SourceError:
    readable = [name.strip()[:NAME_CHARS] for name in names if name.isprintable()]
    by_key = {normalise(name): name for name in readable}
    close = difflib.get_close_matches(normalise(wanted), by_key, n=1)
    more = ", ..." if len(readable) > SHOWN_NAMES else ""
    return SourceError(
        "column_missing",
        file=str(path),
        column=wanted,
        available=", ".join(readable[:SHOWN_NAMES]) + more,
        suggestion=by_key[close[0]] if close else "-",
    )
