"""How an export's text becomes bytes: UTF-8, or CP932 where CP932 has every character."""

import shutil
import tempfile
from collections.abc import Callable, Iterable
from typing import BinaryIO, Final, Literal, Protocol

from jobs.errors import SettingError
from jobs.source import SourceWarning
from jobs.source.encoding import UNUSED_IN_CP932

Encoding = Literal["utf-8", "utf-8-sig", "cp932"]
ENCODINGS: Final[dict[str, Encoding]] = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-8-sig": "utf-8-sig",
    "cp932": "cp932",
    "ms932": "cp932",
    "windows-31j": "cp932",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
}
BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()
ELSEWHERE: Final = str.maketrans(
    {
        "\N{WAVE DASH}": "\N{FULLWIDTH TILDE}",
        "\N{MINUS SIGN}": "\N{FULLWIDTH HYPHEN-MINUS}",
        "\N{DOUBLE VERTICAL LINE}": "\N{PARALLEL TO}",
        "\N{EM DASH}": "\N{HORIZONTAL BAR}",
        "\N{CENT SIGN}": "\N{FULLWIDTH CENT SIGN}",
        "\N{POUND SIGN}": "\N{FULLWIDTH POUND SIGN}",
        "\N{NOT SIGN}": "\N{FULLWIDTH NOT SIGN}",
        "\N{YEN SIGN}": "\N{FULLWIDTH YEN SIGN}",
    }
)
"""Characters that CP932 has under another code point: the same sign in JIS X 0208."""

Numbered = Callable[[], Iterable[tuple[int, str]]]
"""The records a piece of text stands for: number and text, for saying which do not fit."""


def choose_encoding(named: str) -> Encoding:
    """Return the encoding of that name; raises SettingError (export_encoding_unknown)."""
    found = ENCODINGS.get(named.strip().lower())
    if found is None:
        raise SettingError("export_encoding_unknown", encoding=named)
    return found


def encode_cp932(text: str) -> bytes | None:
    """Return text in CP932, characters it has elsewhere mapped; None where it lacks one.

    Python's codec writes a few bytes that Windows leaves unused: those are lacking, too.
    """
    try:
        encoded = text.translate(ELSEWHERE).encode("cp932")
    except UnicodeEncodeError:
        return None
    return None if UNUSED_IN_CP932.search(text) else encoded


class TextOut(Protocol):
    """Takes an export's text piece by piece."""

    @property
    def warnings(self) -> tuple[SourceWarning, ...]:
        """What is to be said of the encoding, complete after `finish`."""

    def write(self, text: str, records: Numbered) -> None:
        """Write whole lines."""

    def finish(self) -> None:
        """Complete the stream."""

    def close(self) -> None:
        """Let go of what was needed; also after a failure."""


class Utf8Out:
    """UTF-8, with a byte order mark if Excel is to know it for that."""

    warnings: tuple[SourceWarning, ...] = ()

    def __init__(self, stream: BinaryIO, *, mark: bool) -> None:
        self._stream = stream
        if mark:
            stream.write(BOM)

    def write(self, text: str, records: Numbered) -> None:
        """Write whole lines."""
        del records
        self._stream.write(text.encode())

    def finish(self) -> None:
        """Nothing is left to do."""

    def close(self) -> None:
        """Nothing is held."""


class Cp932Out:
    """CP932; the whole stream becomes UTF-8 with a mark if one character does not fit.

    Both are written side by side, UTF-8 into a file of its own that goes away: the lines are
    read once, as one snapshot. The stream must be seekable.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._whole = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._whole.write(BOM)
        self._count = 0
        self._first = 0

    @property
    def warnings(self) -> tuple[SourceWarning, ...]:
        """How many records CP932 cannot hold, and the first of them; 0 is the header."""
        if not self._count:
            return ()
        told = {"count": self._count, "record": self._first}
        return (SourceWarning("export_not_cp932", told),)

    def write(self, text: str, records: Numbered) -> None:
        """Write whole lines."""
        self._whole.write(text.encode())
        encoded = encode_cp932(text)
        if encoded is None:
            lacking = [number for number, part in records() if encode_cp932(part) is None]
            self._first = self._first if self._count else lacking[0]
            self._count += len(lacking)
        elif not self._count:
            self._stream.write(encoded)

    def finish(self) -> None:
        """Put UTF-8 in the place of CP932 if that is needed."""
        if self._count:
            self._stream.seek(0)
            self._stream.truncate()
            self._whole.seek(0)
            shutil.copyfileobj(self._whole, self._stream)

    def close(self) -> None:
        """Remove the file at the side."""
        self._whole.close()
