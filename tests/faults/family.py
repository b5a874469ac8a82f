"""The processes of one test, found by a mark in their environment, grandchildren included."""

import os
import signal
from contextlib import suppress
from pathlib import Path

MARK = "SEKISHO_TEST_MARK"


class Family:
    """Every process that was started with the mark, and whatever those have started."""

    def __init__(self, mark: str) -> None:
        self.environment = {MARK: mark}
        self._entry = f"{MARK}={mark}".encode()

    def pids(self, words: str = "") -> list[int]:
        """Return the living members whose command line contains `words`, oldest first."""
        return [pid for pid in self._members() if words in _read_command(pid)]

    def kill(self) -> None:
        """End everybody, stopped ones too; a member may start another one meanwhile."""
        while members := self._members():
            for pid in members:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def describe(self) -> str:
        """Return a line for each living member."""
        return "\n".join(f"{pid} {_read_command(pid)}" for pid in self._members())

    def _members(self) -> list[int]:
        parents = {
            pid: parent
            for pid in sorted(int(path.name) for path in Path("/proc").glob("[0-9]*"))
            if (parent := _read_parent(pid)) is not None
        }
        found = {pid for pid in parents if self._entry in _read(pid, "environ").split(b"\0")}
        # redis-server writes its title over its environment: it is known by its parent.
        found |= {pid for pid, parent in parents.items() if parent in found}
        return sorted(found)


def _read(pid: int, name: str) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_bytes()
    return b""


def _read_command(pid: int) -> str:
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace")


def _read_parent(pid: int) -> int | None:
    """Return the parent of a process; None for one that has ended."""
    state, _, rest = _read(pid, "stat").rpartition(b")")[2].strip().partition(b" ")
    return None if state in (b"", b"Z", b"X") else int(rest.split()[0])
