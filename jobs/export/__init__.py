"""Results to files: CSV and XLSX for spreadsheets, JSONL and Parquet for programs.

Lines come from the views in blocks, column by column; one writer for each format turns them
into bytes. A file is written aside, then renamed.
"""

from jobs.export.batch import Export, Wish
from jobs.export.cells import show_number
from jobs.export.columns import REJECT_COLUMNS, RESULT_COLUMNS, Block, Column
from jobs.export.encoding import choose_encoding
from jobs.export.writer import BINARY, FORMATS, Format, Style, Writer, make_writer, require

__all__ = [
    "BINARY",
    "FORMATS",
    "REJECT_COLUMNS",
    "RESULT_COLUMNS",
    "Block",
    "Column",
    "Export",
    "Format",
    "Style",
    "Wish",
    "Writer",
    "choose_encoding",
    "make_writer",
    "require",
    "show_number",
]
