"""Which format a file has, and what is refused by it."""

import gzip
import zipfile
from pathlib import Path

import pytest

from jobs.errors import NotBuiltError, SourceError, UsageError
from jobs.source import InputShape, read_records
from jobs.source.formats import choose_format
from tests.source.reading import PLAIN, good, read_bytes

GZIP_TWICE = gzip.compress(gzip.compress(b"id,text\n1,a\n", mtime=0), mtime=0)


def refusal(path: Path, content: bytes, shape: InputShape = PLAIN) -> UsageError:
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_records(path, shape)
    assert caught.value.params["file"] == str(path)
    return caught.value


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.csv", b"id,text\n", "csv"),
        ("a.TSV", b"id\ttext\n", "tsv"),
        ("a.json", b"[]", "json"),
        ("a.JSONL", b"{}", "jsonl"),
        ("a.ndjson.gz", gzip.compress(b"{}", mtime=0), "jsonl"),
        ("a.csv", gzip.compress(b"id,text", mtime=0), "csv"),
        ("a.parquet", b"PAR1", "parquet"),
        ("dump", b"PAR1", "parquet"),
        ("dump", b'\xef\xbb\xbf [{"a":1}]', "json"),
        ("dump", b'{"a":1}\n{"a":2}\n', "jsonl"),
        ("dump.txt", b'{\n "a": [1]}\n', "json"),
        ("dump", b'{"a": ' + b"1" * (1 << 17), "jsonl"),
        ("dump", b"id,text\n", "csv"),
        ("v1.2", b"id,text\n", "csv"),
    ],
)
def test_the_format_is_found(tmp_path: Path, name: str, content: bytes, found: str) -> None:
    """By the first bytes, else the suffix (before .gz), else by what the text looks like."""
    (tmp_path / name).write_bytes(content)
    assert choose_format(tmp_path / name, PLAIN) == found


def test_a_list_asked_for_means_json(tmp_path: Path) -> None:
    """Where a list of records is named, one line of JSON is no JSONL."""
    (tmp_path / "dump").write_bytes(b'{"a": [{"id": 1, "text": "x"}]}')
    shape = InputShape("id", "text", records="a")
    assert good(read_records(tmp_path / "dump", shape)) == [("1", "x")]


@pytest.mark.parametrize(
    ("name", "content", "format_name"),
    [
        ("a.csv", b"PK\x03\x04", "zip"),
        ("a.zip", b"id,text\n", "zip"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
        ("a.csv.bz2", b"BZh91AY&SY", "bzip2"),
        ("a.csv.xz", b"\xfd7zXZ\x00", "xz"),
        ("a.csv.zst", b"\x28\xb5\x2f\xfd", "zstd"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c", "7z"),
    ],
)
def test_archives_are_refused(tmp_path: Path, name: str, content: bytes, format_name: str) -> None:
    """Archives, old workbooks and other compressions are refused by name."""
    error = refusal(tmp_path / name, content)
    assert isinstance(error, NotBuiltError)
    assert (error.code, error.params["format"]) == ("source_format_not_built", format_name)


def test_an_archive_of_files_is_no_workbook(tmp_path: Path) -> None:
    """A zip file that holds a CSV file is not taken for a workbook."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", "id,text\n1,a\n")
    with pytest.raises(NotBuiltError):
        read_records(tmp_path / "a.zip", PLAIN)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.parquet", b"id,text\n", "parquet_broken"),
        ("a.xlsx", b"id,text\n", "xlsx_broken"),
        ("a.xlsx", b"PK\x03\x04 cut off", "xlsx_broken"),
        ("a.csv.gz", GZIP_TWICE, "gzip_nested"),
        ("a.parquet.gz", gzip.compress(b"PAR1", mtime=0), "gzip_not_text"),
        ("a.gz", gzip.compress(b"", mtime=0), "empty_file"),
        ("a.json", b"", "empty_file"),
    ],
)
def test_what_is_not_what_it_seems(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    """A file that its name lies about, or packed twice, is refused."""
    assert refusal(tmp_path / name, content).code == code


def test_named_format(tmp_path: Path) -> None:
    """The format the spec names goes before the suffix, but not against the first bytes."""
    named_csv = InputShape(id="id", text="text", format="csv")
    assert good(read_bytes(tmp_path / "rows.json", b"id,text\n1,a\n", named_csv)) == [("1", "a")]
    unknown = InputShape("id", "text", format="dbf")
    assert refusal(tmp_path / "a.csv", b"id,text\n", unknown).code == "unknown_format"
    assert refusal(tmp_path / "a.csv", b"PAR1", named_csv).code == "format_differs"


@pytest.mark.parametrize(
    ("name", "content", "shape", "option"),
    [
        ("a.csv", b"id,text\n", InputShape("id", "text", records="a"), "records"),
        ("a.csv", b"id,text\n", InputShape("id", "text", sheet="a"), "sheet"),
        ("a.jsonl", b"{}", InputShape("id", "text", delimiter=","), "delimiter"),
        ("a.jsonl", b"{}", InputShape("id", "text", records="a"), "records"),
        ("a.json", b"[]", InputShape("id", "text", header=False), "header"),
        ("a.json", b"[]", InputShape("id", "text", columns=("id",)), "columns"),
        ("a.parquet", b"PAR1", InputShape("id", "text", encoding="utf-8"), "encoding"),
    ],
)
def test_settings_a_format_does_not_use(
    tmp_path: Path, name: str, content: bytes, shape: InputShape, option: str
) -> None:
    """A setting that would be ignored is refused by name."""
    error = refusal(tmp_path / name, content, shape)
    assert isinstance(error, SourceError)
    assert (error.code, error.params["option"]) == ("option_unused", option)
