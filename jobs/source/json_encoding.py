"""Decides the encoding of JSON: UTF-8 by its standard, unless the file is plainly something else.

The ladder of `encoding` weighs lines, and JSON may be one line: there a single damaged byte would
make all of it look foreign.
"""

import codecs
from pathlib import Path

from jobs.errors import SourceError
from jobs.source.content import open_content
from jobs.source.encoding import BYTE_ORDER_MARKS, CHUNK_BYTES, MARK, MARKING, choose_encoding
from jobs.source.opening import unreadable


def choose_json_encoding(path: Path, named: str | None = None) -> str:
    """Return the codec to read a JSON or JSONL file with.

    The one named; that of a byte order mark; UTF-8 where it is that or damaged UTF-8; else what
    `choose_encoding` finds, and UTF-8 if that is nothing. Raises SourceError as that does.
    """
    if named is not None or _is_marked(path):
        return choose_encoding(path, named)
    damaged, sound = _count_foreign(path)
    if damaged <= sound:
        return "utf-8"
    try:
        return choose_encoding(path)
    except SourceError as error:
        if error.code != "encoding_not_recognised":
            raise
        return "utf-8"


def _is_marked(path: Path) -> bool:
    """Tell a byte order mark, and UTF-16 without one, which is refused."""
    try:
        with open_content(path, softly=True) as opened:
            start = opened.read(4)
    except OSError as error:
        raise unreadable(path, error) from error
    return 0 in start[:2] or any(start.startswith(mark) for mark, _ in BYTE_ORDER_MARKS)


def _count_foreign(path: Path) -> tuple[int, int]:
    """Return how many places are no UTF-8, and how many characters beyond ASCII are."""
    decoder = codecs.getincrementaldecoder("utf-8")(MARKING)
    damaged = foreign = 0
    try:
        with open_content(path, softly=True) as opened:
            while chunk := opened.read(CHUNK_BYTES):
                text = decoder.decode(chunk)
                if not text.isascii():
                    damaged += text.count(MARK)
                    foreign += len(text) - len(text.encode("ascii", "ignore"))
    except OSError as error:
        raise unreadable(path, error) from error
    return damaged, foreign - damaged
