"""Files that belong to the process that writes them: what a killed one has left is swept away.

A writer holds its file's lock for as long as it lives; whoever gets the lock found an orphan.
"""

import fcntl
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO


def create(folder: Path, prefix: str, suffix: str = "") -> tuple[IO[bytes], Path]:
    """Make a new file, for its owner's eyes only, and lock it; raises OSError."""
    while True:
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=suffix)
        stream = open(descriptor, "wb")  # noqa: PTH123, SIM115 - a descriptor, closed by the caller
        fcntl.flock(stream, fcntl.LOCK_EX)
        if Path(name).exists():  # else it was swept before it was locked
            return stream, Path(name)
        stream.close()


def sweep(folder: Path, prefix: str) -> None:
    """Remove the files whose writers are dead: their locks are free."""
    for path in folder.glob(f"{prefix}*"):
        with suppress(OSError), path.open("rb") as left:  # it is held, or already gone
            fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
