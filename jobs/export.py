"""Results to files: CSV for spreadsheets, JSONL for programs; written aside, then renamed."""

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final, Literal

Format = Literal["csv", "jsonl"]
Line = Mapping[str, Any]
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"


def write_csv(lines: Iterable[Line], columns: Iterable[str], stream: IO[str]) -> int:
    """Write lines as CSV; return how many.

    Text cells that a spreadsheet would take for a formula get a leading apostrophe; what
    stands in SQL stays raw.
    """
    names = list(columns)
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(names)
    count = 0
    for line in lines:
        writer.writerow([_cell(line[name]) for name in names])
        count += 1
    return count


def write_jsonl(lines: Iterable[Line], columns: Iterable[str], stream: IO[str]) -> int:
    """Write lines as one JSON object each; return how many."""
    names = list(columns)
    count = 0
    for line in lines:
        record = {name: _plain(line[name]) for name in names}
        stream.write(json.dumps(record, ensure_ascii=False) + "\n")
        count += 1
    return count


WRITERS: Final[Mapping[Format, Callable[[Iterable[Line], Iterable[str], IO[str]], int]]] = {
    "csv": write_csv,
    "jsonl": write_jsonl,
}


def write_file(lines: Iterable[Line], columns: Iterable[str], path: Path, kind: Format) -> int:
    """Write a whole file or none: a temporary name first, renamed at the end.

    CSV begins with a byte order mark, since Excel takes the file for CP932 or CP1252 without.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as stream:  # noqa: PTH123 - a descriptor
            if kind == "csv":
                stream.write(BOM)
            count = WRITERS[kind](lines, columns, stream)
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return count


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return _escape(json.dumps(value, ensure_ascii=False))
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float | Decimal):
        return show_number(value)
    return _escape(str(value)) if isinstance(value, str) else str(value)


def show_number(value: float | Decimal) -> str:
    """Return a number as plain decimal digits: no exponent, no trailing zeros."""
    text = format(Decimal(repr(value)) if isinstance(value, float) else value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _escape(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
