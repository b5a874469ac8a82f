"""Workbooks: cells as the text they show, and what is odd said with its place."""

import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from jobs.errors import SourceError
from jobs.source import InputShape, Row, read_records
from jobs.source import sheet as sheet_module
from tests.source.reading import PLAIN, good, rejected


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.xlsx"


def write(file: Path, rows: list[list[Any]], **cells: Any) -> None:
    """Write a workbook of one sheet; `cells` are set afterwards."""
    workbook = openpyxl.Workbook()
    sheet = workbook.worksheets[0]
    for row in rows:
        sheet.append(row)
    for place, value in cells.items():
        sheet[place] = value
    workbook.save(file)


def refusal(file: Path, shape: InputShape = PLAIN) -> str:
    with pytest.raises(SourceError) as caught:
        read_records(file, shape)
    assert caught.value.params["file"] == str(file)
    return caught.value.code


def test_ids_keep_their_zeros(file: Path) -> None:
    """A text cell stays as it is; a number cell becomes its plain digits."""
    ids: list[Any] = ["000123", 1009, 1.5, 1e20, 1e-7, 0.1, True]
    write(file, [["id", "text"], *[[one, "t"] for one in ids]])
    found = [source_id for source_id, _ in good(read_records(file, PLAIN))]
    assert found == [
        "000123", "1009", "1.5", "100000000000000000000", "0.0000001", "0.1",
        "TRUE",
    ]  # fmt: skip


def test_dates_are_iso(file: Path) -> None:
    """Days, times and both come as ISO 8601 writes them."""
    values = [
        date(2026, 11, 20),
        datetime(2026, 11, 20, 9, 30),  # noqa: DTZ001 - workbooks have no time zones
        time(9, 30),
        timedelta(hours=30),
    ]
    write(file, [["text"], *[[value] for value in values]])
    shape = InputShape(id=None, text="text")
    assert [text for _, text in good(read_records(file, shape))] == [
        "2026-11-20",
        "2026-11-20T09:30:00",
        "09:30:00",
        "30:00:00",
    ]


def test_rules_of_rows(file: Path) -> None:
    """Blank rows are no records; ids and texts are judged as everywhere."""
    rows: list[list[Any]] = [[None], [], [" ID ", "Ｔｅｘｔ", "label", "label"], ["a", " x\ny "]]
    rows += [[], ["b", None], [None, "z"], ["c", "x" * 30], ["d", "5"]]
    write(file, rows, J9="beside the table")
    records = read_records(file, InputShape("id", "text", keep=("id",), max_text_chars=20))
    assert next(iter(records)) == Row(1, "a", " x\ny ", (("id", "a"),))
    assert rejected(records) == [
        (2, "b", "empty_text"),
        (3, None, "missing_id"),
        (4, "c", "text_too_long"),
    ]
    assert [(w.code, w.params["column"]) for w in records.warnings] == [
        ("duplicate_header", "label")
    ]
    assert (records.encoding, records.delimiter, records.file_error) == (None, None, None)
    assert list(records) == list(records)


def test_formulas_and_merged_cells_are_said(file: Path) -> None:
    """The first place and how many; formulas in columns nobody asked for are not."""
    workbook = openpyxl.Workbook()
    sheet = workbook.worksheets[0]
    for row in (["id", "text", "sum"], ["a", "x", "=1+1"], ["b", "=A2", None], ["c", "=A3", None]):
        sheet.append(row)
    sheet.merge_cells("A4:A5")
    sheet.merge_cells("B6:C7")
    workbook.save(file)
    records = read_records(file, PLAIN)
    assert list(records.warnings) == []
    assert good(records) == [("a", "x")]
    said = [
        (warning.code, warning.params["place"], warning.params["count"])
        for warning in records.warnings
    ]
    assert said == [("formula_cells", "B3", 2), ("merged_cells", "A4:A5", 2)]


