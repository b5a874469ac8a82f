"""XLSX: texts in cells of text, so that 000123 stays; numbers in cells of numbers."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ERROR_CODES

from jobs.errors import SettingError
from jobs.export.cells import MOST_DIGITS, NEGATIVE, escape, is_negative
from jobs.export.columns import Block, Column, Kind
from jobs.export.writer import MOST_ROWS, Style, too_many_rows
from jobs.source import SourceWarning

COLUMNS_MAX: Final = 16_384
CELL_MAX: Final = 32_767
"""Characters a cell holds, as UTF-16 counts them."""
UNWRITABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
"""What XML cannot hold or would change, and what would be read as the escape of it."""
ERRORS: Final = frozenset(ERROR_CODES)
WHOLE_MAX: Final = 10**MOST_DIGITS


class _TooLongError(Exception):
    """A text that does not fit into a cell."""


class ExcelWriter:
    """Writes one workbook with one sheet; see `Writer`."""

    warnings: Sequence[SourceWarning] = ()

    def __init__(self, columns: Sequence[Column], stream: BinaryIO) -> None:
        if len(columns) > COLUMNS_MAX:
            raise SettingError("export_too_wide", columns=len(columns), limit=COLUMNS_MAX)
        self._stream = stream
        self._columns = columns
        self._rows = 0
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet("results")
        header = [
            self._show(Column(column.name, "text"), [column.name], [0])[0] for column in columns
        ]
        self._append(header)

    def write(self, block: Block) -> None:
        """Write some lines."""
        self._rows += len(block.numbers)
        if self._rows > MOST_ROWS["xlsx"]:
            raise too_many_rows("xlsx")
        shown = [
            self._show(column, cells, block.numbers)
            for column, cells in zip(self._columns, block.cells, strict=True)
        ]
        for row in zip(*shown, strict=True):
            self._append(row)

    def finish(self) -> None:
        """Put the workbook together."""
        self._book.save(self._stream)

    def close(self) -> None:
        """End a sheet that was abandoned."""
        if not self._sheet.closed:
            self._sheet.close()

    def _append(self, row: Iterable[Any]) -> None:
        self._sheet.append([self._cell(value) for value in row])

    def _cell(self, value: Any) -> Any:
        if value in ERRORS:  # else the text "#N/A" would be an error
            cell = WriteOnlyCell(self._sheet, value)
            cell.data_type = "s"
            return cell
        return value

    def _show(self, column: Column, cells: Sequence[Any], numbers: Sequence[int]) -> list[Any]:
        show = AS_CELL[column.kind]
        shown = []
        for number, cell in zip(numbers, cells, strict=True):
            try:
                shown.append(None if cell is None else show(cell))
            except _TooLongError as error:
                raise SettingError(
                    "export_cell_too_long", column=column.name, record=number, limit=CELL_MAX
                ) from error
        return shown


def _text(text: str) -> str:
    return _whole(escape(text))


def _whole(text: str) -> str:
    """Return a text as XML can hold it, escaped as the format says (_x000D_)."""
    if UNWRITABLE.search(text):
        text = UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
    if len(text) > CELL_MAX // 2 and len(text.encode("utf-16-le")) > CELL_MAX * 2:
        raise _TooLongError
    return text


def _original(text: str) -> str:
    return text if is_negative(text) else _text(text)


def _integer(value: int) -> int | str:
    return value if abs(value) < WHOLE_MAX else str(value)


def _number(value: float) -> float | str:
    return _integer(value) if isinstance(value, int) else value


def _amount(text: str) -> int | float | str:
    """Return a number where the sheet keeps all of its digits, else the text."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return _text(text)
    if not value.is_finite() or len(value.as_tuple().digits) > MOST_DIGITS:
        return text if NEGATIVE.fullmatch(text) else _text(text)
    return int(value) if value == value.to_integral_value() else float(value)


def _time(value: datetime) -> datetime:
    return value.replace(tzinfo=None)


AS_CELL: Final[Mapping[Kind, Callable[[Any], Any]]] = {
    **dict.fromkeys(("text", "code", "date", "json"), _text),
    "cell": _original,
    "integer": _integer,
    **dict.fromkeys(("number", "usd"), _number),
    "amount": _amount,
    "boolean": bool,
    "time": _time,
}


def open_writer(style: Style, columns: Sequence[Column], stream: BinaryIO) -> ExcelWriter:
    """Begin a workbook."""
    del style
    return ExcelWriter(columns, stream)
