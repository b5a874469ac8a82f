"""What a look into the folder shows of its files, and which names are no finished file's."""

import os
import stat
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DONE_END: Final = ".done"
"""`name.csv.done` says that `name.csv` is complete."""

PARTIAL_ENDS: Final = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".download", "~")
HIDDEN_STARTS: Final = (".", "~$")
WIDE_SPACE: Final = "\u3000"
"""The space of Japanese names, which Python takes for unprintable."""


class Kind(StrEnum):
    """What an entry of a folder is, without following it."""

    FILE = "file"
    LINK = "link"  # a symbolic link, wherever it leads
    SPECIAL = "special"  # a pipe, socket or device
    UNNAMED = "unnamed"  # its name is no text, so no database could hold it


@dataclass(frozen=True, slots=True)
class Mark:
    """A file as it stood at one moment: the same mark twice means that nobody wrote to it."""

    device: int
    inode: int
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry of the folder; `path` is relative to the folder, with `/`."""

    path: str
    kind: Kind
    mark: Mark
    links: int = 1
    marked_done: bool = False


def mark_of(found: os.stat_result) -> Mark:
    """Return the mark of what `stat` saw."""
    return Mark(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def kind_of(name: str, found: os.stat_result) -> Kind:
    """Tell what an entry is that is not looked into; `found` must not have followed a link."""
    if stat.S_ISLNK(found.st_mode):
        return Kind.LINK
    if not is_text(name):
        return Kind.UNNAMED
    return Kind.FILE if stat.S_ISREG(found.st_mode) else Kind.SPECIAL


def is_text(name: str) -> bool:
    """Say whether a name can be written down, by a database or anybody else."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_left_alone(name: str) -> bool:
    """Say whether a name is that of a file still being written, a hidden one, or a marker."""
    folded = name.casefold()
    return name.startswith(HIDDEN_STARTS) or folded.endswith((*PARTIAL_ENDS, DONE_END))


def show_path(path: str) -> str:
    """Return a path that can be written anywhere: one line, and text."""
    decodable = path.encode("utf-8", "backslashreplace").decode()
    return "".join(
        character if character.isprintable() or character == WIDE_SPACE else repr(character)[1:-1]
        for character in decodable
    )
