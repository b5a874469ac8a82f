"""Records as they stand in the file: all columns, rejects too, as many as the reader counts."""

from pathlib import Path

import pytest

from jobs.errors import SourceError
from jobs.source import InputShape, read_records
from jobs.source import original as own
from jobs.source.original import KeptOriginals, hash_file, open_originals

SHAPE = InputShape(id="id", text="text")
MESSY = Path(__file__).parents[3] / "shared" / "data" / "messy"


def test_every_record_has_as_many_cells_as_the_header(tmp_path: Path) -> None:
    """Short records are filled up, long ones cut; what is no text is marked in rejects."""
    path = tmp_path / "rows.csv"
    path.write_bytes(
        b'id,text,"note",note\n1,a,x,y\n\n2,b\n3,c,x,y,z\n4,\xff,x,\n5,a\0b,"q""q",\n6,"open\n'
    )
    found = open_originals(path, SHAPE)
    assert found.names == ("id", "text", "note", "note")
    assert [list(cells) for _, cells in found] == [
        ["1", "a", "x", "y"],
        ["2", "b", "", ""],
        ["3", "c", "x", "y"],
        ["4", "\N{REPLACEMENT CHARACTER}", "x", ""],
        ["5", "a\N{REPLACEMENT CHARACTER}b", 'q"q', ""],
        ["6", "", "", ""],
    ]
    assert found.warnings == ()


def test_cells_that_are_too_long_are_left_out_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cell fills the memory, and none goes without a word."""
    monkeypatch.setattr(own, "CELL_CHARS", 5)
    path = tmp_path / "rows.csv"
    path.write_text('id,text,note\n1,a,x\n2,b,"123456"\n3,"1234567","123456"\n')
    found = open_originals(path, InputShape(id="id", text="text", max_text_chars=3))
    assert [cells[2] for _, cells in found] == ["x", "", ""]
    (said,) = found.warnings
    assert said.params == {"count": 3, "record": 2, "limit": 5}


def test_a_file_without_header_has_the_names_of_the_spec(tmp_path: Path) -> None:
    """The first line is a record then."""
    path = tmp_path / "rows.csv"
    path.write_text("1,a\n2,b\n")
    found = open_originals(
        path, InputShape(id="id", text="text", header=False, columns=("id", "text"))
    )
    assert (found.names, [list(cells) for _, cells in found]) == (
        ("id", "text"),
        [["1", "a"], ["2", "b"]],
    )


def test_other_formats_give_the_columns_they_keep(tmp_path: Path) -> None:
    """By way of rows: a reject has no cells, but keeps its place."""
    path = tmp_path / "rows.csv"
    path.write_text("id,text,store\n1,a,x\n2,,y\n3,c,z\n")
    names = ("id", "store")
    shape = InputShape(id="id", text="text", keep=names)
    found = KeptOriginals(read_records(path, shape), names)
    assert [list(cells) for _, cells in found] == [["1", "x"], [None, None], ["3", "z"]]


def test_records_of_lines_keep_their_numbers(tmp_path: Path) -> None:
    """In JSONL a record's number is its line's, and a blank line is no record."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "1", "text": "a"}\n\n{"id": "2"}\n{"id": "3", "text": "c"}\n')
    assert [(number, list(cells)) for number, cells in open_originals(path, SHAPE)] == [
        (1, ["1", "a"]),
        (3, [None, None]),
        (4, ["3", "c"]),
    ]


def test_hashes(tmp_path: Path) -> None:
    """A file is known by its bytes; one that is not there is an error."""
    path = tmp_path / "rows.csv"
    path.write_bytes(b"abc")
    assert hash_file(path).startswith("ba7816bf8f01cfea")
    with pytest.raises(SourceError) as caught:
        hash_file(tmp_path / "none")
    assert caught.value.code == "file_missing"


@pytest.mark.skipif(not MESSY.is_dir(), reason="no messy files here")
@pytest.mark.parametrize(
    "name",
    [
        "01_cp932_excel.csv", "03_utf16le_bom.csv", "04_semicolon_embedded.csv", "04b_sep_line.csv",
        "05_ragged_rows.csv", "07_nul_byte.csv", "14_mixed_utf8_cp932.csv",
        "17_unclosed_quote.csv",
    ],
)  # fmt: skip
def test_messy_files_have_as_many_records_as_rows_and_rejects(name: str) -> None:
    """Number for number the records are those that the reader judges."""
    path = MESSY / name
    first = path.read_bytes()[:1]
    assert first
    columns = read_records(path, InputShape(id=None, text=_first_column(path)))
    judged = [record.record_number for record in columns]
    records = list(open_originals(path, InputShape(id=None, text=_first_column(path))))
    assert judged == [number for number, _ in records]
    assert len({len(cells) for _, cells in records}) == 1


def _first_column(path: Path) -> str:
    from jobs.source.look import look_at

    return look_at(path).columns[0].name
