"""What writes an export: one protocol, one maker for each format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, BinaryIO, Final, Literal, Protocol

from jobs.errors import SettingError
from jobs.export.columns import Block, Column
from jobs.export.encoding import Encoding
from jobs.source import SourceWarning

Format = Literal["csv", "jsonl", "parquet", "xlsx"]
FORMATS: Final[Mapping[str, Format]] = {
    "csv": "csv",
    "jsonl": "jsonl",
    "parquet": "parquet",
    "xlsx": "xlsx",
}
MODULES: Final[Mapping[Format, str]] = {
    "csv": "jobs.export.delimited",
    "jsonl": "jobs.export.json_lines",
    "parquet": "jobs.export.parquet",
    "xlsx": "jobs.export.excel",
}
EXTRAS: Final[Mapping[Format, str]] = {"parquet": "parquet", "xlsx": "excel"}
UNIQUE_NAMES: Final = frozenset({"jsonl", "parquet"})
"""Formats in which a column's name stands once."""
MOST_ROWS: Final[Mapping[Format, int]] = {"xlsx": 1_048_575}
"""Lines that a format can hold, below its header."""
BINARY: Final = frozenset({"parquet", "xlsx"})
"""Formats that nobody can read on a terminal."""


@dataclass(frozen=True, slots=True)
class Style:
    """How lines are written. Encoding and delimiter belong to CSV alone."""

    kind: Format
    encoding: Encoding = "utf-8-sig"
    delimiter: str = ","

    @property
    def needs_seeking(self) -> bool:
        """Whether the stream it is written to must be a file."""
        return self.kind in BINARY or (self.kind == "csv" and self.encoding == "cp932")


class Writer(Protocol):
    """Writes the lines of one export to a stream of bytes, block by block, memory flat."""

    @property
    def warnings(self) -> Sequence[SourceWarning]:
        """What is to be said of what was written, complete after `finish`."""

    def write(self, block: Block) -> None:
        """Write some lines. Raises SettingError for a cell that the format cannot hold."""

    def finish(self) -> None:
        """Complete the stream, which stays open."""

    def close(self) -> None:
        """Let go of everything but the stream; also after a failure."""


def make_writer(style: Style, columns: Sequence[Column], stream: BinaryIO) -> Writer:
    """Return a writer that has written the header.

    Raises SettingError (format_needs_extra) if the library of the format is not installed.
    """
    made: Writer = _load(style.kind).open_writer(style, columns, stream)
    return made


def require(kind: Format) -> None:
    """Raise SettingError (format_needs_extra) if the library of the format is not installed."""
    _load(kind)


def too_many_rows(kind: Format) -> SettingError:
    """Return the error for more lines than a format can hold."""
    return SettingError("export_too_many_rows", format=kind, limit=MOST_ROWS[kind])


def _load(kind: Format) -> Any:
    try:
        return import_module(MODULES[kind])
    except ModuleNotFoundError as error:
        raise SettingError("format_needs_extra", format=kind, extra=EXTRAS.get(kind)) from error
