"""JSON Lines: one object for each record, values as they stand in SQL, nothing escaped."""

import json
from collections.abc import Callable, Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any, BinaryIO, Final

from jobs.export.cells import show_time
from jobs.export.columns import Block, Column, Kind
from jobs.export.writer import Style
from jobs.source import SourceWarning

Cells = Sequence[Any]


def _texts(cells: Cells) -> Cells:
    return ["null" if cell is None else encode_basestring(cell) for cell in cells]


def _numbers(cells: Cells) -> Cells:
    return ["null" if cell is None else repr(cell) for cell in cells]


def _booleans(cells: Cells) -> Cells:
    return ["null" if cell is None else "true" if cell else "false" for cell in cells]


def _json(cells: Cells) -> Cells:
    return ["null" if cell is None else cell for cell in cells]


def _times(cells: Cells) -> Cells:
    return ["null" if cell is None else f'"{show_time(cell)}"' for cell in cells]


AS_JSON: Final[Mapping[Kind, Callable[[Cells], Cells]]] = {
    **dict.fromkeys(("text", "code", "cell", "amount", "date"), _texts),
    **dict.fromkeys(("integer", "number", "usd"), _numbers),
    "boolean": _booleans,
    "json": _json,
    "time": _times,
}


class JsonLinesWriter:
    """Writes one JSONL; see `Writer`."""

    warnings: Sequence[SourceWarning] = ()

    def __init__(self, columns: Sequence[Column], stream: BinaryIO) -> None:
        self._stream = stream
        self._show = [AS_JSON[column.kind] for column in columns]
        names = [json.dumps(column.name, ensure_ascii=False) for column in columns]
        members = [f"{name.replace('%', '%%')}: %s" for name in names]
        self._line = f"{{{', '.join(members)}}}\n"

    def write(self, block: Block) -> None:
        """Write some lines."""
        shown = [show(cells) for show, cells in zip(self._show, block.cells, strict=True)]
        line = self._line
        text = "".join([line % row for row in zip(*shown, strict=True)])
        self._stream.write(text.encode())

    def finish(self) -> None:
        """Nothing is left to do."""

    def close(self) -> None:
        """Nothing is held."""


def open_writer(style: Style, columns: Sequence[Column], stream: BinaryIO) -> JsonLinesWriter:
    """Begin a JSONL."""
    del style
    return JsonLinesWriter(columns, stream)
