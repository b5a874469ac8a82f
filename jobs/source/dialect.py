"""Decides how a delimited text file is cut: its delimiter, its header, its columns."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Final

from jobs.errors import SourceError
from jobs.source.columns import find_columns, find_repeated, is_found
from jobs.source.record import InputShape
from jobs.source.split import RawRecord, split_records

DELIMITERS: Final = (",", ";", "\t", "|")
SAMPLE_CHARS: Final = 1 << 20
SAMPLE_PIECES: Final = 200
SEPARATOR_HINT: Final = re.compile(r'"?sep=([^\r\n"])"?[\r\n]*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one file is cut into records and what its columns are."""

    delimiter: str
    hint_lines: int
    """1 where the first line is Excel's hint "sep=;", else 0."""
    cr_ends_lines: bool
    names: tuple[str, ...]
    """The columns' names as they stand in the header, or as the spec names them."""
    columns: dict[str, int]
    """Index (from 0) of each wanted column, by the name asked for."""


def check_shape(path: Path, shape: InputShape) -> None:
    """Refuse a delimiter that is none, and columns that do not go with the header.

    Raises SourceError: bad_delimiter, columns_needed, columns_with_header.
    """
    delimiter = shape.delimiter
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '\r\n\0"\ufeff'):
        raise SourceError("bad_delimiter", file=str(path), delimiter=delimiter)
    if not shape.header and not shape.columns:
        raise SourceError("columns_needed", file=str(path))
    if shape.header and shape.columns:
        raise SourceError("columns_with_header", file=str(path))


def choose_dialect(
    path: Path, pieces: Iterator[str], shape: InputShape, fixed_delimiter: str | None
) -> Dialect:
    """Decide from the first lines of the file.

    `fixed_delimiter` is the one the spec or the format gives. Raises SourceError:
    header_missing, header_too_long, header_broken, column_missing, column_ambiguous.
    """
    cut = choose_cut(path, pieces, shape, fixed_delimiter, wanted=shape.wanted)
    return replace(cut, columns=find_columns(path, cut.names, shape))


def choose_cut(
    path: Path,
    pieces: Iterator[str],
    shape: InputShape,
    fixed_delimiter: str | None,
    *,
    wanted: Sequence[str] = (),
) -> Dialect:
    """Decide the same without looking for columns; those `wanted` help to find the delimiter."""
    first = next(pieces, "")
    hint = SEPARATOR_HINT.fullmatch(first)
    sample = _sample(pieces if hint or not first else chain([first], pieces))
    cr_ends_lines = first.endswith("\r")
    delimiter = fixed_delimiter or (hint[1] if hint else None)
    tried = [
        (candidate, _split_sample(sample, candidate, cr_ends_lines))
        for candidate in ([delimiter] if delimiter else DELIMITERS)
    ]
    # max keeps the first of equals, so the order of DELIMITERS decides
    delimiter, records = max(tried, key=lambda trial: _fitness(trial[1], shape, wanted))
    names = shape.columns
    if shape.header:
        names = _header(path, records, whole=sum(map(len, sample)) < SAMPLE_CHARS)
    return Dialect(
        delimiter=delimiter,
        hint_lines=1 if hint else 0,
        cr_ends_lines=cr_ends_lines,
        names=names,
        columns={},
    )


def _sample(pieces: Iterator[str]) -> list[str]:
    """Take SAMPLE_PIECES pieces, and more until the first line with a word in it ends."""
    sample: list[str] = []
    chars = 0
    for piece in pieces:
        sample.append(piece)
        chars += len(piece)
        if chars >= SAMPLE_CHARS or (len(sample) >= SAMPLE_PIECES and chars > len(sample) * 2):
            break
    return sample


def _split_sample(sample: Sequence[str], delimiter: str, cr_ends_lines: bool) -> list[RawRecord]:
    """Split the sample; where it is only the file's beginning, its last record may be cut."""
    records = split_records(
        sample,
        delimiter,
        wanted=None,
        max_cell_chars=SAMPLE_CHARS,
        cr_ends_lines=cr_ends_lines,
    )
    return list(islice(records, SAMPLE_PIECES))


def _fitness(
    records: Sequence[RawRecord], shape: InputShape, wanted: Sequence[str]
) -> tuple[int, float, int]:
    """Rank a delimiter: wanted columns it finds, records equally wide, many columns."""
    if not records:
        return 0, 0.0, 0
    names = records[0].cells if shape.header else shape.columns
    found = sum(is_found(names, name) for name in wanted)
    width = len(names)
    body = records[1:] if shape.header else records
    fitting = sum(record.width == width for record in body if not record.flaw)
    if not wanted and width == 1:
        fitting = 0  # lines that nothing cuts are all equally wide: that says nothing
    return found, fitting / max(1, len(body)), width


def _header(path: Path, records: Sequence[RawRecord], *, whole: bool) -> tuple[str, ...]:
    """Return the names; `whole`: the sample was not cut off at SAMPLE_CHARS."""
    if not records:
        raise SourceError("header_missing", file=str(path))
    header = records[0]
    if not whole and (len(records) == 1 or header.flaw == "unclosed_quote"):
        raise SourceError("header_too_long", file=str(path), limit=SAMPLE_CHARS)
    if header.flaw in ("unclosed_quote", "stray_quote"):
        raise SourceError("header_broken", file=str(path), line=header.line)
    return tuple(header.cells)


def duplicate_names(dialect: Dialect) -> list[str]:
    """Return the names that stand more than once in the header, each once, as first written."""
    return find_repeated(dialect.names)
