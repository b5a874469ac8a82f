"""A cheap look at a GGUF file, so that a damaged one is named before llama.cpp meets it.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import hashlib
import math
import mmap
import os
import re
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from jobs.errors import ModelError

VERSIONS: Final = (2, 3)
MAX_COUNT: Final = 1 << 24  # no model has more tensors, keys or array items; damaged files claim so
FIRST_PART: Final = re.compile(r"(?P<stem>.+)-00001-of-(?P<count>\d{5})\.gguf")
STRING: Final = 8
ARRAY: Final = 9
SCALAR_BYTES: Final[Mapping[int, int]] = {
    0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8,
}  # fmt: skip
# ggml type -> (weights in a block, bytes of a block); a type not named here counts as no bytes
BLOCKS: Final[Mapping[int, tuple[int, int]]] = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4),
    27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66),
    39: (32, 17),
}  # fmt: skip
TYPES: Final[Mapping[int, str]] = {
    0: "f32", 1: "f16", 2: "q4_0", 3: "q4_1", 6: "q5_0", 7: "q5_1", 8: "q8_0", 9: "q8_1",
    10: "q2_k", 11: "q3_k", 12: "q4_k", 13: "q5_k", 14: "q6_k", 15: "q8_k", 16: "iq2_xxs",
    17: "iq2_xs", 18: "iq3_xxs", 19: "iq1_s", 20: "iq4_nl", 21: "iq3_s", 22: "iq2_s",
    23: "iq4_xs", 29: "iq1_m", 30: "bf16", 34: "tq1_0", 35: "tq2_0", 39: "mxfp4",
}  # fmt: skip
BITS: Final[Mapping[str, float]] = {
    name: 8 * BLOCKS[kind][1] / BLOCKS[kind][0] for kind, name in TYPES.items()
}
"""Bits a weight takes in a type, its block's scales included."""


def check_gguf(path: Path) -> None:
    """Raise `ModelError` (`model_missing`, `model_not_gguf`, `model_truncated`) or return.

    Reads the header and the tensor table, not the weights: milliseconds for any file size.
    """
    count_weights(path)


def count_weights(path: Path) -> Mapping[str, int]:
    """Return how many weights of the file's matrices have which type; raises as `check_gguf`.

    A type this version does not know is named by its number.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise ModelError("model_missing", path=path) from error
    with file:
        if file.read(4) != b"GGUF":
            raise ModelError("model_not_gguf", path=path)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            reader = _Reader(content)
            try:
                end = reader.data_end()
            except (struct.error, EOFError) as error:
                raise ModelError("model_truncated", path=path) from error
            except ValueError as error:
                raise ModelError("model_not_gguf", path=path) from error
            if end > len(content):
                raise ModelError("model_truncated", path=path)
    return reader.matrix_weights


def hash_file(path: Path) -> str:
    """Return the sha256 of the file's bytes in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def list_parts(path: Path) -> list[Path]:
    """Return the files that llama.cpp reads for a model: this one and, if it is the first of
    several, the others that are there."""
    found = FIRST_PART.fullmatch(path.name)
    count = int(found["count"]) if found else 1
    stem = found["stem"] if found else ""
    others = (path.with_name(f"{stem}-{n:05}-of-{count:05}.gguf") for n in range(2, count + 1))
    return [path, *(other for other in others if other.is_file())]


def hash_model(path: Path) -> str:
    """Return the sha256 in hex of a model's file; of several parts that of all their hashes.

    The first part may hold no weights at all, and be that of another model, too.
    """
    hashes = [hash_file(part) for part in list_parts(path)]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


class MappedFiles:
    """Files whose bytes are read from memory: whoever writes into one changes what is read.

    A file that another one is put in the place of stays what it was.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._files = [path.open("rb") for path in paths]
        self._marks = self._take_marks()

    def are_untouched(self) -> bool:
        """Tell whether nobody wrote into them; takes microseconds."""
        return self._take_marks() == self._marks

    def close(self) -> None:
        """Look at them no more."""
        for file in self._files:
            file.close()

    def _take_marks(self) -> list[tuple[int, int]]:
        marks = [os.fstat(file.fileno()) for file in self._files]
        return [(mark.st_size, mark.st_mtime_ns) for mark in marks]


class _Reader:
    """Walks a little-endian GGUF from its first byte; never trusts a length it read."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self._at = 4
        self._alignment = 32
        self.matrix_weights: Counter[str] = Counter()

    def data_end(self) -> int:
        """Return the smallest size the file must have to hold its own tensors, in bytes."""
        if self._read("<I") not in VERSIONS:
            raise ValueError
        tensors, keys = self._read_count(), self._read_count()
        for _ in range(keys):
            self._skip_key()
        ends = [self._read_tensor_end() for _ in range(tensors)]
        start = math.ceil(self._at / self._alignment) * self._alignment
        return start + max(ends) if ends else self._at

    def _read(self, form: str) -> int:
        (value,) = struct.unpack_from(form, self._content, self._at)
        self._at += struct.calcsize(form)
        return int(value)

    def _read_count(self) -> int:
        count = self._read("<Q")
        if count > MAX_COUNT:
            raise ValueError
        return count

    def _read_string(self) -> bytes:
        length = self._read_count()
        begin = self._at
        self._skip(length)
        return self._content[begin : self._at]

    def _skip(self, length: int) -> None:
        self._at += length
        if self._at > len(self._content):
            raise EOFError

    def _skip_key(self) -> None:
        name, kind = self._read_string(), self._read("<I")
        if name == b"general.alignment" and kind == 4:
            self._alignment = self._read("<I")
            if self._alignment == 0:
                raise ValueError
        else:
            self._skip_value(kind)

    def _skip_value(self, kind: int) -> None:
        if kind == STRING:
            self._skip(self._read_count())
        elif kind == ARRAY:
            item, count = self._read("<I"), self._read_count()
            if item in SCALAR_BYTES:
                self._skip(SCALAR_BYTES[item] * count)
            else:
                self._skip_strings(item, count)
        elif kind in SCALAR_BYTES:
            self._skip(SCALAR_BYTES[kind])
        else:
            raise ValueError

    def _skip_strings(self, item: int, count: int) -> None:
        if item != STRING:  # arrays of arrays are legal and used by nobody, llama.cpp included
            raise ValueError
        for _ in range(count):
            self._skip(self._read_count())

    def _read_tensor_end(self) -> int:
        self._read_string()
        dimensions = self._read("<I")
        if not 1 <= dimensions <= 4:
            raise ValueError
        weights = math.prod(self._read("<Q") for _ in range(dimensions))
        kind = self._read("<I")
        if dimensions > 1:
            self.matrix_weights[TYPES.get(kind, str(kind))] += weights
        block_weights, block_bytes = BLOCKS.get(kind, (1, 0))
        return self._read("<Q") + weights // block_weights * block_bytes
