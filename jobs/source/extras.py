"""Reaches the readers that need an optional package, and says how to get it where it is missing."""

from pathlib import Path

from jobs.errors import SourceError
from jobs.source.reading import FileRecords
from jobs.source.record import InputShape

Sample = tuple[tuple[str, ...], list[list[str]]]
"""The names of a file's columns, and the cells of its first records."""


def open_parquet(path: Path, shape: InputShape) -> FileRecords:
    """Open a Parquet file; raises SourceError: extra_missing, and as `ParquetRecords`."""
    try:
        from jobs.source.parquet import ParquetRecords  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise _missing(path, "parquet", error) from error
    return ParquetRecords(path, shape)


def open_workbook(path: Path, shape: InputShape) -> FileRecords:
    """Open a sheet of a workbook; raises SourceError: extra_missing, and as `SheetRecords`."""
    try:
        from jobs.source.xlsx import SheetRecords  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise _missing(path, "excel", error) from error
    return SheetRecords(path, shape)


def sample_parquet(path: Path, max_records: int) -> Sample:
    """Return the beginning of a Parquet file."""
    try:
        from jobs.source.parquet import look_at_parquet  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise _missing(path, "parquet", error) from error
    return look_at_parquet(path, max_records)


def sample_workbook(path: Path, max_records: int) -> Sample:
    """Return the beginning of a workbook's first sheet."""
    try:
        from jobs.source.xlsx import look_at_sheet  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise _missing(path, "excel", error) from error
    return look_at_sheet(path, max_records)


def _missing(path: Path, extra: str, error: ModuleNotFoundError) -> SourceError:
    return SourceError("extra_missing", file=str(path), extra=extra, package=error.name)