def test_a_formula_counts_as_its_value(file: Path, tmp_path: Path) -> None:
    """The value of the last calculation is taken, as Excel saved it."""
    write(file, [["id", "text"], ["a", "=1+1"]])
    saved = tmp_path / "saved.xlsx"
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(saved, "w") as new:
        for part in old.namelist():
            content = old.read(part).replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>")
            new.writestr(part, content.replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>"))
    assert good(read_records(saved, PLAIN)) == [("a", "2")]


def test_sheets(file: Path) -> None:
    """The first sheet is read, or the one that is named; one that is not there is refused."""
    workbook = openpyxl.Workbook()
    workbook.worksheets[0].append(["id", "text"])
    other = workbook.create_sheet("Other 表")
    for row in (["id", "text"], ["a", "x"]):
        other.append(row)
    workbook.save(file)
    assert good(read_records(file, PLAIN)) == []
    assert good(read_records(file, InputShape("id", "text", sheet="Other 表"))) == [("a", "x")]
    assert refusal(file, InputShape("id", "text", sheet="none")) == "sheet_missing"


def test_what_is_no_workbook(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty sheets, missing columns, damage and bombs are refused."""
    write(file, [])
    assert refusal(file) == "header_missing"
    write(file, [["id", "body"], ["a", "x"]])
    assert refusal(file) == "column_missing"
    whole = file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(sheet_module, "ROW_BYTES", 10)
        assert refusal(file) == "xlsx_too_large"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    assert refusal(file) == "xlsx_broken"
    file.write_bytes(whole[: len(whole) // 2])
    assert refusal(file) == "xlsx_broken"


def test_a_row_without_end(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that unpacks to more than a row can hold breaks the file; rows before it stay."""
    write(file, [["id", "text"], *[[str(n), "x"] for n in range(3_000)]])
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    cell = b"<c t='inlineStr'><is><t>" + b"y" * 300_000 + b"</t></is></c>"
    name = "xl/worksheets/sheet1.xml"
    parts[name] = parts[name].replace(b"</sheetData>", b"<row>" + cell + b"</row></sheetData>")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    monkeypatch.setattr(sheet_module, "ROW_BYTES", 200_000)
    records = read_records(file, PLAIN)
    found = good(records)
    assert records.file_error == "xlsx_too_large"
    assert [source_id for source_id, _ in found] == [str(n) for n in range(3_000)]


def rewrite(file: Path, **parts: bytes | None) -> None:
    """Put other content in the place of parts of a workbook; None takes a part away."""
    with zipfile.ZipFile(file) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    names = {name.rpartition("/")[2].removesuffix(".xml"): name for name in found}
    for part, content in parts.items():
        found[names[part]] = content or b""
        if content is None:
            del found[names[part]]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in found.items():
            archive.writestr(name, content)


SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_not_resolved(file: Path, encoding: str) -> None:
    """A part that declares a document type is refused: a workbook has none, a bomb does."""
    write(file, [["id", "text"], ["a", "x"]])
    cells = "<c t='inlineStr'><is><t>id</t></is></c><c t='inlineStr'><is><t>text</t></is></c>"
    rows = f"<row>{cells}</row><row>{cells.replace('id', '&a;')}</row>"
    body = f"{SHEET}<sheetData>{rows}</sheetData>"
    head = f"<?xml version='1.0' encoding='{encoding}'?><!-- a <b> --> "
    rewrite(file, sheet1=f"{head}{body.replace('&a;', 'x')}</worksheet>".encode(encoding))
    assert good(read_records(file, PLAIN)) == [("x", "text")]
    bomb = "<!DOCTYPE w [<!ENTITY a 'aaaa'>]>"
    rewrite(file, sheet1=f"{head}{bomb}{body}</worksheet>".encode(encoding))
    assert refusal(file) == "xlsx_broken"
    for part in ("styles", "workbook"):
        write(file, [["id", "text"], ["a", "x"]])
        rewrite(file, **{part: f"{head}{bomb}<a/>".encode(encoding)})
        assert refusal(file) == "xlsx_broken"


def test_elements_without_end(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small XML may be large in memory: a row, a string and a part have only so many tags."""
    monkeypatch.setattr(sheet_module, "ROW_TAGS", 5_000)
    many = b"<a/>" * 6_000
    own = f"{SHEET}<sheetData><row>".encode() + many + b"</row></sheetData></worksheet>"
    for part in ("sheet1", "styles", "workbook"):
        write(file, [["id", "text"], *[[str(n), f"x{n}"] for n in range(3_000)]])
        assert len(good(read_records(file, PLAIN))) == 3_000
        rewrite(file, **{part: own if part == "sheet1" else b"<a>" + many + b"</a>"})
        assert refusal(file) == "xlsx_too_large"


def share_strings(file: Path, table: bytes) -> None:
    """Give a workbook of inline strings a table of strings, as Excel writes it."""
    with zipfile.ZipFile(file) as archive:
        types = archive.read("[Content_Types].xml")
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    named = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    rewrite(file, **{"[Content_Types]": types.replace(b"</Types>", named.encode())})
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", table)


def test_a_table_of_strings(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells may name strings of the table; one without end, or a huge table, is refused."""
    head, tail = SHEET.replace("worksheet", "sst").encode(), b"</sst>"
    cells = b"<row><c t='s'><v>0</v></c><c t='s'><v>1</v></c></row>"
    sheet = SHEET.encode() + b"<sheetData>" + cells * 2 + b"</sheetData></worksheet>"
    strings = b"<si><t>id</t></si><si><r><t>te</t></r><r><t>xt</t></r></si>"
    monkeypatch.setattr(sheet_module, "ROW_TAGS", 5_000)
    monkeypatch.setattr(sheet_module, "PART_BYTES", 400_000)
    for table, flaw in (
        (strings, None),
        (strings * 3_000, None),
        (strings + b"<si>" + b"<r/>" * 20_000 + b"</si>", "xlsx_too_large"),
        (strings * 9_000, "xlsx_too_large"),
    ):
        write(file, [["id", "text"]])
        rewrite(file, sheet1=sheet)
        share_strings(file, head + table + tail)
        if flaw is None:
            assert good(read_records(file, PLAIN)) == [("id", "text")]
        else:
            assert refusal(file) == flaw


def test_what_is_not_needed_is_not_read(file: Path) -> None:
    """Looks and properties that openpyxl cannot read cost no row."""
    write(file, [["id", "text"], ["a", date(2026, 11, 20)]])
    with zipfile.ZipFile(file) as archive:
        styles = archive.read("xl/styles.xml")
    odd = styles.replace(b"<fills", b"<fills><fill><oddFill/></fill></fills><fills", 1)
    rewrite(file, styles=odd, core=b"<a", theme1=b"<b")
    assert good(read_records(file, PLAIN)) == [("a", "2026-11-20")]
    rewrite(file, styles=None)
    assert good(read_records(file, PLAIN)) == [("a", "46346")]


def test_a_locked_part(file: Path) -> None:
    """A workbook whose parts ask for a password is refused like a damaged one."""
    write(file, [["id", "text"], ["a", "x"]])
    content = bytearray(file.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(mark, at + 4)
    file.write_bytes(content)
    assert refusal(file) == "xlsx_broken"


def test_damage_in_the_sheet(file: Path) -> None:
    """A sheet whose XML ends early breaks the file after its good rows."""
    write(file, [["id", "text"], *[[str(n), "x"] for n in range(5_000)]])
    parts = {}
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    parts[name] = parts[name][: len(parts[name]) // 2]
    with zipfile.ZipFile(file, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    records = read_records(file, PLAIN)
    found = good(records)
    assert records.file_error == "xlsx_broken"
    assert [source_id for source_id, _ in found] == [str(n) for n in range(len(found))]
    assert len(found) > 1_000


def test_strings_as_excel_writes_them(file: Path) -> None:
    """Parts of one string are joined, readings left out, and Excel's escapes undone."""
    write(file, [["id", "text"], ["a", "PART"], ["b", "READ"], ["c", "ESCAPED"]])
    strings = {
        b"PART": b"<r><rPr/><t xml:space='preserve'>one </t></r><r><t>two</t></r>",
        b"READ": (
            "<t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh><phoneticPr fontId='1'/>"
        ).encode(),
        b"ESCAPED": b"<t>a_x000D_b _x005F_x000D_</t>",
    }
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            for plain, rich in strings.items():
                content = content.replace(b"<t>" + plain + b"</t>", rich)  # noqa: PLW2901
            archive.writestr(name, content)
    assert good(read_records(file, PLAIN)) == [
        ("a", "one two"),
        ("b", "東京"),
        ("c", "a\rb _x000D_"),
    ]
