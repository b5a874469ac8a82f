"""How results leave by the command line: columns, formats."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from jobs.errors import NotBuiltError, SettingError
from jobs.export import WRITERS, Format, write_file

RESULT_COLUMNS: Final = (
    "row_number", "source_id", "status", "label", "confidence", "suggested_output", "output",
    "tier", "model", "verdict", "reason_code", "reason", "cost_usd", "attributes",
)  # fmt: skip
REJECT_COLUMNS: Final = ("row_number", "source_id", "reason_code", "reason")
FORMATS: Final[Mapping[str, Format]] = {"csv": "csv", "jsonl": "jsonl"}
LATER: Final = ("parquet", "xlsx")


def choose_format(named: str | None, out: Path | None) -> Format:
    """Return the format asked for, else by the suffix of the file, else CSV."""
    wanted = named or (out.suffix.removeprefix(".").lower() if out is not None else "") or "csv"
    if wanted in LATER:
        raise NotBuiltError("format_not_built", format=wanted)
    if wanted not in FORMATS:
        raise SettingError("format_unknown", format=wanted, known=", ".join(FORMATS))
    return FORMATS[wanted]


def send(
    lines: Iterable[Mapping[str, Any]], columns: Iterable[str], kind: Format, out: Path | None
) -> None:
    """Write lines to a file as a whole, or to stdout as a stream."""
    if out is not None:
        write_file(lines, columns, out, kind)
        return
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    WRITERS[kind](lines, columns, sys.stdout)
