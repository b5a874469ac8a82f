"""What stands on the command line in place of a file: patterns, and `-` for standard input."""

import glob
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

from jobs.errors import SourceError
from jobs.source.orphans import create, sweep

STDIN: Final = Path("-")
SPOOL_BYTES: Final = 1 << 20
UNFINISHED: Final = ".stdin-"
HASH_DIGITS: Final = 32


def expand(paths: Iterable[Path]) -> list[Path]:
    """Replace patterns (* ? [...] **) by the files they match, in order of their names.

    A path that leads to something is never taken for a pattern. Raises SourceError
    (glob_no_match) for a pattern that no file matches.
    """
    found: list[Path] = []
    for path in paths:
        pattern = str(path)
        if not glob.has_magic(pattern) or os.path.lexists(path):
            found.append(path)
            continue
        names = glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute ones
        matches = sorted(match for match in map(Path, names) if not match.is_dir())
        if not matches:
            raise SourceError("glob_no_match", file=pattern)
        found.extend(match for match in matches if match not in found)
    return found


def spool(stream: BinaryIO, folder: Path) -> Path:
    """Copy a stream into a file of `folder` named after its content, and return that.

    Loading can so be resumed: the same bytes are the same file. It is for its owner's eyes
    only. What processes that were killed have left half-written is removed. Raises SourceError:
    empty_file, spool_not_writable.
    """
    digest = hashlib.sha256()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        sweep(folder, UNFINISHED)
        copy, path = create(folder, UNFINISHED)
        with copy:
            try:
                while part := stream.read(SPOOL_BYTES):
                    digest.update(part)
                    copy.write(part)
                if not copy.tell():
                    raise SourceError("empty_file", file=str(STDIN))
                copy.flush()
                os.fsync(copy.fileno())
                target = folder / f"stdin-{digest.hexdigest()[:HASH_DIGITS]}"
                path.replace(target)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SourceError("spool_not_writable", folder=str(folder), reason=reason) from error
    return target
