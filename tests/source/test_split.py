"""Where records and cells begin and end, and what a badly quoted one costs."""

import csv
import tracemalloc
from pathlib import Path

import pytest

from jobs.source import InputShape, Reject, Row, read_records
from tests.source.reading import PLAIN, good, read_bytes, rejected


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r", b"\r\r\n"])
def test_line_ends(file: Path, line_end: bytes) -> None:
    """LF, CRLF, CR alone and the doubled CR of broken Windows writers all end a record."""
    records = read_bytes(file, line_end.join([b"id,text", b"1,a", b'2,"b"', b"", b"3,c"]))
    assert good(records) == [("1", "a"), ("2", "b"), ("3", "c")]
    assert rejected(records) == []


def test_line_ends_inside_cells(file: Path) -> None:
    """Line ends of every kind inside a quoted cell stay as they are."""
    records = read_bytes(file, b'id,text\r\n1,"a\nb\r\nc\rd\r\n"\r\n2," e "\r\n')
    assert good(records) == [("1", "a\nb\r\nc\rd\r\n"), ("2", " e ")]


def test_lone_cr_is_text_in_an_lf_file(file: Path) -> None:
    """A CR alone does not cut a text short where lines end with LF."""
    assert good(read_bytes(file, b"id,text\n1,a\rb\n2,c\n")) == [("1", "a\rb"), ("2", "c")]


def test_quotes_inside_plain_cells(file: Path) -> None:
    """A quote that does not open its cell is text; doubled quotes in a quoted cell are one."""
    records = read_bytes(file, b'id,text\n1,5" pipe\n2, "x"\n3,"say ""hi"""\n4,""""\n')
    assert good(records) == [("1", '5" pipe'), ("2", ' "x"'), ("3", 'say "hi"'), ("4", '"')]


def test_stray_quote_costs_one_record(file: Path) -> None:
    """A quote that is not doubled, on one line with its partners, rejects that record only."""
    records = read_bytes(file, b'id,text\n1,a\n2,"He said "hi" to me"\n3,"c"\n')
    assert good(records) == [("1", "a"), ("3", "c")]
    assert rejected(records) == [(2, "2", "stray_quote")]
    assert records.file_error is None


@pytest.mark.parametrize(
    "broken",
    [
        b'2,"He said "hi\nx,to me"\n3,c\n',
        b'2,"open\n3,"c"\n4,d\n',
        b'2,"open\n3,c\n4,d\n',
        b'2,"He said "hi\n to me"\n3,c\n',
        b'2,"two lines\nhe said "hi" there"\n3,c\n',
        b'2,"open',
        b'2,"a"b"',
    ],
)
def test_unclosed_quote_ends_the_file(file: Path, broken: bytes) -> None:
    """Where no end of a record is sure, the rows before it stay and nothing comes after it."""
    records = read_bytes(file, b"id,text\n1,a\n" + broken)
    assert good(records) == [("1", "a")]
    assert rejected(records) == [(2, "2", "unclosed_quote")]
    assert records.file_error == "unclosed_quote"
    assert records.file_error_params == {"file": str(file), "record": 2, "line": 3}


def test_id_after_the_broken_cell(file: Path) -> None:
    """A broken record whose id stands after the damage has no id."""
    records = read_bytes(file, b'text,id\n"open,1\n')
    assert rejected(records) == [(1, None, "unclosed_quote")]


def test_passes_are_the_same(file: Path) -> None:
    """Every pass reads the same, and tells its own error and warnings only."""
    records = read_bytes(file, b'id,text\n1,a,,\n2,b,\n3,"')
    assert list(records) == list(records)
    assert records.file_error == "unclosed_quote"
    assert [(w.code, w.params["record"], w.params["count"]) for w in records.warnings] == [
        ("trailing_empty_columns", 1, 2)
    ]
    next(iter(records))
    assert records.file_error is None


def test_pieces_of_long_lines(file: Path) -> None:
    """Cells longer than one reading piece come back whole, wherever the cuts fall."""
    for chars in range((1 << 16) - 12, (1 << 16) + 3):
        text = "x" * chars
        content = f'id,text\r\n1,{text}\r\n2,"{text}\r\n"""\r\n3,c\r\n'
        records = read_bytes(file, content.encode())
        assert good(records) == [("1", text), ("2", text + '\r\n"'), ("3", "c")]


