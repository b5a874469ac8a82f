"""What is to be pulled, what came of it, and who may pull now."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobs.errors import ModelError, SettingError
from workers.catalogue import NAME, Entry
from workers.models import PREPARED_MARK, find_in_folder
from workers.origin import Origin

UNDER_WAY: Final = ".pull"
MEGABYTE: Final = 1_000_000
SPARE_BYTES: Final = 100 * MEGABYTE
"""Room that is left on the disk: a full one stops more than this."""

Say = Callable[..., None]
Show = Callable[[str, int, int | None], None]
"""Hears a file's name, the bytes that are here and how many it has."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to pull: `force` replaces a file that is there by another one."""

    name: str
    folder: Path
    entry: Entry | None = None
    revision: str | None = None
    accept_licence: bool = False
    force: bool = False

    @property
    def here(self) -> Path | None:
        """The (first) file of that name, if there is one already."""
        return find_in_folder(self.folder, self.name)


@dataclass(frozen=True, slots=True)
class Pulled:
    """The (first) file of a model, where it came from, and whether it was made now."""

    path: Path
    origin: Origin
    made: bool


def check_order(order: Order, say: Say) -> None:
    """Refuse a name that is no file's, and a licence that was not accepted; raises SettingError.

    A licence with conditions is said in any case.
    """
    if not NAME.fullmatch(order.name) or PREPARED_MARK in order.name:
        raise SettingError("pull_name_wrong", model=order.name)
    entry = order.entry
    if entry is None or not entry.needs_consent:
        return
    licence = entry.licence or "?"
    for condition in entry.conditions:
        say("pull_condition", licence=licence, condition=condition)
    if not order.accept_licence:
        named = entry.sources.get("commercial") or entry.sources.get("licence") or ("-",)
        raise SettingError("pull_licence", model=order.name, licence=licence, source=named[0])


@contextmanager
def hold(order: Order, say: Say) -> Iterator[Path]:
    """Be the only one who pulls this model into this folder; waits, after saying so.

    Yields the folder of what is under way; raises ModelError if it cannot be made.
    """
    folder = order.folder / UNDER_WAY
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / f"{order.name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise not_written(error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("pull_waits", model=order.name)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(descriptor)


def not_written(error: OSError) -> ModelError:
    """Say why a file cannot be written."""
    return ModelError("pull_not_written", problem=error.strerror or type(error).__name__)


def no_space(folder: Path, needed_bytes: int, free_bytes: int) -> ModelError:
    """Say how much room is missing."""
    needed = -(-(needed_bytes + SPARE_BYTES) // MEGABYTE)
    free = free_bytes // MEGABYTE
    return ModelError("pull_no_space", folder=str(folder), needed=needed, free=free)
