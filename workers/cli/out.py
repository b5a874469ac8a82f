"""Where results may be written: never over what Sekisho or the user still needs."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from jobs.errors import SettingError
from jobs.store import sqlite_file
from workers.settings import Settings


def check_out(
    out: Path, settings: Settings, needed: Iterable[Path] = (), option: str = "--out"
) -> Path:
    """Return the file that `option` names to write, links followed; nothing is touched.

    Raises SettingError when it is a folder or a device, its folder cannot be written, or it is
    the database, the settings file or one of the `needed` files.
    """
    target = Path(os.path.realpath(out))
    if target.is_dir() or not target.parent.is_dir():
        raise SettingError("out_no_folder", option=option, out=str(out))
    if target.exists() and not target.is_file():
        raise SettingError("out_not_a_file", option=option, out=str(out))
    if not os.access(target.parent, os.W_OK):
        raise SettingError("out_not_writable", option=option, out=str(out))
    database = sqlite_file(settings.database_url)
    own = [] if database is None else [Path(f"{database}{end}") for end in ("", "-wal", "-shm")]
    kept = [*own, *needed, *([settings.config_path] if settings.config_path else [])]
    if any(_is_same(target, path) for path in kept):
        raise SettingError("out_is_needed", option=option, out=str(out))
    return target


def write_whole(text: str, path: Path) -> None:
    """Write a file whole or not at all: under a temporary name first, renamed at the end."""
    descriptor, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as stream:  # noqa: PTH123 - a descriptor
            stream.write(text)
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _is_same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return one.samefile(other)
    return os.path.realpath(one) == os.path.realpath(other)
