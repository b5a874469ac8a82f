"""Filing: a file goes to processed/ or failed/ with a sidecar, and never over another one.

The order makes it safe to be killed at any point: first the sidecar, complete, under a name that
is free for both; then the file. A sidecar whose file still stands in the folder is finished by
the next watcher; it is known by the identity of the content and the path of the file.
"""

import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from jobs.faults import trip
from workers.watch.folder import FILE_FLAGS, Folder, split_path
from workers.watch.outcome import ALREADY_TAKEN, Taken
from workers.watch.renaming import exists, rename_new
from workers.watch.rules import SECTIONS
from workers.watch.seen import DONE_END, mark_of

SIDECAR_END: Final = ".json"
RESULTS_END: Final = ".results.csv"
NAME_BYTES_MAX: Final = 255
ROOM_BYTES: Final = 24
"""Bytes of a name kept free for a number and the endings of what stands beside the file."""
ENDING_BYTES_MAX: Final = 16
SIDECAR_BYTES_MAX: Final = 1 << 20
TWO_ENDS: Final = (".gz",)


@dataclass(frozen=True, slots=True)
class Slot:
    """A name in processed/ or failed/ and what its sidecar says; None where it says nothing."""

    section: str
    name: str
    sidecar: Mapping[str, Any] | None
    has_file: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """What stands under the names that a file could be filed as.

    `begun` is a sidecar of this very file that waits for it; `filed` says that its content was
    filed before from the same path; `number` is the first one whose name is free.
    """

    begun: Slot | None
    filed: bool
    number: int


def survey(folder: Folder, path: str, identity: str, batch_id: str | None) -> Survey:
    """Look at the names a file could have in both sections, up to the first that is free."""
    begun: Slot | None = None
    filed = False
    parent, name = split_path(path)
    for number in count(1):
        slots = list(_slots(folder, parent, number_name(name, number)))
        if not slots:
            return Survey(begun, filed, number)
        for slot in slots:
            said = slot.sidecar or {}
            ours = (said.get("identity"), said.get("path"), said.get("batch_id"))
            if ours != (identity, path, batch_id):
                continue
            if not slot.has_file:
                begun = begun or slot
            elif said.get("status") != ALREADY_TAKEN:
                filed = True
    raise AssertionError  # names without end


def free_names(folder: Folder, path: str, start: int) -> Iterator[str]:
    """Yield the names, from the n-th on, that are free in both sections, one after the other."""
    parent, name = split_path(path)
    for number in count(start):
        numbered = number_name(name, number)
        if not any(_slots(folder, parent, numbered)):
            yield numbered


def _slots(folder: Folder, parent: str, name: str) -> Iterator[Slot]:
    """Yield what stands under a name, in each section that has it."""
    for section in SECTIONS:
        with suppress(FileNotFoundError), folder.opened(_join(section, parent)) as inside:
            has_file = exists(inside, name)
            has_sidecar = exists(inside, f"{name}{SIDECAR_END}")
            if has_file or has_sidecar:
                said = _read_sidecar(inside, f"{name}{SIDECAR_END}") if has_sidecar else None
                yield Slot(section, name, said, has_file)


def _read_sidecar(folder: int, name: str) -> Mapping[str, Any] | None:
    """Return what a sidecar says; None for a file that is none of ours."""
    try:
        held = os.open(name, FILE_FLAGS, dir_fd=folder)
    except OSError:
        return None
    with open(held, "rb") as opened:  # noqa: PTH123 - a descriptor
        found = os.fstat(held)
        if not stat.S_ISREG(found.st_mode) or found.st_size > SIDECAR_BYTES_MAX:
            return None
        try:
            said = json.loads(opened.read())
        except (OSError, ValueError, RecursionError):
            return None
    return said if isinstance(said, dict) else None


def number_name(name: str, number: int) -> str:
    """Return the n-th name for a file: a.csv, a-2.csv, a-3.csv ...; cut to what a folder takes."""
    stem, dot, end = name.rpartition(".")
    if not stem or len(end.encode()) > ENDING_BYTES_MAX:
        stem, dot, end = name, "", ""
    inner_stem, _, inner = stem.rpartition(".")
    if f".{end}".casefold() in TWO_ENDS and inner_stem and len(inner.encode()) <= ENDING_BYTES_MAX:
        stem, end = inner_stem, f"{inner}.{end}"
    tail = f"{dot}{end}" if number == 1 else f"-{number}{dot}{end}"
    room = NAME_BYTES_MAX - ROOM_BYTES - len(tail.encode())
    return f"{stem.encode()[: max(room, 1)].decode(errors='ignore')}{tail}"


