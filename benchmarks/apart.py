"""Runs a side as a process of its own: how long it took, and the most memory it held."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.machine import memory_bytes

LOOK_SECONDS: Final = 0.02
ROOT: Final = Path(__file__).resolve().parents[1]
SEKISHO: Final = (sys.executable, "-c", "from workers.cli import main; main()")


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended well. `resident_bytes` is the peak of the process alone."""

    seconds: float
    resident_bytes: int


def run_apart(
    command: Sequence[str | Path],
    *,
    out: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a command to its end, its output into a file or away; raises CalledProcessError.

    The peak is read while it runs: what the system tells afterwards (ru_maxrss) is never less
    than what the process that started it held.
    """
    words = [str(word) for word in command]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
    with open(out or os.devnull, "wb") as sink:  # noqa: PTH123 - a device too
        started = time.perf_counter()
        process = subprocess.Popen(words, stdout=sink, env=surroundings)
        resident = 0
        while process.poll() is None:
            resident = max(resident, memory_bytes(process.pid).get("VmHWM", 0))
            time.sleep(LOOK_SECONDS)
        seconds = time.perf_counter() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return Ended(seconds, resident)
