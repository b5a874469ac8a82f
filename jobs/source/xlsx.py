"""Reads the rows of a sheet of an Excel workbook; its first row that is not blank is the header.

Blank rows are no records. A formula counts as the value it had when the workbook was saved.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from jobs.errors import SourceError
from jobs.source.columns import find_columns, find_repeated
from jobs.source.fields import FieldJudge
from jobs.source.opening import unreadable
from jobs.source.reading import FileRecords
from jobs.source.record import InputShape, Reject, Row, SourceWarning
from jobs.source.sheet import SheetRow, open_sheet, place_of


class SheetRecords(FileRecords):
    """The records of one sheet."""

    def __init__(self, path: Path, shape: InputShape) -> None:
        """Read the header. Raises SourceError: see `open_sheet` and `find_columns`."""
        super().__init__(path)
        self._shape = shape
        self._names = read_header(path, shape.sheet)
        if not self._names:
            raise SourceError("header_missing", file=str(path))
        self._columns = find_columns(path, self._names, shape)
        self._judge = FieldJudge(shape, "lone_surrogate")
        self._start_pass()

    def _start_pass(self) -> None:
        self._first_formula = ""
        self._formulas = 0
        self._merged: list[str] = []

    @property
    def warnings(self) -> tuple[SourceWarning, ...]:
        """Names that stand twice, formulas in wanted columns, merged cells."""
        file = str(self._path)
        found = [
            SourceWarning("duplicate_header", {"file": file, "column": name})
            for name in find_repeated(self._names)
        ]
        if self._formulas:
            params = {"file": file, "place": self._first_formula, "count": self._formulas}
            found.append(SourceWarning("formula_cells", params))
        if self._merged:
            params = {"file": file, "place": self._merged[0], "count": len(self._merged)}
            found.append(SourceWarning("merged_cells", params))
        return tuple(found)

    def _read(self) -> Iterator[Row | Reject]:
        self._start_pass()
        with open_sheet(self._path, self._shape.sheet) as sheet:
            for number, row in enumerate(islice(sheet.rows(), 1, None), 1):
                self._note_formulas(row)
                values = {name: row.cells.get(at, "") for name, at in self._columns.items()}
                yield self._judge.judge(number, values)
            self._merged = sheet.merged

    def _note_formulas(self, row: SheetRow) -> None:
        if not row.formulas:
            return
        wanted = sorted(row.formulas.intersection(self._columns.values()))
        if wanted and not self._formulas:
            self._first_formula = place_of(row.number, wanted[0])
        self._formulas += len(wanted)


def read_header(path: Path, sheet_name: str | None) -> tuple[str, ...]:
    """Return the cells of the first row that is not blank; none in an empty sheet."""
    try:
        with open_sheet(path, sheet_name) as sheet:
            row = next(sheet.rows(), None)
    except OSError as error:
        raise unreadable(path, error) from error
    if row is None:
        return ()
    return tuple(row.cells.get(at, "") for at in range(max(row.cells) + 1))


def look_at_sheet(path: Path, max_records: int) -> tuple[tuple[str, ...], list[list[str]]]:
    """Return the header and the cells of the first records."""
    names = read_header(path, None)
    try:
        with open_sheet(path, None) as sheet:
            rows = [
                [row.cells.get(at, "") for at in range(len(names))]
                for row in islice(sheet.rows(), 1, 1 + max_records)
            ]
    except OSError as error:
        raise unreadable(path, error) from error
    return names, rows
