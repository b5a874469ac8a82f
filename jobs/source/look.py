"""Looks at a file nobody has described yet: its columns and its first records."""

import io
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from jobs.errors import SourceError
from jobs.source.columns import is_row_like, normalise
from jobs.source.dialect import choose_cut
from jobs.source.encoding import MARKING, choose_encoding
from jobs.source.opening import choose_format, open_file, unreadable
from jobs.source.record import InputShape
from jobs.source.split import PIECE_CHARS, read_pieces, split_records

LOOK_RECORDS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be named in a spec, with its cells of the first whole records."""

    name: str
    cells: tuple[str, ...]


def look_at(path: Path, max_records: int = LOOK_RECORDS) -> tuple[Column, ...]:
    """Return the file's columns in their order.

    Columns without a name of their own are left out. Raises SourceError like `read_records`,
    and header_missing when no column can be named.
    """
    shape = InputShape(id=None, text="")
    fixed = "\t" if choose_format(path, None) == "tsv" else None
    encoding = choose_encoding(path, None)
    try:
        with (
            open_file(path) as opened,
            io.TextIOWrapper(opened, encoding, errors=MARKING, newline="") as text,
        ):
            cut = choose_cut(path, read_pieces(text), shape, fixed)
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
    keys = [normalise(name) for name in cut.names]
    named = [
        (place, name.strip())
        for place, (name, key) in enumerate(zip(cut.names, keys, strict=True))
        if key and keys.count(key) == 1 and name.strip().isprintable()
    ]
    if not named or is_row_like(cut.names):
        raise SourceError("header_missing", file=str(path))
    return tuple(Column(name, tuple(cells[place] for cells in whole)) for place, name in named)
