"""Looks at a file nobody has described yet: its columns and its first records."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from jobs.errors import SourceError
from jobs.source.columns import is_row_like, normalise
from jobs.source.content import open_text
from jobs.source.dialect import choose_cut
from jobs.source.encoding import MARKING, choose_encoding
from jobs.source.extras import sample_parquet, sample_workbook
from jobs.source.formats import choose_format
from jobs.source.json_look import look_at_lines, look_at_list
from jobs.source.opening import unreadable
from jobs.source.record import InputShape
from jobs.source.split import PIECE_CHARS, read_pieces, split_records

LOOK_RECORDS: Final = 10_000
HEADED: Final = ("csv", "tsv", "xlsx")
"""Formats whose names stand in a row that could be one of content."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be named in a spec, with its cells of the first whole records."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """A file's columns in their order, and in a JSON file where its list of records stands."""

    columns: tuple[Column, ...]
    records: str | None = None


def look_at(path: Path, max_records: int = LOOK_RECORDS) -> Look:
    """Return the file's columns.

    Columns without a name of their own are left out. Raises SourceError like `read_records`,
    and header_missing when no column can be named.
    """
    shape = InputShape(id=None, text="")
    found = choose_format(path, shape)
    records = None
    if found == "json":
        records, names, rows = look_at_list(path, max_records)
    elif found == "jsonl":
        names, rows = look_at_lines(path, max_records)
    elif found == "parquet":
        names, rows = sample_parquet(path, max_records)
    elif found == "xlsx":
        names, rows = sample_workbook(path, max_records)
    else:
        names, rows = _look_at_text(path, "\t" if found == "tsv" else None, max_records)
    if found in HEADED and is_row_like(names):
        raise SourceError("header_missing", file=str(path))
    return Look(_name_columns(path, names, rows), records)


def _look_at_text(
    path: Path, delimiter: str | None, max_records: int
) -> tuple[tuple[str, ...], list[list[str]]]:
    encoding = choose_encoding(path, None)
    try:
        with open_text(path, encoding, MARKING, softly=True) as text:
            cut = choose_cut(path, read_pieces(text), InputShape(id=None, text=""), delimiter)
            text.seek(0)
            records = split_records(
                islice(read_pieces(text), cut.hint_lines, None),
                cut.delimiter,
                wanted=None,
                max_cell_chars=PIECE_CHARS,
                cr_ends_lines=cut.cr_ends_lines,
            )
            width = len(cut.names)
            first = islice(records, 1, 1 + max_records)
            whole = [one.cells for one in first if not one.flaw and one.width == width]
    except OSError as error:
        raise unreadable(path, error) from error
    return cut.names, whole


def _name_columns(
    path: Path, names: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[Column, ...]:
    keys = [normalise(name) for name in names]
    named = [
        (place, name.strip())
        for place, (name, key) in enumerate(zip(names, keys, strict=True))
        if key and keys.count(key) == 1 and name.strip().isprintable()
    ]
    if not named:
        raise SourceError("header_missing", file=str(path))
    return tuple(Column(name, tuple(cells[place] for cells in rows)) for place, name in named)
