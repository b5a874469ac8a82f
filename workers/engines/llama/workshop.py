"""Where a preparation works: its folder, its lock, and files that are whole or not there."""

import errno
import fcntl
import glob
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from jobs.errors import ModelError
from workers.engines.host import total_memory
from workers.engines.llama.gguf import BITS, hash_file
from workers.engines.prepared import (
    FileRecord,
    Record,
    list_folders,
    name_record,
    name_stem,
    take_mark,
)
from workers.models import ModelFile

MEMORY_SHARE: Final = 0.6
SMALLEST_FREE: Final = 16 << 20
LOCK_SECONDS: Final = 0.5
MEGABYTE: Final = 1_000_000


class Say(Protocol):
    """Tells one fact of the progress."""

    def __call__(self, code: str, **params: object) -> None: ...


def is_too_large(form: str, weights: Mapping[str, int], folder: Path) -> bool:
    """Tell whether a format is too large for this machine's memory.

    Raises `ModelError` when the disk has no room for it.
    """
    size = int(sum(weights.values()) * BITS[form] / 8) + SMALLEST_FREE
    if size > total_memory() * MEMORY_SHARE:
        return True
    if size > shutil.disk_usage(folder).free:
        raise _no_room(folder, size)
    return False


def _no_room(folder: Path, size: int) -> ModelError:
    return ModelError("prepare_no_space", folder=str(folder), megabytes=size // MEGABYTE)


def choose_folder(model: ModelFile) -> Path:
    """Return the folder to write into: beside the model if it can be, else the user's cache."""
    folders = list_folders(model)
    for folder in folders:
        with suppress(OSError):
            if model.packaged or folder != folders[0]:
                folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    raise ModelError("prepare_no_folder", folder=", ".join(map(str, folders)), problem="EACCES")


@contextmanager
def locked(folder: Path, model: ModelFile, say: Say) -> Iterator[None]:
    """Let one process prepare a model in a folder at a time; the next one finds it done."""
    stem = "" if model.path is None else model.path.stem
    lock = folder / f".{stem}.prepare.lock"
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        problem = error.strerror
        raise ModelError("prepare_no_folder", folder=str(folder), problem=problem) from error
    try:
        said = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not said:
                    say("prepare_waits", model=model.name)
                    said = True
                time.sleep(LOCK_SECONDS)
        yield
    finally:
        os.close(descriptor)


class Workshop:
    """The unfinished files of one preparation; none of them outlives it."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.folder = folder
        self._source = source
        self._stem = name_stem(source)
        self._parts: dict[str, Path] = {}

    def __enter__(self) -> "Workshop":
        self._sweep()  # what a killed one left
        return self

    def __exit__(self, *_: object) -> None:
        self._sweep()

    def write(self, form: str, threads: int, make: Callable[..., bool]) -> Path | None:
        """Write the model in a format; returns None if the quantiser does not take it.

        Raises `ModelError` when the disk ran full.
        """
        part = self.folder / f".{self._stem}-{form}.partial"
        if not make(self._source, part, form, threads=threads):
            part.unlink(missing_ok=True)
            if shutil.disk_usage(self.folder).free < SMALLEST_FREE:
                raise _no_room(self.folder, SMALLEST_FREE)
            return None
        self._parts[form] = part
        return part

    def keep_only(self, form: str) -> None:
        """Give back the room of all formats but one."""
        for other in [name for name in self._parts if name != form]:
            self._parts.pop(other).unlink()

    def publish(self, form: str) -> FileRecord:
        """Put a written file under its name, whole."""
        part = self._parts.pop(form)
        target = self.folder / f"{self._stem}-{form}.gguf"
        found = hash_file(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
        mark = take_mark(target)
        return FileRecord(name=target.name, sha256=found, bytes=mark[0], format=form, mark=mark)

    def sign(self, record: Record) -> None:
        """Write the record, whole, and remove what an earlier one named."""
        target = self.folder / name_record(self._source)
        part = self.folder / f".{self._stem}-record.partial"
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write(record.model_dump_json(indent=1) + "\n")
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        except BaseException as error:
            if record.prepared is not None:
                (self.folder / record.prepared.name).unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _no_room(self.folder, SMALLEST_FREE) from error
            raise
        used = record.prepared.name if record.prepared else ""
        for old in self.folder.glob(f"{glob.escape(self._stem)}-*.gguf"):
            if old.name != used:
                old.unlink(missing_ok=True)

    def _sweep(self) -> None:
        for part in self.folder.glob(f".{glob.escape(self._stem)}-*.partial"):
            part.unlink(missing_ok=True)
