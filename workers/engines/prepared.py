"""Prepared files: a model's weights in the format that this processor reads fastest.

`sekisho models prepare` makes them; what it measured stands in a record (JSON) next to the file.
A prepared file answers only while the record's hashes are those of both files and its processor
is this one; in every other case the original does.
"""

import glob
import hashlib
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from workers.engines.host import count_cores
from workers.engines.llama.gguf import hash_file
from workers.models import PREPARED_MARK, ModelFile

CPUINFO: Final = Path("/proc/cpuinfo")
CPU_LINES: Final = ("model name", "flags", "features", "cpu implementer", "cpu part", "cpu variant")
DEFAULT_FORMATS: Final = ("bf16", "q8_0", "q4_0")
RECORD_BYTES_MAX: Final = 1 << 20
Mark = tuple[int, int, int, int]
Problem = Literal[
    "prepared_none",
    "prepared_unreadable",
    "prepared_other_processor",
    "prepared_other_build",
    "prepared_original_changed",
    "prepared_file_missing",
    "prepared_file_changed",
]
"""Why the original answers; codes with words."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FileRecord(_Part):
    """A file as it was: `mark` tells whether it was touched since, without reading it."""

    name: str
    sha256: str
    bytes: int
    format: str
    mark: Mark


class Figures(_Part):
    """What was measured of one format; `agreement` leaves out what the original's noise flips.

    A format that reads slower than a good one was not asked anything: no agreement is known.
    """

    format: str
    bytes: int
    threads: int
    reading_by_threads: Mapping[int, float]
    reading_tokens_per_second: float
    writing_tokens_per_second: float
    raw_agreement: float | None
    agreement: float | None


class Request(_Part):
    """What was asked for."""

    formats: tuple[str, ...] = DEFAULT_FORMATS
    allow_lower_precision: bool = False


class Record(_Part):
    """What stands beside a prepared file; without `prepared` the original itself is fastest.

    `threads` is None when others used the processor meanwhile: their number is left as it is.
    """

    version: Literal[1] = 1
    original: FileRecord
    prepared: FileRecord | None
    threads: int | None
    cores: int
    processor: str
    processor_name: str
    build: str
    llama_cpp: str
    request: Request
    questions: int
    noise: float
    measured: tuple[Figures, ...]
    left_out: Mapping[str, str]
    seconds: float
    prepared_at: str

    @property
    def speedup(self) -> float:
        """Prompt reading, what is used against the original."""
        original = self.measured[0].reading_tokens_per_second
        used = self.prepared.format if self.prepared else self.measured[0].format
        rates = {one.format: one.reading_tokens_per_second for one in self.measured[1:]}
        return rates.get(used, original) / original


@dataclass(frozen=True, slots=True)
class Found:
    """A good record and where it lies, or the problem that keeps the original answering."""

    record: Record | None = None
    folder: Path | None = None
    problem: Problem | None = None

    @property
    def path(self) -> Path | None:
        """The file that answers instead of the original, None if the original is fastest."""
        if self.record is None or self.record.prepared is None or self.folder is None:
            return None
        return self.folder / self.record.prepared.name


@cache
def read_processor() -> tuple[str, str]:
    """Return the signature of this processor and a name for people.

    Two machines with the same signature know the same instructions and are the same model.
    """
    text = CPUINFO.read_text(encoding="utf-8", errors="replace") if CPUINFO.exists() else ""
    told = [line for line in text.splitlines() if line.lower().startswith(CPU_LINES)]
    names = [line.partition(":")[2].strip() for line in told if line.startswith("model name")]
    name = next(filter(None, names), "") or platform.processor() or platform.machine()
    lines = sorted({" ".join(sorted(line.lower().split())) for line in told})
    content = "\n".join((platform.machine(), name, *lines))
    return hashlib.sha256(content.encode()).hexdigest(), name


@cache
def read_build() -> str:
    """Return what llama.cpp was compiled to use: compiled for any processor, it reads otherwise."""
    from workers.engines.llama.quantize import describe_build  # noqa: PLC0415 - native libraries

    return describe_build()


def is_current(record: Record, request: Request) -> bool:
    """Tell whether what was measured answers a request made now."""
    now = (request, read_version(), count_cores())
    return (record.request, record.llama_cpp, record.cores) == now


def read_version() -> str:
    """Return the version of llama-cpp-python that writes and measures."""
    return version("llama-cpp-python")


def take_mark(path: Path) -> Mark:
    """Return what changes when somebody writes the file or puts another one in its place."""
    about = path.stat()
    return about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino


def list_folders(model: ModelFile) -> list[Path]:
    """Return where a model's prepared file may lie: beside it, unless pip owns that folder, and
    in the user's cache."""
    if model.path is None:
        return []
    path = Path(os.path.abspath(model.path))  # noqa: PTH100 - links are left as they are
    home = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))  # noqa: PTH111 - never raises
    key = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    cached = [home / "sekisho" / "models" / key] if home.is_absolute() else []  # else: no home
    return cached if model.packaged else [path.parent, *cached]


def name_stem(path: Path) -> str:
    """Return how the names of what is prepared from a file on this processor begin."""
    return f"{path.stem}{PREPARED_MARK}{read_processor()[0][:8]}"


def name_record(path: Path) -> str:
    """Return the name of the record of a file on this processor."""
    return f"{name_stem(path)}.json"


def find_prepared(model: ModelFile, *, thorough: bool = False) -> Found:
    """Return what was prepared for this model on this processor, if it may be used.

    A file that was not touched since is believed to have the hash it had; with `thorough` both
    are read.
    """
    path = model.path
    if path is None:
        return Found(problem="prepared_none")
    folders = list_folders(model)
    for folder in folders:
        if (folder / name_record(path)).exists():
            return _examine(model, path, folder, thorough=thorough)
    pattern = f"{glob.escape(path.stem + PREPARED_MARK)}*.json"
    elsewhere = any(next(folder.glob(pattern), None) for folder in folders)
    return Found(problem="prepared_other_processor" if elsewhere else "prepared_none")


def _examine(model: ModelFile, path: Path, folder: Path, *, thorough: bool) -> Found:
    try:
        with (folder / name_record(path)).open("rb") as file:
            record = Record.model_validate_json(file.read(RECORD_BYTES_MAX))
    except (OSError, ValidationError):
        return Found(problem="prepared_unreadable")
    problem: Problem | None = None
    known = model.expected_sha256
    if record.processor != read_processor()[0]:
        problem = "prepared_other_processor"
    elif record.build != read_build():
        problem = "prepared_other_build"
    elif known not in (None, record.original.sha256) or not _is(path, record.original, thorough):
        problem = "prepared_original_changed"
    elif record.prepared is not None:
        problem = _examine_file(folder, record.prepared, thorough)
    return Found(record, folder) if problem is None else Found(problem=problem)


def _examine_file(folder: Path, prepared: FileRecord, thorough: bool) -> Problem | None:
    if Path(prepared.name).name != prepared.name:  # a record names no file elsewhere
        return "prepared_unreadable"
    path = folder / prepared.name
    if not path.is_file():
        return "prepared_file_missing"
    return None if _is(path, prepared, thorough) else "prepared_file_changed"


def _is(path: Path, known: FileRecord, thorough: bool) -> bool:
    """Tell whether a file is the one of the record."""
    try:
        mark = take_mark(path)
        if mark[0] != known.bytes:
            return False
        return (mark == known.mark and not thorough) or hash_file(path) == known.sha256
    except OSError:
        return False
