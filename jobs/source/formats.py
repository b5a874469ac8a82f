"""Tells a file's format, and which settings of [input] that format uses."""

import json
import zipfile
from pathlib import Path
from typing import Final, Literal, cast

from jobs.errors import NotBuiltError, SourceError
from jobs.source.content import GZIP_MARK, find_fault, open_content
from jobs.source.opening import BrokenFile, open_file, unreadable
from jobs.source.record import OPTION_FORMATS, InputShape, find_unused

Format = Literal["csv", "tsv", "json", "jsonl", "parquet", "xlsx"]
FORMATS: Final = frozenset({"csv", "tsv", "json", "jsonl", "parquet", "xlsx"})
BY_SUFFIX: Final = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xls",
    ".zip": "zip",
}
BY_FIRST_BYTES: Final = (
    (GZIP_MARK, "gzip"),
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
    (b"BZh91AY&SY", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
)
SNIFFED_BYTES: Final = 1 << 16


def choose_format(path: Path, shape: InputShape) -> Format:
    """Tell the format by the first bytes, else the name given, the file's suffix, its content.

    Raises SourceError (empty_file, gzip_truncated, gzip_broken, gzip_nested, gzip_not_text,
    unknown_format, format_differs, parquet_broken, xlsx_broken, and what `open_file` raises) and
    NotBuiltError (source_format_not_built).
    """
    start, packed = _read_start(path)
    named = shape.format.strip().lower() if shape.format else None
    if named is not None and named not in FORMATS:
        raise SourceError("unknown_format", format=named, file=str(path))
    binary = next((name for mark, name in BY_FIRST_BYTES if start.startswith(mark)), None)
    if packed and binary == "gzip":
        raise SourceError("gzip_nested", file=str(path))
    if packed and binary:
        raise SourceError("gzip_not_text", file=str(path), format=binary)
    if binary == "zip" and _is_workbook(path):
        binary = "xlsx"
    if binary and binary not in FORMATS:
        raise NotBuiltError("source_format_not_built", format=binary, file=str(path))
    if binary and named not in (None, binary):
        raise SourceError("format_differs", file=str(path), format=binary, named=named)
    found = binary or named or _by_suffix(path) or _by_content(start, shape)
    if found not in FORMATS:
        raise NotBuiltError("source_format_not_built", format=found, file=str(path))
    if binary is None and found in ("parquet", "xlsx"):
        code = "parquet_broken" if found == "parquet" else "xlsx_broken"
        raise SourceError(code, file=str(path))
    return cast("Format", found)


def check_options(path: Path, shape: InputShape, found: Format) -> None:
    """Refuse a setting of [input] that this format does not use, rather than ignore it.

    Raises SourceError: option_unused.
    """
    options = {name: getattr(shape, name) for name in OPTION_FORMATS}
    if option := find_unused(options, found):
        raise SourceError("option_unused", file=str(path), option=option, format=found)


def _read_start(path: Path) -> tuple[bytes, bool]:
    """Return the first bytes of the content, and whether they were packed."""
    try:
        with open_file(path) as opened:
            start = opened.read(SNIFFED_BYTES)
        packed = start.startswith(GZIP_MARK)
        if packed:
            with open_content(path, softly=True) as unpacked:
                start = unpacked.read(SNIFFED_BYTES)
                if not start and (fault := find_fault(unpacked)):
                    raise BrokenFile(fault)
    except OSError as error:
        raise unreadable(path, error) from error
    if not start:
        raise SourceError("empty_file", file=str(path))
    return start, packed


def _is_workbook(path: Path) -> bool:
    try:
        with open_file(path) as opened, zipfile.ZipFile(opened) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (OSError, zipfile.BadZipFile, NotImplementedError):
        return path.suffix.lower() in (".xlsx", ".xlsm")  # a damaged one is said to be so


def _by_suffix(path: Path) -> str | None:
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes and suffixes[-1] in (".gz", ".gzip"):
        suffixes.pop()
    return BY_SUFFIX.get(suffixes[-1]) if suffixes else None


def _by_content(start: bytes, shape: InputShape) -> Format:
    """Tell JSON from lines of it and from delimited text, for names that say nothing."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if text.startswith(b"[") or (text.startswith(b"{") and shape.records):
        return "json"
    if not text.startswith(b"{"):
        return "csv"
    try:
        json.loads(text.split(b"\n", 1)[0])
    except (ValueError, RecursionError):
        return "json" if text[1:].lstrip(b" \t")[:1] in (b"\r", b"\n") else "jsonl"
    return "jsonl"