def test_blank_lines_are_no_records(file: Path) -> None:
    """Empty lines are skipped and not counted, before the header too."""
    records = read_bytes(file, b"\n\r\nid,text\n\n1,a\n\r\n2\n")
    assert good(records) == [("1", "a")]
    assert rejected(records) == [(2, "2", "too_few_columns")]


def test_record_wider_than_its_header(file: Path) -> None:
    """Extra cells reject a record; extra empty cells only warn, quoted ones too."""
    records = read_bytes(file, b'id,text\n1,a,"",\n2,b,c\n"3","d",,"x"\n4,e\n')
    assert good(records) == [("1", "a"), ("4", "e")]
    assert list(records)[1] == Reject(2, "2", "too_many_columns", {"columns": 3, "expected": 2})
    assert list(records)[2] == Reject(3, "3", "too_many_columns", {"columns": 4, "expected": 2})


def test_ten_thousand_columns(file: Path) -> None:
    """A file with 10,000 columns is read, also when it is quoted."""
    names = ",".join(f"c{i}" for i in range(10_000))
    row = ",".join(["1"] * 10_000)
    quoted = ",".join(['"1"'] * 10_000)
    shape = InputShape(id="c0", text="c9999", keep=("c5000",))
    records = read_bytes(file, f"{names}\n{row}\n{quoted}\n".encode(), shape)
    assert list(records) == [Row(n, "1", "1", (("c5000", "1"),)) for n in (1, 2)]


@pytest.mark.parametrize("quote", ["", '"'])
def test_text_over_the_limit(file: Path, quote: str) -> None:
    """A text over the limit is rejected with its length, and its neighbours are good."""
    limit = csv.field_size_limit() * 2
    texts = ["a", "x" * limit, "y" * (limit + 1), "b"]
    lines = [f"{n},{quote}{text}{quote}" for n, text in enumerate(texts)]
    shape = InputShape(id="id", text="text", max_text_chars=limit)
    records = read_bytes(file, "\n".join(["id,text", *lines]).encode(), shape)
    assert [text for _, text in good(records)] == ["a", "x" * limit, "b"]
    reject = [r for r in records if isinstance(r, Reject)]
    assert reject == [Reject(3, "2", "text_too_long", {"chars": limit + 1, "limit": limit})]


def test_small_limit_is_for_the_text_alone(file: Path) -> None:
    """A limit on the text does not touch the ids and kept columns."""
    shape = InputShape(id="id", text="text", keep=("note",), max_text_chars=3)
    records = read_bytes(file, b"id,text,note\n1000,abc,long note\n2,abcd,x\n", shape)
    assert good(records) == [("1000", "abc")]
    assert rejected(records) == [(2, "2", "text_too_long")]


def test_id_of_a_megabyte(file: Path) -> None:
    """A huge id or kept cell rejects its record by the column's name."""
    shape = InputShape(id="id", text="text", max_text_chars=10)
    records = read_bytes(file, b"id,text\n" + b"7" * 1_000_000 + b",a\n2,b\n", shape)
    assert next(iter(records)) == Reject(
        1, None, "cell_too_long", {"column": "id", "chars": 1_000_000}
    )
    assert good(records) == [("2", "b")]


@pytest.mark.heavy
@pytest.mark.parametrize("content", [b"x", b"x" * 30 + b",\n", b'""' * 20 + b",\n"])
def test_memory_is_flat_over_a_huge_line(file: Path, content: bytes) -> None:
    """A cell of many megabytes, closed or not, takes a few megabytes of memory at most."""
    with file.open("wb") as out:
        out.write(b'id,text\n1,a\n2,"')
        for _ in range(10):
            out.write(content * (1_000_000 // len(content)))
    shape = InputShape(id="id", text="text", max_text_chars=100_000)
    tracemalloc.start()
    try:
        records = read_records(file, shape)
        assert len(list(records)) == 2
        assert tracemalloc.get_traced_memory()[1] < 6 * 2**20
    finally:
        tracemalloc.stop()


def test_early_stop_closes_the_file(file: Path) -> None:
    """A caller may stop reading at any record; warnings as errors catch an open file."""
    records = iter(read_bytes(file, b"id,text\n1,a\n2,b\n", PLAIN))
    assert next(records) == Row(1, "1", "a", ())
