"""Reads the rows of an input file, and says of every other record why it is none.

A format is one file here: `delimited` reads CSV and TSV. All of them give `Records` and judge
a record by the same rules.
"""

from pathlib import Path

from jobs.source.delimited import DelimitedRecords
from jobs.source.opening import choose_format
from jobs.source.record import InputShape, Params, Records, Reject, Row, SourceWarning

__all__ = [
    "InputShape",
    "Params",
    "Records",
    "Reject",
    "Row",
    "SourceWarning",
    "read_records",
]


def read_records(path: Path, shape: InputShape) -> Records:
    """Open a file of rows; iterate the answer for its rows and rejects.

    Reading is the same on every pass, so a caller can go on after record N by skipping N.
    Raises SourceError (the file as a whole cannot be read) and NotBuiltError
    (source_format_not_built), both before any record.
    """
    return DelimitedRecords(path, shape, choose_format(path, shape.format))
