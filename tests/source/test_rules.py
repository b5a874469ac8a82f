"""What a record must be to become a row."""

from pathlib import Path

import pytest

from jobs.source import InputShape, Reject, Row
from tests.source.reading import good, read_bytes, rejected


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


@pytest.mark.parametrize("text", ["", " ", "\t", "\u3000", "\xa0", "\u200b", " \u200b ", "\u2028"])
def test_empty_text(file: Path, text: str) -> None:
    """A text of Unicode white space and U+200B alone is empty."""
    records = read_bytes(file, f"id,text\n1,{text}\n2,b\n".encode())
    assert rejected(records) == [(1, "1", "empty_text")]
    assert good(records) == [("2", "b")]


@pytest.mark.parametrize("text", ["NULL", "N/A", "nan", "None", "-", "0", "なし", "\ufeff", "=1+1"])
def test_words_that_are_text(file: Path, text: str) -> None:
    """Words other tools take for missing values or formulas are texts."""
    assert good(read_bytes(file, f"id,text\n1,{text}\n".encode())) == [("1", text)]


def test_text_is_exact_and_ids_are_stripped(file: Path) -> None:
    """Text is neither trimmed nor normalised; an id loses its outer white space only."""
    records = read_bytes(file, "id,text\n\u3000 00 12\xa0, ｱか\u3099\u2028\x85 \n".encode())
    assert good(records) == [("00 12", " ｱか\u3099\u2028\x85 ")]


def test_missing_id(file: Path) -> None:
    """A record without an id is rejected, before its text is looked at."""
    records = read_bytes(file, "id,text\n ,a\n\u200b,\n3,c\n".encode())
    assert rejected(records) == [(1, None, "missing_id"), (2, None, "missing_id")]


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_an_id_too_long_for_an_index(tmp_path: Path, name: str) -> None:
    """It costs its record alone: PostgreSQL would refuse it with all rows of its step."""
    ids = ["a" * 2_000, "b" * 2_001, "あ" * 666, "あ" * 667, "c"]
    lines = [f'{{"id": "{one}", "text": "t"}}' if "json" in name else f"{one},t" for one in ids]
    content = "\n".join([*([] if "json" in name else ["id,text"]), *lines, ""])
    records = read_bytes(tmp_path / name, content.encode())
    assert [source_id for source_id, _ in good(records)] == [ids[0], ids[2], "c"]
    assert rejected(records) == [(2, None, "cell_too_long"), (4, None, "cell_too_long")]
    params = [r.params for r in records if isinstance(r, Reject)]
    assert [(p["column"], p["chars"]) for p in params] == [("id", 2_001), ("id", 667)]


def test_record_number_as_id(file: Path) -> None:
    """Without an id column the record number is the id, rejected records counted."""
    shape = InputShape(id=None, text="text")
    records = read_bytes(file, b"text\na\n \nc\n", shape)
    assert good(records) == [("1", "a"), ("3", "c")]
    assert rejected(records) == [(2, "2", "empty_text")]


def test_kept_columns(file: Path) -> None:
    """Kept columns come under the names asked for, in that order, as decoded."""
    shape = InputShape(id="ID", text="text", keep=("Store", "id"))
    records = read_bytes(file, b" id ,STORE,text\n 7 , x ,a\n", shape)
    assert list(records) == [Row(1, "7", "a", (("Store", " x "), ("id", " 7 ")))]


def test_nul_byte_anywhere_in_a_record(file: Path) -> None:
    """A NUL byte rejects its record, whichever cell holds it, and no other."""
    records = read_bytes(file, b'id,text,x\n1,a\0,x\n2,b,"\0"\n3\0,c,x\n4,d,x\n')
    assert good(records) == [("4", "d")]
    assert rejected(records) == [(1, "1", "nul_byte"), (2, "2", "nul_byte"), (3, None, "nul_byte")]


def test_duplicate_ids_are_all_read(file: Path) -> None:
    """The reader yields every record; duplicates are found where all ids are known."""
    assert len(good(read_bytes(file, b"id,text\n1,a\n1,a\n1,b\n"))) == 3
