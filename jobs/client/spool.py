"""Rows of a program on their way into SQL: spooled to a file, read back like any other file.

The file is why loading can be resumed, and why equal rows are the same batch: its bytes are the
same for the same rows. It is CSV in UTF-8 with a header; its first column is empty, or holds
(as JSON) why the row is refused, so that every row ends as one job or one reject in its place.
"""

import fcntl
import hashlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, Final

from jobs.client.values import Refusal, Taken, take
from jobs.errors import ServiceError
from jobs.source import (
    InputShape,
    Params,
    Records,
    Reject,
    Row,
    SourceWarning,
    read_records,
)
from jobs.spec import Spec
from jobs.store.batches import InputFile
from jobs.submit import Handed, shape_of

FOLDER: Final = "spool"
PREFIX: Final = "rows-"
MARK_COLUMN: Final = "refused"
PLACEHOLDER: Final = "-"
BLOCK_LINES: Final = 16
NEEDS_QUOTES: Final = re.compile('[",\r\n]')


@contextmanager
def spooled(
    rows: Iterable[object], spec: Spec, state_folder: Path, *, name: str, limit: int | None
) -> Iterator[Handed]:
    """Write rows to a file of their own, which is gone after the block; memory stays flat.

    With a `limit` only that many rows are taken from the iterable. What the iterable raises is
    raised, and nothing is left. Files of processes that were killed are removed here. Raises
    ServiceError where no file can be written.
    """
    folder = state_folder / FOLDER
    layout = _Layout.of(shape_of(spec))
    with _refusing(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stream, path = _create(folder)
    try:
        _sweep(folder)
        digest, size_bytes = _write(rows, layout, stream, limit, folder)
        file = InputFile(name, str(path), digest, size_bytes)
        yield Handed(path, file, spec, limit, lambda: SpooledRecords(path, layout))
    finally:
        path.unlink(missing_ok=True)
        with suppress(OSError):  # what there was no room for is gone with the file
            stream.close()


@contextmanager
def _refusing(folder: Path) -> Iterator[None]:
    """Say of a folder that nothing can be written there."""
