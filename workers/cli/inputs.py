"""The files a command is to read: patterns the shell left alone, and standard input for `-`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jobs.errors import SourceError
from jobs.source.paths import STDIN, expand, spool
from workers.settings import Settings

SPOOL_FOLDER: Final = "spool"


def gather(files: Sequence[Path], settings: Settings) -> list[Path]:
    """Return the files there are to read; standard input is copied to the state folder first.

    Raises SourceError: glob_no_match, empty_file, spool_not_writable.
    """
    return [_spool(settings) if path == STDIN else path for path in expand(files)]


def _spool(settings: Settings) -> Path:
    if sys.stdin is None:  # whoever started us closed it
        raise SourceError("empty_file", file=str(STDIN))
    return spool(sys.stdin.buffer, settings.state_folder / SPOOL_FOLDER)
