"""Reads the rows of an input file, and says of every other record why it is none.

A format is one file here: `delimited` (CSV and TSV), `json_array`, `jsonl`, `parquet`, `xlsx`.
All of them give `Records` and judge a record by the same rules; the text formats may be gzip'd.
"""

from pathlib import Path

from jobs.source.delimited import DelimitedRecords
from jobs.source.extras import open_parquet, open_workbook
from jobs.source.formats import check_options, choose_format
from jobs.source.json_array import JsonArray
from jobs.source.jsonl import JsonLines
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
    found = choose_format(path, shape)
    check_options(path, shape, found)
    if found == "csv" or found == "tsv":  # noqa: PLR1714 - mypy narrows by it
        return DelimitedRecords(path, shape, found)
    if found == "json":
        return JsonArray(path, shape)
    if found == "jsonl":
        return JsonLines(path, shape)
    return open_parquet(path, shape) if found == "parquet" else open_workbook(path, shape)
