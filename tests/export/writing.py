"""Writes columns of cells to bytes, as an export does, and reads them back."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from jobs.export import Block, Column, Style, make_writer
from jobs.export.cells import FORMULA_STARTS
from jobs.source import SourceWarning

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
tricky = st.one_of(texts, st.text("\"',;\t\r\n=+-@\uff1d\uff0dあ\N{WAVE DASH}|_x0D ", max_size=12))
"""Any text that a database can hold, and often one that a format could change."""


def write(
    columns: Sequence[Column],
    blocks: Sequence[Sequence[Sequence[Any]]],
    style: Style,
) -> tuple[bytes, tuple[SourceWarning, ...]]:
    """Write blocks, each given as cells by column; return the bytes and what is to be said."""
    stream = io.BytesIO()
    writer = make_writer(style, columns, stream)
    first = 1
    try:
        for cells in blocks:
            count = len(cells[0])
            writer.write(Block(tuple(range(first, first + count)), cells))
            first += count
        writer.finish()
        return stream.getvalue(), tuple(writer.warnings)
    finally:
        writer.close()


def read_csv(content: bytes, encoding: str, delimiter: str = ",") -> list[list[str]]:
    """Read a CSV as other programs do."""
    text = io.StringIO(content.decode(encoding), newline="")
    return list(csv.reader(text, delimiter=delimiter, strict=True))


def unmark(cell: str) -> str:
    """Take the apostrophe away that guards a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA_STARTS) else cell
