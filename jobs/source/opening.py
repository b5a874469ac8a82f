"""Opens an input file; refuses what is no file."""

import stat
from pathlib import Path
from typing import BinaryIO

from jobs.errors import SourceError


class BrokenFile(OSError):  # noqa: N818 - a fact about the file, which ends a pass over it
    """Reading found that the file's container is damaged; `code` is the batch's file_error."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading its bytes as they are.

    Raises SourceError: file_missing, file_is_directory, not_a_regular_file, file_unreadable.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SourceError("file_is_directory", file=str(path))
        if not stat.S_ISREG(mode):  # opening a FIFO would wait for a writer
            raise SourceError("not_a_regular_file", file=str(path))
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceError("file_missing", file=str(path)) from error
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError | ValueError) -> SourceError:
    """Return the error for a file that is damaged, or that the system would not let us read."""
    if isinstance(error, BrokenFile):
        return SourceError(error.code, file=str(path))
    reason = getattr(error, "strerror", None) or type(error).__name__
    return SourceError("file_unreadable", file=str(path), reason=reason)
