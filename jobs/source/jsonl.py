"""Reads JSONL: one JSON object a line. Only LF ends a line; `record` is the physical line."""

from collections.abc import Iterator
from typing import Final, NamedTuple, TextIO

from jobs.source.content import open_text
from jobs.source.encoding import MARKING
from jobs.source.json_file import JsonFile
from jobs.source.record import Reject, Row
from jobs.source.split import PIECE_CHARS

WHITE_SPACE: Final = " \t\r\n"
"""What JSON has for white space; other characters are content."""


class Line(NamedTuple):
    """A physical line with its end."""

    text: str
    """The line, or its beginning where it is too long."""
    chars: int


class JsonLines(JsonFile):
    """The records of one JSONL file; blank lines are none."""

    def _read(self) -> Iterator[Row | Reject]:
        self._judge.start_pass()
        with open_text(self._path, self._encoding, MARKING, newline="\n") as text:
            for number, line in enumerate(read_lines(text, self._judge.max_chars), 1):
                if line.text.strip(WHITE_SPACE) or line.chars > self._judge.max_chars:
                    yield self._judge.judge(number, line.text, line.chars, {"line": number})


def read_lines(text: TextIO, max_chars: int) -> Iterator[Line]:
    """Yield the lines of `text`, opened with newline="\\n"; of a long one its first characters."""
    piece = text.readline(PIECE_CHARS).removeprefix("\ufeff")
    while piece:
        if piece[-1] == "\n":
            yield Line(piece, len(piece))
        else:
            yield _assemble(text, piece, max_chars)
        piece = text.readline(PIECE_CHARS)


def _assemble(text: TextIO, piece: str, max_chars: int) -> Line:
    parts = [piece]
    chars = len(piece)
    while piece and piece[-1] != "\n":
        piece = text.readline(PIECE_CHARS)
        chars += len(piece)
        if chars <= max_chars:
            parts.append(piece)
    return Line("".join(parts), chars)
