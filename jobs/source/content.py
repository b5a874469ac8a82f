"""The bytes and the text of an input file: gzip is unpacked on the way, memory flat.

A gzip file may have many members, one after the other. One that was cut off, or whose checksum
is wrong, gives what could be unpacked and then BrokenFile; opened `softly` it just ends there,
for those who only look at the file to decide how it is read.
"""

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO

from jobs.source.opening import BrokenFile, open_file

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GZIP_MARK: Final = b"\x1f\x8b"
PACKED_BYTES: Final = 1 << 16
UNPACKED_BYTES: Final = 1 << 17
GZIP_WINDOW: Final = 31  # zlib's number for: a gzip header, any window


class GzipBytes(io.RawIOBase):
    """What a gzip file holds. `fault`: why it ended before it should, a file_error."""

    def __init__(self, packed: BinaryIO, *, softly: bool) -> None:
        """Take over `packed`, which is closed with this."""
        self._packed = packed
        self._softly = softly
        self._begin()

    def _begin(self) -> None:
        self._packed.seek(0)
        self._waiting = b""
        self._given_bytes = 0
        self.fault: str | None = None
        self._member = zlib.decompressobj(GZIP_WINDOW)
        self._between_members = False

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read again from its start."""
        return True

    def tell(self) -> int:
        """Return how many bytes were given."""
        return self._given_bytes

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go back to the start, the only place there is a way to."""
        if offset or whence != io.SEEK_SET:
            raise io.UnsupportedOperation("seek")
        self._begin()
        return 0

    def close(self) -> None:
        """Close the packed file too."""
        self._packed.close()
        super().close()

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Unpack the next bytes; 0 at the end. Raises BrokenFile after the last good ones."""
        view = memoryview(buffer).cast("B")
        found = self._unpack(min(len(view), UNPACKED_BYTES)) if len(view) else b""
        view[: len(found)] = found
        self._given_bytes += len(found)
        return len(found)

    def _unpack(self, most: int) -> bytes:
        while self.fault is None:
            packed = self._waiting or self._packed.read(PACKED_BYTES)
            self._waiting = b""
            if self._between_members:
                packed = packed.lstrip(b"\0")  # gzip pads with zeros, on tapes and elsewhere
                if not packed:
                    if self._is_at_end():
                        return b""
                    continue
                self._member = zlib.decompressobj(GZIP_WINDOW)
                self._between_members = False
            try:
                found = self._member.decompress(packed, most)  # zlib may still hold some
            except zlib.error:
                self.fault = "gzip_broken"
                break
            self._between_members = self._member.eof
            self._waiting = self._member.unused_data or self._member.unconsumed_tail
            if found:
                return found
            if not packed and not self._between_members:
                self.fault = "gzip_truncated"
        if self._softly:
            return b""
        raise BrokenFile(self.fault)

    def _is_at_end(self) -> bool:
        self._waiting = self._packed.read(PACKED_BYTES)
        return not self._waiting


def open_content(path: Path, *, softly: bool = False) -> BinaryIO:
    """Open a file for its content; raises SourceError as `open_file` does."""
    opened = open_file(path)
    try:
        start = opened.read(len(GZIP_MARK))
        opened.seek(0)
    except OSError:
        opened.close()
        raise
    if start != GZIP_MARK:
        return opened
    return io.BufferedReader(GzipBytes(opened, softly=softly), UNPACKED_BYTES)


def find_fault(opened: BinaryIO) -> str | None:
    """Return why content that was opened softly ended before it should: a file_error."""
    raw = getattr(opened, "raw", None)
    return raw.fault if isinstance(raw, GzipBytes) else None


@contextmanager
def open_text(
    path: Path, encoding: str, errors: str, *, newline: str = "", softly: bool = False
) -> Iterator[TextIO]:
    """Open a file for its text; `newline` as `io.TextIOWrapper` has it."""
    with (
        open_content(path, softly=softly) as opened,
        io.TextIOWrapper(opened, encoding, errors=errors, newline=newline) as text,
    ):
        yield text
