"""Decides a text file's encoding from the whole file, strictly; a part of it misleads.

CP932 accepts many lines that are EUC-JP (as half-width kana) or UTF-8 (as rare kanji), so the
ladder is: a byte order mark; UTF-8; then, by what the lines that are not ASCII are, UTF-8 with
damaged lines, CP932, EUC-JP. A file none of them fits is refused rather than guessed.
"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from jobs.errors import SourceError
from jobs.source.content import find_fault, open_content
from jobs.source.opening import unreadable

MARK: Final = "\udcff"
"""Stands in decoded text for bytes that are not text in the file's encoding; no strict decoder
makes it."""
MARKING: Final = "sekisho_mark"
"""The error handler that puts MARK where bytes do not decode."""

CHUNK_BYTES: Final = 1 << 20
SAMPLE_BYTES: Final = 1 << 17
PIECE_BYTES: Final = 1 << 16
BYTE_ORDER_MARKS: Final = (  # UTF-32 first: its mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NO_FILE_ENCODINGS: Final = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape"})
# What Python's codec makes of the bytes 80, A0, FD, FE, FF, which Windows leaves unused.
UNUSED_IN_CP932: Final = re.compile("[\x80\uf8f0-\uf8f3]")
# As the WHATWG Encoding Standard: who says Shift_JIS means the Windows code page.
MEANT_BY: Final = {"shift_jis": "cp932"}
HALF_WIDTH_KANA: Final = re.compile("[\uff61-\uff9f]")
KANA: Final = re.compile("[\u3041-\u3096\u30a1-\u30f6]")
NOT_ASCII: Final = re.compile("[^\x00-\x7f]")
# One lone character in a Latin word, as in "caf\u99f8" for "cafe" with an accent.
LONE_IN_WORD: Final = re.compile(
    "(?<=[A-Za-z])[^\x00-\x7f](?![^\x00-\x7f])|(?<![^\x00-\x7f])[^\x00-\x7f](?=[A-Za-z])"
)


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return MARK, error.end


codecs.register_error(MARKING, _mark)


def choose_encoding(path: Path, named: str | None = None) -> str:
    """Return the codec to read the file with: the one named, else what the whole file says.

    Raises SourceError: unknown_encoding (no such codec), encoding_not_recognised, and what
    `open_content` raises.
    """
    if named is not None:
        return _known_codec(path, named)
    try:
        with open_content(path, softly=True) as opened:
            encoding = _by_first_bytes(opened.read(4096)) or _by_all_bytes(opened)
    except OSError as error:
        raise unreadable(path, error) from error
    if encoding is None:
        raise SourceError("encoding_not_recognised", file=str(path))
    return encoding


def _known_codec(path: Path, named: str) -> str:
    try:
        b"a".decode(named, "replace")  # refuses codecs that are not text, such as base64
        codecs.getincrementaldecoder(named)
        name = codecs.lookup(named).name
    except (LookupError, ValueError) as error:
        raise SourceError("unknown_encoding", file=str(path), encoding=named) from error
    if name in NO_FILE_ENCODINGS:
        raise SourceError("unknown_encoding", file=str(path), encoding=named)
    if name in ("utf-16", "utf-32"):
        _require_mark(path, name)
    return MEANT_BY.get(name, name)


def _require_mark(path: Path, name: str) -> None:
    """Without a byte order mark nobody knows which byte comes first; the codec would fail."""
    with open_content(path, softly=True) as opened:
        if _by_first_bytes(opened.read(4)) != name:
            raise SourceError("encoding_without_mark", file=str(path), encoding=name)


def _by_first_bytes(start: bytes) -> str | None:
    return next((name for mark, name in BYTE_ORDER_MARKS if start.startswith(mark)), None)


def _by_all_bytes(opened: BinaryIO) -> str | None:
    opened.seek(0)
    if 0 in opened.read(2):  # UTF-16 without its mark, or no text at all
        return None
    opened.seek(0)
    if _is_utf8(opened):
        return "utf-8"
    opened.seek(0)
    return _by_lines(opened)


def _is_utf8(opened: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := opened.read(CHUNK_BYTES):
            decoder.decode(chunk)
        decoder.decode(b"", final=find_fault(opened) is None)
    except UnicodeDecodeError:
        return False
    return True


@dataclass(slots=True)
class _Trial:
    """How the lines that are not ASCII fare in one encoding."""

    encoding: str
    decoder: codecs.IncrementalDecoder = field(init=False)
    bad_lines: int = 0

    def __post_init__(self) -> None:
        self.decoder = codecs.getincrementaldecoder(self.encoding)()

    def take(self, line: bytes) -> None:
        try:
            text = self.decoder.decode(line)
        except UnicodeDecodeError:
            self.decoder.reset()
            self.bad_lines += 1
        else:
            self.bad_lines += self.encoding == "cp932" and bool(UNUSED_IN_CP932.search(text))


def _by_lines(opened: BinaryIO) -> str | None:
    """Choose among UTF-8 with damage, CP932 and EUC-JP by every line that is not ASCII."""
    utf8, cp932, euc = trials = (_Trial("utf-8"), _Trial("cp932"), _Trial("euc_jp"))
    lines = 0
    foreign_lines = 0
    sample = bytearray()
    while line := opened.readline(PIECE_BYTES):
        lines += 1
        if line.isascii():
            continue
        foreign_lines += 1
        if len(sample) < SAMPLE_BYTES:
            sample += line
        for trial in trials:
            trial.take(line)
    if utf8.bad_lines * 2 <= foreign_lines:
        return "utf-8"
    strict = _japanese([trial for trial in (cp932, euc) if not trial.bad_lines], bytes(sample))
    damaged = [trial for trial in (cp932, euc) if trial.bad_lines * 10 <= foreign_lines]
    mostly_ascii = "utf-8" if utf8.bad_lines * 2 <= lines else None
    return strict or _japanese(damaged, bytes(sample)) or mostly_ascii


def _japanese(fitting: Sequence[_Trial], sample: bytes) -> str | None:
    """Return the encoding in which `sample` reads as Japanese; CP932 in doubt."""
    names = [trial.encoding for trial in fitting]
    texts = {name: sample.decode(name, "ignore") for name in names}
    names = [name for name in names if not _is_latin(texts[name])]
    if len(names) == 2 and _is_euc_read_as_cp932(texts["cp932"], texts["euc_jp"]):
        return "euc_jp"
    return names[0] if names else None


def _is_latin(text: str) -> bool:
    return len(LONE_IN_WORD.findall(text)) * 2 > len(NOT_ASCII.findall(text))


def _is_euc_read_as_cp932(as_cp932: str, as_euc: str) -> bool:
    """Tell a small EUC-JP file whose every line is half-width kana in CP932."""
    half_width = len(HALF_WIDTH_KANA.findall(as_cp932)) / max(1, len(NOT_ASCII.findall(as_cp932)))
    kana = len(KANA.findall(as_euc)) / max(1, len(NOT_ASCII.findall(as_euc)))
    return half_width > 0.5 and kana > 0.2
