"""Opens an input file and tells its format; refuses what is no file or not built yet."""

import stat
from pathlib import Path
from typing import BinaryIO, Final, Literal

from jobs.errors import NotBuiltError, SourceError

TextFormat = Literal["csv", "tsv"]
NOT_BUILT: Final = frozenset({"json", "jsonl", "gzip", "zip", "parquet", "xlsx", "xls"})
BY_SUFFIX: Final = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".gz": "gzip",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xls",
    ".zip": "zip",
}
BY_FIRST_BYTES: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
)


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises SourceError: file_missing, file_is_directory, not_a_regular_file, file_unreadable.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SourceError("file_is_directory", file=str(path))
        if not stat.S_ISREG(mode):  # opening a FIFO would wait for a writer
            raise SourceError("not_a_regular_file", file=str(path))
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceError("file_missing", file=str(path)) from error
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError | ValueError) -> SourceError:
    """Return the error for a file the system would not let us read."""
    reason = getattr(error, "strerror", None) or type(error).__name__
    return SourceError("file_unreadable", file=str(path), reason=reason)


def choose_format(path: Path, named: str | None) -> TextFormat:
    """Tell the format by the first bytes, else the name given, else the file's suffix.

    Raises SourceError (empty_file, unknown_format, and what `open_file` raises) and
    NotBuiltError (source_format_not_built).
    """
    with open_file(path) as opened:
        try:
            start = opened.read(8)
        except OSError as error:
            raise unreadable(path, error) from error
    if not start:
        raise SourceError("empty_file", file=str(path))
    found = named.strip().lower() if named else BY_SUFFIX.get(path.suffix.lower(), "csv")
    for first_bytes, format_name in BY_FIRST_BYTES:
        if start.startswith(first_bytes) and not (format_name == "zip" and found == "xlsx"):
            found = format_name
    if found in NOT_BUILT:
        raise NotBuiltError("source_format_not_built", format=found, file=str(path))
    if found == "csv":
        return "csv"
    if found == "tsv":
        return "tsv"
    raise SourceError("unknown_format", format=found, file=str(path))
