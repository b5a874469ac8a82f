"""A running `sekisho` command, as a user starts it from a terminal."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

MAIN = "from workers.cli import main; main()"


@dataclass(frozen=True)
class Ended:
    """How a command ended; the status is negative for a signal."""

    status: int
    stdout: str
    stderr: str

    @property
    def report(self) -> dict[str, Any]:
        """What it printed with --json."""
        data: dict[str, Any] = json.loads(self.stdout)
        return data


class Command:
    """A process in a session of its own, its words in files of the folder."""

    def __init__(
        self, arguments: list[str], folder: Path, environment: Mapping[str, str], prelude: str
    ) -> None:
        name = f"{arguments[0]}-{uuid4().hex[:6]}"
        self._out, self._err = folder / f"{name}.out.log", folder / f"{name}.err.log"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-c", f"{prelude}\n{MAIN}", *arguments],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def is_over(self) -> bool:
        """Say whether it has ended."""
        return self._process.poll() is not None

    def is_stopped(self) -> bool:
        """Say whether it sleeps after SIGSTOP."""
        return is_stopped(self.pid)

    def press_ctrl_c(self) -> None:
        """Interrupt the whole process group, as a terminal does."""
        os.killpg(self.pid, signal.SIGINT)

    def terminate(self) -> None:
        """Ask the process alone to end, as a service manager does."""
        self.send(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        """Send the process alone a signal."""
        self._process.send_signal(number)

    def words(self) -> str:
        """Return what it has said on stderr so far."""
        return self._err.read_text("utf-8")

    def read(self) -> Ended:
        """Return how it ended; it has."""
        status = self._process.poll()
        assert status is not None
        return Ended(status, self._out.read_text("utf-8"), self.words())

    def reap(self) -> None:
        """Kill it if it still runs."""
        self._process.kill()
        self._process.wait()


def is_stopped(pid: int) -> bool:
    """Say whether a process sleeps after SIGSTOP."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("T")
