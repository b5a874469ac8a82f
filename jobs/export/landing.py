"""Files that are there whole or not at all: written aside, flushed to disk, then renamed."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

NAME_CHARS: Final = 40


@contextmanager
def landing(path: Path) -> Iterator[BinaryIO]:
    """Yield a stream whose bytes become the file when the block ends well, and only then."""
    folder = path.absolute().parent
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{path.name[:NAME_CHARS]}.")
    try:
        with open(descriptor, "w+b") as stream:  # noqa: PTH123 - a descriptor
            yield stream
            stream.flush()
            os.fsync(descriptor)
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
        _keep_name(folder)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _keep_name(folder: Path) -> None:
    """Let the new name outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
