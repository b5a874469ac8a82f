"""The journal: the ids of the rows inside a native call, on disk before it begins.

A native crash takes the process with it; what stands in the journal then are the only suspects.
"""

import json
import os
from collections.abc import Collection
from pathlib import Path


class Journal:
    """A small file rewritten in place before each engine step and emptied after it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.clear()

    def write(self, keys: Collection[int]) -> None:
        """Put the ids on disk, each once; survives the process, not a power cut (nor need it)."""
        content = json.dumps(sorted(set(keys))).encode() + b"\n"
        os.pwrite(self._descriptor, content, 0)
        os.ftruncate(self._descriptor, len(content))

    def clear(self) -> None:
        """No native call is running."""
        os.ftruncate(self._descriptor, 0)

    def close(self) -> None:
        """Give the file back; its content stays."""
        os.close(self._descriptor)


def read_suspects(path: Path) -> tuple[int, ...]:
    """Return the ids a dead process left in its journal; empty if it died between steps."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    line, ended, _ = content.partition(b"\n")
    if not ended:
        return ()
    return tuple(json.loads(line))
