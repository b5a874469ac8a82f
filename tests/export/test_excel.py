"""XLSX: texts stay texts, numbers numbers, and what does not fit is said."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from jobs.errors import SettingError
from jobs.export import Block, Column, Style, make_writer
from jobs.export import excel as own
from jobs.export.columns import Kind
from tests.export.writing import tricky, unmark, write

XLSX = Style("xlsx")


def read(content: bytes) -> list[list[Any]]:
    book = load_workbook(io.BytesIO(content), read_only=True)
    try:
        rows = [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
    finally:
        book.close()
    return [[unescape(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]


@settings(deadline=None, max_examples=40)
@given(st.lists(tricky, min_size=1, max_size=4))
def test_texts_come_back(cells: list[str]) -> None:
    """Any text is read back, control characters and line ends included, formulas marked."""
    numbers = [str(number) for number in range(len(cells))]
    content, _ = write((Column("n", "text"), Column("a", "text")), [[numbers, cells]], XLSX)
    header, *rows = read(content)
    assert header == ["n", "a"]
    assert [unmark(row[1] or "") for row in rows] == [unmark(cell) for cell in cells]


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("text", "000123", "000123"),
        ("text", "12", "12"),
        ("text", "=1+1", "'=1+1"),
        ("text", "#N/A", "#N/A"),
        ("text", "_x000D_", "_x005F_x000D_"),
        ("cell", "-5", "-5"),
        ("cell", "=A1", "'=A1"),
        ("integer", 12, 12),
        ("integer", 10**15, "1000000000000000"),
        ("number", 0.75, 0.75),
        ("number", 10**40, "1" + "0" * 40),
        ("usd", 7e-9, 7e-9),
        ("amount", "1200.50", 1200.5),
        ("amount", "1200", 1200),
        ("amount", "-12345678901234567.5", "-12345678901234567.5"),
        ("amount", "=1", "'=1"),
        ("date", "2026-02-03", "2026-02-03"),
        ("boolean", True, True),
        ("time", datetime(2026, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 2, 3, 4, 5)),  # noqa: DTZ001 - a sheet has no zones
    ],
)
def test_cells_have_their_types(kind: Kind, value: object, cell: object) -> None:
    """Leading zeros stay, numbers are numbers as far as a sheet keeps them."""
    content, _ = write((Column("=a", kind),), [[[value]]], XLSX)
    book = load_workbook(io.BytesIO(content))
    sheet = book.worksheets[0]
    assert sheet["A1"].value == "'=a"
    assert sheet["A2"].value == cell
    assert sheet["A2"].data_type in ("s", "n", "b", "d")
    assert isinstance(cell, str) == (sheet["A2"].data_type == "s")


@pytest.mark.parametrize("text", ["a" * 32_768, "😀" * 16_384])
def test_a_text_longer_than_a_cell_is_an_error(text: str) -> None:
    """Nothing is cut: the record and the column are named."""
    with pytest.raises(SettingError) as caught:
        write((Column("a", "text"),), [[["b", text]]], XLSX)
    assert caught.value.code == "export_cell_too_long"
    assert (caught.value.params["record"], caught.value.params["column"]) == (2, "a")


def test_the_longest_text_fits() -> None:
    """The limit itself is no error, and no character is lost."""
    content, _ = write((Column("a", "text"),), [[["a" * 32_767]]], XLSX)
    assert read(content)[1] == ["a" * 32_767]


def test_more_rows_than_a_sheet_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row too many, or columns too many, is an error."""
    monkeypatch.setattr(own, "MOST_ROWS", {"xlsx": 2})
    write((Column("a", "integer"),), [[[1, 2]]], XLSX)
    with pytest.raises(SettingError) as caught:
        write((Column("a", "integer"),), [[[1, 2]], [[3]]], XLSX)
    assert caught.value.code == "export_too_many_rows"
    monkeypatch.setattr(own, "COLUMNS_MAX", 1)
    with pytest.raises(SettingError) as caught:
        make_writer(XLSX, (Column("a", "integer"),) * 2, io.BytesIO())
    assert caught.value.code == "export_too_wide"


def test_a_writer_that_is_left_leaves_quietly() -> None:
    """After a failure nothing is held open."""
    writer = make_writer(XLSX, (Column("a", "integer"),), io.BytesIO())
    writer.write(Block((1,), [[1]]))
    writer.close()
