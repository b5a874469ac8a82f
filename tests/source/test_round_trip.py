"""What is written in any dialect is read back the same."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.source import InputShape, Row, read_records
from jobs.source.judge import is_empty

UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-32")
JAPANESE = ("cp932", "euc_jp")
SPECIAL = ",;\t|\"\r\n '\u2028\x85\x0b\x0c\u3000表ソ、。ｱ"


def survives(character: str, encoding: str) -> bool:
    try:
        return character.encode(encoding).decode(encoding) == character
    except UnicodeError:
        return False


def cells(encoding: str) -> st.SearchStrategy[str]:
    any_character = st.characters(exclude_characters="\0", codec="utf-8")
    alphabet = (st.sampled_from(SPECIAL) | any_character).filter(
        lambda character: survives(character, encoding)
    )
    return st.text(alphabet, max_size=12)


def written(cell: str, delimiter: str, always: bool) -> str:
    needed = always or any(mark in cell for mark in (delimiter, '"', "\r", "\n"))
    return '"' + cell.replace('"', '""') + '"' if needed else cell


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, InputShape, list[tuple[str, str, str]]]:
    """Return a file's bytes, the shape to read it with, and its (id, text, note) rows."""
    encoding = draw(st.sampled_from(UNICODE + JAPANESE))
    cell = cells(encoding)
    text = cell.filter(lambda value: not is_empty(value))
    rows = draw(st.lists(st.tuples(text, text, cell), max_size=6))
    delimiter = draw(st.sampled_from(",;\t|"))
    line_end = draw(st.sampled_from(("\n", "\r\n", "\r")))
    always = draw(st.booleans())
    lines = [
        delimiter.join(written(cell, delimiter, always) for cell in row)
        for row in [("id", "text", "note"), *rows]
    ]
    content = line_end.join(lines) + draw(st.sampled_from((line_end, "")))
    shape = InputShape(
        id="id",
        text="text",
        keep=("note",),
        encoding=encoding if encoding in JAPANESE or draw(st.booleans()) else None,
        delimiter=delimiter if draw(st.booleans()) else None,
    )
    return content.encode(encoding), shape, rows


@pytest.mark.heavy
@settings(max_examples=150, deadline=None)
@given(files())
def test_round_trip(case: tuple[bytes, InputShape, list[tuple[str, str, str]]]) -> None:
    """Rows written with any delimiter, quoting, line end, encoding and mark come back exactly."""
    content, shape, rows = case
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        path.write_bytes(content)
        records = read_records(path, shape)
        assert list(records) == [
            Row(number, source_id.strip(), text, (("note", note),))
            for number, (source_id, text, note) in enumerate(rows, 1)
        ]
        assert records.file_error is None
        assert records.warnings == ()


@pytest.mark.heavy
@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.sampled_from((b"\n", b"\r", b"\r\n")))
def test_any_bytes_are_read_or_rejected(noise: bytes, line_end: bytes) -> None:
    """Whatever bytes follow a header, every record is a row or a reject, numbered on."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        path.write_bytes(line_end.join((b"id,text", b"1,a", noise)))
        shape = InputShape(id="id", text="text", encoding="utf-8")
        records = list(read_records(path, shape))
        assert records[0] == Row(1, "1", "a", ())
        assert [record.record_number for record in records] == list(range(1, len(records) + 1))
        for record in records:
            if isinstance(record, Row):
                assert record.text.encode() in noise.replace(b'""', b'"') + b"a"
