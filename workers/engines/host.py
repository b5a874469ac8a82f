"""What this machine, or the container it runs in, has: cores and memory."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from workers.device import own_cores

MEMINFO: Final = Path("/proc/meminfo")
CGROUP: Final = Path("/sys/fs/cgroup")
KIBIBYTE: Final = 1024


def count_cores() -> int:
    """Return how many cores this process may use; a container may own fewer than there are."""
    return len(own_cores()) or os.cpu_count() or 1


def total_memory() -> int:
    """Return the bytes of memory there are."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([total, *_limits()])


def free_memory() -> int:
    """Return the bytes that could still be taken; files that are only kept in memory count as free.

    Where nothing is known of that, a half of what there is.
    """
    found = [limit - _read(CGROUP / "memory.current", limit) for limit in _limits()]
    with suppress(OSError, ValueError, StopIteration):
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
        told = next(line for line in lines if line.startswith("MemAvailable:"))
        found.append(int(told.split()[1]) * KIBIBYTE)
    return max(min(found, default=total_memory() // 2), 0)


def _limits() -> Iterator[int]:
    """Yield the container's limit, if it has one."""
    limit = _read(CGROUP / "memory.max", 0)
    if limit:
        yield limit


def _read(path: Path, otherwise: int) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return otherwise
