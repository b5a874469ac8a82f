"""Goes through a sheet of an Excel workbook row by row, every cell as text.

openpyxl finds the workbook's parts; strings, formats and rows are read here, because only their
XML tells a formula from its value, a number from its digits and a text from its reading aid.
What else a workbook holds (looks, properties, charts, links) is not read, so it cannot be in the
way. Needs the extra `excel`. Memory: the workbook's table of strings, and one row.
"""

import lzma
import re
import struct
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
from openpyxl.styles.numbers import builtin_format_code, is_date_format, is_timedelta_format
from openpyxl.utils.cell import coordinate_to_tuple, get_column_letter
from openpyxl.utils.datetime import from_excel
from openpyxl.xml.constants import ARC_STYLE, SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import fromstring, iterparse

from jobs.errors import SourceError
from jobs.source.fields import plain_digits
from jobs.source.opening import BrokenFile, open_file

PART_BYTES: Final = 1 << 28
"""How large the table of strings may be."""
ROW_BYTES: Final = 1 << 26
"""How large a row, a string or another part may be, which are in memory as a whole."""
ROW_TAGS: Final = 1 << 20
"""And of how many tags: an element takes many times the memory of its XML."""
CELL, VALUE, FORMULA, INLINE, TEXT, RUN, STRING = (
    f"{{{SHEET_MAIN_NS}}}{name}" for name in ("c", "v", "f", "is", "t", "r", "si")
)
ROW, DATA, MERGE = (f"{{{SHEET_MAIN_NS}}}{name}" for name in ("row", "sheetData", "mergeCell"))
FORMATS, FORMAT, CELL_STYLES, STYLE = (
    f"{{{SHEET_MAIN_NS}}}{name}" for name in ("numFmts", "numFmt", "cellXfs", "xf")
)
ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
PROLOG: Final = re.compile(
    rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?+(?:\s++|<\?(?>.*?\?>)|<!--(?>.*?-->))*+<[^!?]", re.DOTALL
)
"""How XML begins up to its first element. Workbooks have no DOCTYPE: it is there to multiply."""
DAMAGED: Final = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, ParseError),
    # What the libraries stumble over in what their parts say, or do not say.
    *(LookupError, ValueError, TypeError, AttributeError, ArithmeticError, AssertionError),
    *(EOFError, RuntimeError),
)


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
    """A part being read, of which `begin` says where something new begins.

    More than ROW_BYTES or ROW_TAGS without that is no workbook but a bomb.
    """

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._is_new = True
        self.begin()

    def begin(self) -> None:
        self._bytes = self._tags = 0

    def read(self, size: int = -1) -> bytes:
        found = self._source.read(size)
        if self._is_new and not PROLOG.match(found.replace(b"\0", b"")):
            raise BrokenFile("xlsx_broken")
        self._is_new = False
        self._bytes += len(found)
        self._tags += found.count(b"<")
        if self._bytes > ROW_BYTES or self._tags > ROW_TAGS:
            raise BrokenFile("xlsx_too_large")
        return found


class _Archive(zipfile.ZipFile):
    """Reads no part as a whole that is a bomb."""

    def read(self, name: str | zipfile.ZipInfo, pwd: bytes | None = None) -> bytes:
        with self.open(name, pwd=pwd) as source:
            return _Watched(source).read(ROW_BYTES + 1)


class _Book(ExcelReader):
    """A workbook's sheets, strings and formats; strings are read as `_read_text` reads them."""

    def __init__(self, opened: IO[bytes]) -> None:
        super().__init__(opened, read_only=True, keep_links=False)
        self.archive = _Archive(opened)
        self.paths: dict[str, str] = {}
        """Where in the archive each sheet is, by its name."""
        self.dates: set[int] = set()
        """The styles of cells that show a number as a moment."""
        self.spans: set[int] = set()
        """Those of them that show it as a span of time."""
        self.read_manifest()
        self.read_strings()
        self.read_workbook()
        self.read_formats()
        self.read_worksheets()

    def read_strings(self) -> None:
        table = self.package.find(SHARED_STRINGS)  # type: ignore[no-untyped-call]
        if table is None:
            return
        part = self.archive.getinfo(table.PartName[1:])
        if part.file_size > PART_BYTES:
            raise BrokenFile("xlsx_too_large")
        with self.archive.open(part) as source:
            watched = _Watched(source)
            whole: Element | None = None
            for event, element in iterparse(watched, events=("start", "end")):
                if event == "start":
                    whole = element if whole is None else whole
                elif element.tag == STRING:
                    self.shared_strings.append(_read_text(element))
                    watched.begin()
                    if whole is not None:
                        whole.clear()

    def read_formats(self) -> None:
        if ARC_STYLE not in self.valid_files:
            return
        styles = fromstring(self.archive.read(ARC_STYLE))
        own = {
            int(one.get("numFmtId", "0")): one.get("formatCode", "")
            for one in styles.iterfind(f"{FORMATS}/{FORMAT}")
        }
        for at, style in enumerate(styles.iterfind(f"{CELL_STYLES}/{STYLE}")):
            number = int(style.get("numFmtId", "0"))
            code = own.get(number) or builtin_format_code(number)
            if is_date_format(code):
                self.dates.add(at)
            if is_timedelta_format(code):
                self.spans.add(at)

    def read_worksheets(self) -> None:
        for sheet, found in self.parser.find_sheets():
            if found.target in self.valid_files and "chartsheet" not in found.Type:
                self.paths[sheet.name] = found.target


@dataclass(slots=True)
class Sheet:
    """An open sheet. `merged` holds the ranges of merged cells once all rows are read."""

    book: _Book
    path: str
    merged: list[str] = field(default_factory=list)

    def rows(self) -> Iterator[SheetRow]:
        """Yield the rows that are not blank. Raises BrokenFile (an OSError)."""
        try:
            with self.book.archive.open(self.path) as source:
                yield from self._parse(_Watched(source))
        except DAMAGED as error:
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
                watched.begin()
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
            return str(self.book.shared_strings[int(value)])
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if kind == "n":
            return self._read_number(value, int(element.get("s") or 0))
        return _unescape(value) if kind == "str" else value

    def _read_number(self, value: str, style: int) -> str:
        if style in self.book.dates:
            is_span = style in self.book.spans
            try:
                moment = from_excel(float(value), self.book.wb.epoch, timedelta=is_span)
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
            with warnings.catch_warnings(action="ignore"):
                book = _Book(opened)
        except BrokenFile as error:
            raise SourceError(error.code, file=str(path)) from error
        except (*DAMAGED, OSError) as error:
            raise SourceError("xlsx_broken", file=str(path)) from error
        titles = [title for title in book.paths if name in (None, title)]
        if not titles:
            available = ", ".join(book.paths) or "-"
            raise SourceError("sheet_missing", file=str(path), sheet=name, available=available)
        yield Sheet(book, book.paths[titles[0]])
