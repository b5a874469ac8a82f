"""Goes through a sheet of an Excel workbook row by row, every cell as text.

openpyxl opens the workbook; strings and rows are read here, because only their XML tells a
formula from its value, a number from its digits and a text from its reading aid. Needs the extra
`excel`. Memory: the workbook's table of strings, and one row.
"""

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Final
from xml.etree.ElementTree import Element, ParseError

from openpyxl.reader.excel import ExcelReader
from openpyxl.utils.cell import coordinate_to_tuple, get_column_letter
from openpyxl.utils.datetime import from_excel
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import iterparse

from jobs.errors import SourceError
from jobs.source.fields import plain_digits
from jobs.source.opening import BrokenFile, open_file

PART_BYTES: Final = 1 << 28
"""How large a part of the workbook may be that is held in memory as a whole."""
ROW_BYTES: Final = 1 << 26
CELL, VALUE, FORMULA, INLINE, TEXT, RUN, STRING = (
    f"{{{SHEET_MAIN_NS}}}{name}" for name in ("c", "v", "f", "is", "t", "r", "si")
)
ROW, DATA, MERGE = (f"{{{SHEET_MAIN_NS}}}{name}" for name in ("row", "sheetData", "mergeCell"))
ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
DAMAGED: Final = (zipfile.BadZipFile, ParseError, KeyError, IndexError, ValueError, EOFError)
DAMAGED_STREAM: Final = (*DAMAGED, zlib.error, NotImplementedError, TypeError)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row: the text of its cells by column (from 0), and which of them are formulas."""

    number: int
    cells: dict[int, str]
    formulas: frozenset[int]

    @property
    def is_blank(self) -> bool:
        """Tell whether nothing stands in it."""
        return not self.formulas and not any(self.cells.values())


class _Watched:
    """A part being read; more than ROW_BYTES without the end of a row is no sheet."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.row_bytes = 0

    def read(self, size: int = -1) -> bytes:
        found = self._source.read(size)
        self.row_bytes += len(found)
        if self.row_bytes > ROW_BYTES:
            raise BrokenFile("xlsx_too_large")
        return found


@dataclass(slots=True)
class Sheet:
    """An open sheet. `merged` holds the ranges of merged cells once all rows are read."""

    workbook: Any
    sheet: Any
    merged: list[str] = field(default_factory=list)

    def rows(self) -> Iterator[SheetRow]:
        """Yield the rows that are not blank. Raises BrokenFile (an OSError)."""
        try:
            with self.workbook._archive.open(self.sheet._worksheet_path) as source:
                watched = _Watched(source)
                yield from self._parse(watched)
        except DAMAGED_STREAM as error:
            raise BrokenFile("xlsx_broken") from error

    def _parse(self, watched: _Watched) -> Iterator[SheetRow]:
        data: Element | None = None
        number = 0
        for event, element in iterparse(watched, events=("start", "end")):
            if event == "start":
                data = element if element.tag == DATA else data
            elif element.tag == ROW:
                number = int(element.get("r") or number + 1)
                row = self._read_row(number, element)
                watched.row_bytes = 0
                if data is not None:
                    data.clear()  # or the sheet's skeleton would grow with every row
                if not row.is_blank:
                    yield row
            elif element.tag == MERGE:
                self.merged.append(element.get("ref") or "")

    def _read_row(self, number: int, row: Element) -> SheetRow:
        cells: dict[int, str] = {}
        formulas = set()
        column = 0
        for element in row:
            if element.tag != CELL:
                continue
            place = element.get("r")
            column = coordinate_to_tuple(place)[1] if place else column + 1
            cells[column - 1] = self._read_cell(element)
            if element.find(FORMULA) is not None:
                formulas.add(column - 1)
        return SheetRow(number, cells, frozenset(formulas))

    def _read_cell(self, element: Element) -> str:
        kind = element.get("t", "n")
        if kind == "inlineStr":
            inline = element.find(INLINE)
            return "" if inline is None else _read_text(inline)
        value = element.findtext(VALUE) or ""
        if not value:
            return ""
        if kind == "s":
            return str(self.sheet._shared_strings[int(value)])
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if kind == "n":
            return self._read_number(value, int(element.get("s") or 0))
        return _unescape(value) if kind == "str" else value

    def _read_number(self, value: str, style: int) -> str:
        if style in self.workbook._date_formats:
            is_span = style in self.workbook._timedelta_formats
            try:
                moment = from_excel(float(value), self.workbook.epoch, timedelta=is_span)
            except (OverflowError, ValueError):
                return plain_digits(float(value))
            return _show_moment(moment, is_day=float(value).is_integer())
        return value if value.isdecimal() else plain_digits(float(value))


def _read_text(element: Element) -> str:
    """Return a string's text, its parts of different looks joined; readings (furigana) left out."""
    parts: list[str] = []
    for child in element:
        if child.tag == TEXT:
            parts.append(child.text or "")
        elif child.tag == RUN:
            parts += [part.text or "" for part in child if part.tag == TEXT]
    return _unescape("".join(parts))


def _show_moment(moment: Any, *, is_day: bool) -> str:
    """Return a date, a time or both as ISO 8601; a span as hours, minutes and seconds."""
    if is_day and hasattr(moment, "date"):
        moment = moment.date()
    if isinstance(moment, timedelta):
        minutes, seconds = divmod(round(moment.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(moment.isoformat())


def _unescape(text: str) -> str:
    """Return text with Excel's escapes for characters XML cannot hold, such as _x000D_."""
    return ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


class _Reader(ExcelReader):
    """Opens a workbook; its strings are read as `_read_text` reads them, which is faster too."""

    def read_strings(self) -> None:
        table = self.package.find(SHARED_STRINGS)  # type: ignore[no-untyped-call]
        if table is None:
            return
        with self.archive.open(table.PartName[1:]) as source:
            whole: Element | None = None
            for event, element in iterparse(source, events=("start", "end")):
                if event == "start":
                    whole = element if whole is None else whole
                elif element.tag == STRING:
                    self.shared_strings.append(_read_text(element))
                    if whole is not None:
                        whole.clear()


def place_of(row: int, column: int) -> str:
    """Return a cell's name, such as B3; `column` counts from 0."""
    return f"{get_column_letter(column + 1)}{row}"


@contextmanager
def open_sheet(path: Path, name: str | None) -> Iterator[Sheet]:
    """Open the sheet named, or the first one.

    Raises SourceError: xlsx_broken, xlsx_too_large, sheet_missing, and what `open_file` raises.
    """
    with open_file(path) as opened:
        try:
            _check_parts(path, opened)
            with warnings.catch_warnings(action="ignore"):  # about styles, which are not read
                reader = _Reader(opened, read_only=True, data_only=True)
                reader.read()
        except (*DAMAGED_STREAM, OSError) as error:
            raise SourceError("xlsx_broken", file=str(path)) from error
        workbook = reader.wb
        sheets = [sheet for sheet in workbook.worksheets if name in (None, sheet.title)]
        if not sheets:
            titles = ", ".join(workbook.sheetnames) or "-"
            raise SourceError("sheet_missing", file=str(path), sheet=name, available=titles)
        yield Sheet(workbook, sheets[0])


def _check_parts(path: Path, opened: IO[bytes]) -> None:
    with zipfile.ZipFile(opened) as archive:
        for part in archive.infolist():
            if part.file_size > PART_BYTES and "/worksheets/" not in part.filename:
                raise SourceError("xlsx_too_large", file=str(path))
    opened.seek(0)