def is_in_place(folder: Folder, taken: Taken) -> bool:
    """Say whether the file that was taken stands in the folder as it was."""
    parent, name = split_path(taken.path)
    with suppress(OSError), folder.opened(parent) as inside:
        found = os.stat(name, dir_fd=inside, follow_symlinks=False)
        return stat.S_ISREG(found.st_mode) and mark_of(found) == taken.mark
    return False


def put_sidecar(folder: Folder, taken: Taken, slot: Slot) -> None:
    """Write a slot's sidecar whole; raises FileExistsError if its name is taken meanwhile."""
    parent, _ = split_path(taken.path)
    text = json.dumps(slot.sidecar, ensure_ascii=False, indent=2) + "\n"
    aside = f".{taken.identity[:16]}.tmp"
    with folder.opened(_join(slot.section, parent), make=True) as inside:
        with suppress(FileNotFoundError):
            os.unlink(aside, dir_fd=inside)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            held = os.open(aside, flags, 0o666, dir_fd=inside)
            with open(held, "w", encoding="utf-8") as opened:  # noqa: PTH123 - a descriptor
                opened.write(text)
                opened.flush()
                os.fsync(held)
            rename_new(inside, aside, inside, f"{slot.name}{SIDECAR_END}")
        except OSError:
            with suppress(OSError):
                os.unlink(aside, dir_fd=inside)
            raise
        _sync(inside)
    trip("watch_after_sidecar")


def move(folder: Folder, taken: Taken, slot: Slot) -> bool:
    """Move a file to its slot and take its marker away; False if it is not the one taken.

    A file that was put in its place at the last moment is given back its name.
    """
    parent, name = split_path(taken.path)
    with folder.opened(parent) as source, folder.opened(_join(slot.section, parent)) as target:
        if not is_in_place(folder, taken):
            _withdraw(target, slot)
            return False
        with suppress(FileNotFoundError, IsADirectoryError):
            # Left behind, it would declare the next file of this name complete.
            os.unlink(f"{name}{DONE_END}", dir_fd=source)
        trip("watch_after_marker")
        try:
            rename_new(source, name, target, slot.name)
        except FileExistsError:  # somebody put a file there: another name is to be found
            _withdraw(target, slot)
            raise
        found = os.stat(slot.name, dir_fd=target, follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode) or mark_of(found) != taken.mark:
            _give_back(target, slot.name, source, name)
            _withdraw(target, slot)
            return False
        _sync(target)
        _sync(source)
    trip("watch_after_move")
    return True


def _sync(folder: int) -> None:
    """Let a folder outlive a power cut, where the file system can."""
    with suppress(OSError):
        os.fsync(folder)


def _withdraw(target: int, slot: Slot) -> None:
    """Remove the sidecar of a file that did not come."""
    with suppress(FileNotFoundError):
        os.unlink(f"{slot.name}{SIDECAR_END}", dir_fd=target)


def _give_back(target: int, new_name: str, source: int, name: str) -> None:
    for number in count(1):
        with suppress(FileExistsError):
            rename_new(target, new_name, source, number_name(name, number))
            return


def place_results(
    folder: Path, names: Iterable[str], write: Callable[[Path], object], identity: str
) -> tuple[str, Path]:
    """Write a file's results as a whole under the first of its names that no others have.

    Returns that name and the path. The same results that were written before, by a watcher
    killed since, are left as they are.
    """
    with _aside(folder / f".{identity[:16]}.results.tmp") as aside:
        write(aside)
        inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in names:
                target = folder / f"{name}{RESULTS_END}"
                if _same_bytes(aside, target):
                    return name, target
                with suppress(FileExistsError):
                    rename_new(inside, aside.name, inside, target.name)
                    trip("watch_after_results")
                    return name, target
        finally:
            os.close(inside)
    raise AssertionError  # names without end


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _same_bytes(one: Path, other: Path) -> bool:
    if other.is_symlink() or not other.is_file():
        return False
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as left, other.open("rb") as right:
        while part := left.read(1 << 20):
            if part != right.read(len(part)):
                return False
    return True


def _join(section: str, parent: str) -> str:
    return f"{section}/{parent}" if parent else section
