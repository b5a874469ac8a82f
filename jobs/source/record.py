"""What goes into the reader of input files and what comes out of it: frozen records."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, Protocol

Params = Mapping[str, object]
"""Names, numbers and limits that fill the words of a code; never content."""

TextFormat = Literal["csv", "tsv"]
DELIMITED: Final = ("csv", "tsv")
OPTION_FORMATS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "encoding": (*DELIMITED, "json", "jsonl"),
        "delimiter": DELIMITED,
        "header": DELIMITED,
        "columns": DELIMITED,
        "records": ("json",),
        "sheet": ("xlsx",),
    }
)
"""The settings of [input] that only some formats use, and which."""


def find_unused(options: Mapping[str, object], format_name: str) -> str | None:
    """Return the first of these settings that says something a format does not use."""
    for option, formats in OPTION_FORMATS.items():
        value = options[option]
        is_given = not value if option == "header" else bool(value)
        if is_given and format_name not in formats:
            return option
    return None


@dataclass(frozen=True, slots=True)
class InputShape:
    """How to read a file: a spec's [input]. What is None is decided from the file."""

    id: str | None
    """Column of the ids, or its dotted path; None: a record's number is its id."""
    text: str | tuple[str, ...]
    """The column of the text; several are joined as lines of "name: value"."""
    keep: tuple[str, ...] = ()
    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header: bool = True
    columns: tuple[str, ...] = ()
    """The names of the columns when the file has no header line."""
    max_text_chars: int = 1_000_000
    records: str | None = None
    """Dotted path of the list of records in a JSON file; None: the file is that list."""
    sheet: str | None = None
    """The sheet of a workbook; None: its first one."""

    @property
    def wanted(self) -> tuple[str, ...]:
        """The columns a row is made of, each once, in the order id, text, keep."""
        own = () if self.id is None else (self.id,)
        return tuple(dict.fromkeys((*own, *self.texts, *self.keep)))

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns the text is made of."""
        return (self.text,) if isinstance(self.text, str) else self.text


@dataclass(frozen=True, slots=True)
class Row:
    """A good record; `text` stands exactly as decoded, its parts too where it has several."""

    record_number: int
    """From 1; the header and blank lines are not counted."""
    source_id: str
    """The id without outer Unicode white space."""
    text: str
    attributes: tuple[tuple[str, str], ...]
    """The `keep` columns: (name as asked for, value as decoded)."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that could not be read as a row.

    The words of `reason_code` take `file`, `record` (the record number) and `params`; never
    content.
    """

    record_number: int
    source_id: str | None
    reason_code: str
    params: Params = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceWarning:
    """Something odd that cost no row; said once per code (and column), with a count."""

    code: str
    params: Params


class Records(Protocol):
    """The records of one file, in file order, the same on every pass.

    `file_error` and `warnings` belong to the latest pass and are complete once it has ended.
    With a `file_error` the records after it were not read: such a batch is never complete.
    """

    @property
    def encoding(self) -> str | None:
        """The codec the file is read with; None for formats without one."""

    @property
    def delimiter(self) -> str | None:
        """The character between cells; None for formats without one."""

    @property
    def file_error(self) -> str | None:
        """The code of what makes the file as a whole unsound."""

    @property
    def file_error_params(self) -> Params:
        """What fills the words of `file_error`, the file included."""

    @property
    def warnings(self) -> tuple[SourceWarning, ...]:
        """What was odd so far."""

    def __iter__(self) -> Iterator[Row | Reject]:
        """Read the file from its start."""
