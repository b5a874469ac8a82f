"""A text of several columns: lines of names and values, in the order of the spec."""

from pathlib import Path

import pytest

from jobs.errors import SourceError
from jobs.source import InputShape
from tests.source.reading import good, read_bytes, rejected

SHAPE = InputShape(id="id", text=("Title", "body"), keep=("body",))


def test_columns_are_joined_as_asked(tmp_path: Path) -> None:
    """Each part stands after its name as decoded, whatever the order and case in the file."""
    content = b'body,id,title\n"two\nlines ",a,Hello\nx,b,y\n'
    records = read_bytes(tmp_path / "a.csv", content, SHAPE)
    assert good(records) == [("a", "Title: Hello\nbody: two\nlines "), ("b", "Title: y\nbody: x")]


def test_empty_parts_are_left_out(tmp_path: Path) -> None:
    """A part of white space is none; without any part the record is rejected."""
    content = "id,title,body\na, ,x\nb,y,\nc,\u3000, \n".encode()
    records = read_bytes(tmp_path / "a.csv", content, SHAPE)
    assert good(records) == [("a", "body: x"), ("b", "Title: y")]
    assert rejected(records) == [(3, "c", "empty_text")]


def test_one_column_in_a_list_is_named(tmp_path: Path) -> None:
    """A list of one column keeps the form of a list."""
    shape = InputShape(id="id", text=("body",))
    assert good(read_bytes(tmp_path / "a.csv", b"id,body\na,x\n", shape)) == [("a", "body: x")]


def test_the_limit_holds_for_the_whole_text(tmp_path: Path) -> None:
    """Parts that are short enough alone, and one that is too long itself, are rejected."""
    shape = InputShape(id="id", text=("title", "body"), max_text_chars=20)
    content = f"id,title,body\na,12345,12345\nb,x,{'y' * 21}\nc,x,y\n".encode()
    records = read_bytes(tmp_path / "a.csv", content, shape)
    assert good(records) == [("c", "title: x\nbody: y")]
    assert [code for _, _, code in rejected(records)] == ["text_too_long"] * 2


def test_every_column_must_be_there(tmp_path: Path) -> None:
    """A listed column that is not in the file is named before any record."""
    with pytest.raises(SourceError) as caught:
        read_bytes(tmp_path / "a.csv", b"id,title\na,x\n", SHAPE)
    assert (caught.value.code, caught.value.params["column"]) == ("column_missing", "body")
