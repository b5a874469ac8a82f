"""Judges one record against the rules of every row: it becomes a row or a reject, never both."""

from collections.abc import Mapping, Sequence
from typing import Final

from jobs.source.encoding import MARK
from jobs.source.record import InputShape, Params, Reject, Row
from jobs.source.split import RawRecord, plain_record

ZERO_WIDTH_SPACE: Final = "\u200b"
ID_BYTES: Final = 2_000
"""How long an id may be in UTF-8: PostgreSQL refuses more than about 2,700 in an index."""
SHORT_ID_CHARS: Final = ID_BYTES // 4
"""An id of so many characters is never too long."""


def is_empty(text: str) -> bool:
    """Tell whether nothing is left without Unicode white space and U+200B."""
    stripped = text.strip()
    return not stripped or (
        stripped[0] == ZERO_WIDTH_SPACE and not stripped.replace(ZERO_WIDTH_SPACE, "").strip()
    )


def is_long_id(source_id: str) -> bool:
    """Tell an id that the index over a batch's ids could not take; its characters are text."""
    return len(source_id) > SHORT_ID_CHARS and len(source_id.encode()) > ID_BYTES


class Judge:
    """The rules for the records of one file."""

    def __init__(self, shape: InputShape, columns: Mapping[str, int], width: int) -> None:
        """`columns` holds the index of each wanted column, `width` how many a record has."""
        self._width = width
        self._id = None if shape.id is None else columns[shape.id]
        self._id_name = shape.id
        self._texts = tuple((name, columns[name]) for name in shape.texts)
        self._is_joined = not isinstance(shape.text, str)
        self._keep = tuple((name, columns[name]) for name in shape.keep)
        self._names = {column: name for name, column in columns.items()}
        self._max_text_chars = shape.max_text_chars

    def pick_rows(self, first: int, records: Sequence[list[str]]) -> list[Row | RawRecord]:
        """Return the plain records that are rows at the first look; `judge` judges the others.

        `first` is the number of the first of them.
        """
        width, id_at, keep = self._width, self._id, self._keep
        text_at = None if self._is_joined else self._texts[0][1]
        found: list[Row | RawRecord] = []
        for number, cells in enumerate(records, first):
            if len(cells) == width:
                source_id = str(number) if id_at is None else cells[id_at].strip()
                text = self._join(cells) if text_at is None else cells[text_at]
                start = text.strip()[:1]
                if (
                    source_id
                    and start
                    and len(source_id) <= SHORT_ID_CHARS
                    and source_id[0] != ZERO_WIDTH_SPACE != start
                    and len(text) <= self._max_text_chars
                ):
                    kept = tuple([(name, cells[at]) for name, at in keep])
                    found.append(Row(number, source_id, text, kept))
                    continue
            found.append(plain_record(cells))
        return found

    def judge(self, number: int, record: RawRecord) -> Row | Reject:
        """Return the row, or the reject with the first reason that holds."""
        if record.flaw or record.width != self._width or record.long_chars:
            flaw = self._form_flaw(record)
            if flaw:
                return Reject(number, self._readable_id(number, record), *flaw)
        cells = record.cells
        source_id = str(number) if self._id is None else cells[self._id].strip()
        if not source_id or is_empty(source_id):
            return Reject(number, None, "missing_id")
        if is_long_id(source_id):
            params = {"column": self._id_name, "chars": len(source_id)}
            return Reject(number, None, "cell_too_long", params)
        text = self._join(cells) if self._is_joined else cells[self._texts[0][1]]
        if len(text) > self._max_text_chars:
            return Reject(number, source_id, "text_too_long", self._too_long(len(text)))
        if is_empty(text):
            return Reject(number, source_id, "empty_text")
        return Row(number, source_id, text, tuple([(name, cells[at]) for name, at in self._keep]))

    def _join(self, cells: Sequence[str]) -> str:
        """Return the parts that are not empty, each on lines of its own after its name."""
        parts = ((name, cells[at]) for name, at in self._texts)
        return "\n".join(f"{name}: {part}" for name, part in parts if not is_empty(part))

    def _form_flaw(self, record: RawRecord) -> tuple[str, Params] | None:
        """Return why the record is damaged, too narrow, too wide, or has a cell too long."""
        if record.flaw in ("unclosed_quote", "stray_quote"):
            return record.flaw, {"line": record.line}
        if record.flaw == "decode_error":
            return record.flaw, {}
        if record.width < self._width or record.filled > self._width:
            narrow = record.width < self._width
            code = "too_few_columns" if narrow else "too_many_columns"
            return code, {"columns": record.width, "expected": self._width}
        if record.flaw:
            return record.flaw, {}
        return self._long_cell(record.long_chars)

    def _long_cell(self, long_chars: Mapping[int, int]) -> tuple[str, Params] | None:
        for _, place in self._texts:
            if place in long_chars:
                return "text_too_long", self._too_long(long_chars[place])
        for column, chars in long_chars.items():
            return "cell_too_long", {"column": self._names[column], "chars": chars}
        return None

    def _too_long(self, chars: int) -> Params:
        return {"chars": chars, "limit": self._max_text_chars}

    def _readable_id(self, number: int, record: RawRecord) -> str | None:
        """Return a damaged record's id, if that cell itself is whole."""
        if self._id is None:
            return str(number)
        if self._id >= len(record.cells):
            return None
        source_id = record.cells[self._id].strip()
        return source_id if source_id and MARK not in source_id and "\0" not in source_id else None
