"""The watched folder, held open: what is in it is reached by descriptors, never over a link."""

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from jobs.errors import BusyError, ServiceError, SettingError
from workers.watch.rules import SECTIONS
from workers.watch.seen import (
    DONE_END,
    HIDDEN_STARTS,
    Kind,
    Seen,
    is_left_alone,
    is_text,
    kind_of,
    mark_of,
)

LOCK_NAME: Final = ".sekisho-watch.lock"
PROBE_NAME: Final = ".sekisho-watch.probe"
DEPTH_MAX: Final = 32
FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
SWAPPED: Final = frozenset({errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.ENXIO, errno.EISDIR})
"""What opening answers where something else than the file seen stands by now."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A folder below that could not be looked into."""

    path: str
    problem: str


@dataclass(frozen=True, slots=True)
class Look:
    """What the folder held at one moment; `folders` are those looked into, "" the folder itself."""

    files: tuple[Seen, ...]
    folders: tuple[str, ...] = ("",)
    unreadable: tuple[Unreadable, ...] = ()


class Folder:
    """A folder to take files from. `private` is a folder of our own for the names of open files."""

    def __init__(self, path: Path, private: Path) -> None:
        """Open it; a link that names the folder itself is followed, once. Raises SettingError."""
        self.path = Path(os.path.realpath(path))
        self._private = private
        try:
            self._root = os.open(self.path, FOLDER_FLAGS)
        except OSError as error:
            problem = error.strerror or type(error).__name__
            raise SettingError("watch_no_folder", folder=str(path), problem=problem) from error

    def close(self) -> None:
        """Let go of it."""
        os.close(self._root)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only watcher of the folder; raises SettingError, which names the other one."""
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            held = os.open(LOCK_NAME, flags, 0o644, dir_fd=self._root)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            self._take_lock(held)
            self._check_sections()
            self._clear_private()
            yield
        finally:
            os.close(held)

    def _take_lock(self, held: int) -> None:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.pread(held, 32, 0).decode("ascii", "replace").strip() or "?"
            raise BusyError("watch_locked", folder=str(self.path), pid=pid) from error
        except OSError as error:
            raise self._unusable(error) from error
        with suppress(OSError):  # a full disk keeps nobody from watching
            os.ftruncate(held, 0)
            os.pwrite(held, f"{os.getpid()}\n".encode(), 0)

    def _check_sections(self) -> None:
        """Refuse what files cannot be moved into: a link, no folder, another file system."""
        for section in SECTIONS:
            try:
                with self.opened(section) as inside:
                    self._try_move(inside)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise self._unusable(error, section) from error

    def _try_move(self, target: int) -> None:
        """Move a file of our own as files are moved later.

        Raises OSError where that will never be possible; a full disk keeps nobody from watching.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            os.close(os.open(PROBE_NAME, flags, 0o600, dir_fd=self._root))
            os.rename(PROBE_NAME, PROBE_NAME, src_dir_fd=self._root, dst_dir_fd=target)
        except OSError as error:
            if error.errno == errno.EXDEV:
                raise
        finally:
            for folder in (self._root, target):
                with suppress(OSError):
                    os.unlink(PROBE_NAME, dir_fd=folder)

    def _clear_private(self) -> None:
        """Make our own folder and remove the names that a killed watcher left in it."""
        try:
            self._private.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in self._private.iterdir():
                left.unlink()
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError, inside: str = "") -> SettingError:
        problem = error.strerror or type(error).__name__
        folder = str(self.path / inside)
        return SettingError("watch_folder_unusable", folder=folder, problem=problem)

    def require_in_place(self) -> None:
        """Raise ServiceError if the folder was removed or another stands in its place.

        Raises OSError if nobody can say, for now.
        """
        held = os.fstat(self._root)
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            found = None
        if found is None or not os.path.samestat(held, found):
            raise ServiceError("watch_folder_replaced", folder=str(self.path))

    def look(self, left_out: Collection[str]) -> Look:
        """Look at every file, also in the folders below; `left_out` are paths to pass over.

        Raises OSError if the folder itself cannot be read.
        """
        files: list[Seen] = []
        folders: list[str] = []
        unreadable: list[Unreadable] = []
        pending = [""]
        while pending:
            path = pending.pop()
            try:
                found, below = self._look_into(path, left_out)
            except OSError as error:
                if not path:
                    raise
                if error.errno not in SWAPPED:
                    unreadable.append(Unreadable(path, error.strerror or type(error).__name__))
                continue
            folders.append(path)
            files += found
            if path.count("/") < DEPTH_MAX:
                pending += below
        return Look(tuple(files), tuple(sorted(folders)), tuple(unreadable))

    def _look_into(self, path: str, left_out: Collection[str]) -> tuple[list[Seen], list[str]]:
        prefix = f"{path}/" if path else ""
        with self.opened(path) as descriptor, os.scandir(descriptor) as listed:
            entries = {entry.name: entry for entry in listed}
            found: list[Seen] = []
            below: list[str] = []
            for name in sorted(entries):
                inside = f"{prefix}{name}"
                if inside in left_out or inside in SECTIONS or name.startswith(HIDDEN_STARTS):
                    continue
                try:
                    seen = entries[name].stat(follow_symlinks=False)
                except OSError:
                    continue  # gone meanwhile, or to be seen at the next look
                if stat.S_ISDIR(seen.st_mode) and is_text(name):
                    below.append(inside)
                elif not is_left_alone(name):
                    kind = kind_of(name, seen)
                    done = _is_marker(entries.get(f"{name}{DONE_END}"))
                    found.append(Seen(inside, kind, mark_of(seen), seen.st_nlink, done))
        return found, below

    @contextmanager
    def opened(self, path: str, *, make: bool = False) -> Iterator[int]:
        """Yield a descriptor of a folder below, entered step by step without following a link."""
        descriptor = os.open(".", FOLDER_FLAGS, dir_fd=self._root)
        try:
            for part in PurePosixPath(path).parts:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=descriptor)
                entered = os.open(part, FOLDER_FLAGS, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = entered
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def pinned(self, seen: Seen) -> Iterator[Path | None]:
        """Yield a path with the file's own name that leads to the very file that was seen,
        whatever its name in the folder leads to meanwhile; None if it is not that file any more.

        Raises OSError if the file may not be read.
        """
        parent, name = split_path(seen.path)
        try:
            with self.opened(parent) as descriptor:
                held = os.open(name, FILE_FLAGS, dir_fd=descriptor)
        except OSError as error:
            if error.errno not in SWAPPED:
                raise
            yield None
            return
        try:
            found = os.fstat(held)
            same = mark_of(found) == seen.mark and kind_of(name, found) is Kind.FILE
            if not same or found.st_nlink > 1:
                yield None
                return
            with self._named(held, name, seen) as path:
                yield path
        finally:
            os.close(held)

    @contextmanager
    def _named(self, held: int, name: str, seen: Seen) -> Iterator[Path]:
        """Yield a name for an open file; where the system has none, the one in the folder."""
        target = Path(f"/proc/{os.getpid()}/fd/{held}")
        if not target.exists():
            yield self.path / seen.path
            return
        link = self._private / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        try:
            yield link
        finally:
            link.unlink(missing_ok=True)


def name_private(state_folder: Path, folder: Path) -> Path:
    """Return where the watcher of a folder keeps the names of files that it reads."""
    key = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()
    return state_folder / f"watch-{key[:12]}"


def split_path(path: str) -> tuple[str, str]:
    """Return the folder ("" for the watched one) and the name of a path in the folder."""
    parent, _, name = path.rpartition("/")
    return parent, name


def _is_marker(entry: "os.DirEntry[str] | None") -> bool:
    try:
        return entry is not None and entry.is_file(follow_symlinks=False)
    except OSError:
        return False
