"""CSV: every cell comes back, in UTF-8 and CP932, by other programs and by our own reader."""

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.export import Column, Style
from jobs.export.encoding import BOM, ELSEWHERE, encode_cp932
from jobs.source import InputShape, Row, read_records
from tests.export.writing import read_csv, texts, tricky, unmark, write

COLUMNS = (Column("id", "text"), Column("text", "text"))
UTF8 = Style("csv")
CP932 = Style("csv", "cp932")
rows = st.lists(st.tuples(tricky, tricky), min_size=1, max_size=8)


def by_column(lines: list[tuple[str, str]]) -> list[list[str]]:
    return [list(cells) for cells in zip(*lines, strict=True)]


@settings(deadline=None)
@given(rows, st.sampled_from(",;\t|"))
def test_csv_is_read_back(lines: list[tuple[str, str]], delimiter: str) -> None:
    """Every cell comes back, line breaks, quotes and delimiters included, formulas marked."""
    content, said = write(COLUMNS, [by_column(lines)] * 2, Style("csv", "utf-8-sig", delimiter))
    assert content.startswith(BOM)
    assert said == ()
    header, *back = read_csv(content, "utf-8-sig", delimiter)
    assert header == ["id", "text"]
    assert [[unmark(cell) for cell in line] for line in back] == [
        [unmark(cell) for cell in line] for line in lines * 2
    ]


@settings(deadline=None)
@given(rows)
def test_cp932_is_read_back_or_is_utf8(lines: list[tuple[str, str]]) -> None:
    """Characters that CP932 has elsewhere are mapped; with any other one all is UTF-8."""
    content, said = write(COLUMNS, [by_column(lines), by_column(lines)], CP932)
    lacking = [
        number for number, line in enumerate(lines, 1) if encode_cp932("".join(line)) is None
    ]
    _, *back = read_csv(content, "utf-8-sig" if said else "cp932")
    assert bool(said) == bool(lacking)
    wanted = lines if said else [tuple(cell.translate(ELSEWHERE) for cell in one) for one in lines]
    assert [[unmark(cell) for cell in line] for line in back] == [
        [unmark(cell) for cell in line] for line in wanted * 2
    ]
    if said:
        assert said[0].params == {"count": 2 * len(lacking), "record": lacking[0]}
        assert content.startswith(BOM)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("〜−", "～－"),
        ("‖—", "∥―"),
        ("¢£¬¥", "￠￡￢￥"),
        ("①㈱髙", "①㈱髙"),
    ],
)
def test_characters_cp932_has_elsewhere(text: str, encoded: str) -> None:
    """The signs of JIS X 0208 that Unicode has twice are written as CP932 has them."""
    found = encode_cp932(text)
    assert found is not None
    assert found.decode("cp932") == encoded


@pytest.mark.parametrize("text", ["😀", "𠮷", "é", "\x80", "\uf8f0", "か\u3099"])
def test_characters_cp932_has_not(text: str) -> None:
    """Nothing is dropped or replaced; what Windows leaves unused does not count as there."""
    assert encode_cp932(text) is None


def test_the_fallback_names_the_first_record() -> None:
    """What does not fit is counted to the end, the header as record 0."""
    content, said = write(COLUMNS, [[["a", "b"], ["x", "𠮷"]], [["😀"], ["y"]]], CP932)
    assert [one.params for one in said] == [{"count": 2, "record": 2}]
    assert content.decode("utf-8-sig").splitlines() == ["id,text", "a,x", "b,𠮷", "😀,y"]
    _, said = write((Column("é", "text"),), [[["a"]]], CP932)
    assert [one.params for one in said] == [{"count": 1, "record": 0}]


def test_headers_are_escaped() -> None:
    """A name is a cell as well."""
    content, _ = write((Column("=1+1", "cell"),), [[["a"]]], UTF8)
    assert read_csv(content, "utf-8-sig")[0] == ["'=1+1"]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(texts, min_size=1, max_size=5),
    st.sampled_from([UTF8, CP932, Style("csv", "utf-8", "\t")]),
)
def test_our_own_reader_reads_it(tmp_path: Path, cells: list[str], style: Style) -> None:
    """What is written is read back by `jobs.source`, text for text."""
    numbers = [str(number) for number in range(len(cells))]
    filled = [f"a{cell}b" for cell in cells]
    content, said = write(COLUMNS, [[numbers, filled]], style)
    path = tmp_path / "own.csv"
    path.write_bytes(content)
    encoding = "cp932" if style is CP932 and not said else None
    shape = InputShape(id="id", text="text", encoding=encoding)
    found = [row for row in read_records(path, shape) if isinstance(row, Row)]
    wanted = [one.translate(ELSEWHERE) for one in filled] if encoding else filled
    assert [row.text for row in found] == wanted
    assert [row.source_id for row in found] == numbers


def test_an_empty_export_has_its_header() -> None:
    """No lines are a file with names."""
    content, _ = write(COLUMNS, [], Style("csv", "utf-8"))
    assert io.BytesIO(content).read() == b"id,text\r\n"
