"""The supervisor: one process per device, restarted when it dies, its leases taken back.

A child that dies of a native signal, or hangs inside a native call, leaves the ids of its rows
in the journal: those are the suspects. Any other death frees its chunks as they are.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import structlog

from jobs import errors
from jobs.errors import SekishoError, ServiceError
from jobs.store import Database, notifications, recovery
from workers.device import environment_of
from workers.journal import read_suspects
from workers.process import EXIT_FAILED, EXIT_STALLED
from workers.settings import Settings, hand_secret

log = structlog.get_logger()

NATIVE_SIGNALS: Final = frozenset(
    {signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}
)
BACKOFF_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
BARREN_DEATHS_MAX: Final = 3
"""A child that dies this often in a row without getting ready is given up."""

IDLE_DEATHS_MAX: Final = 8
"""So is one that dies this often in a row, ready but with no chunk in its hands."""


@dataclass(frozen=True, slots=True)
class Post:
    """What a supervised process is to do: which model on which device, on which cores of it."""

    model_name: str
    device: str
    cores: tuple[int, ...] = ()


class Supervisor:
    """Keeps one worker process alive until told to stop."""

    def __init__(
        self,
        post: Post,
        settings: Settings,
        database: Database,
        *,
        log_path: Path | None = None,
        on_event: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.post = post
        self.restarts = 0
        self.failure: SekishoError | None = None
        self._settings = settings
        self._database = database
        self._log_path = log_path
        self._on_event = on_event
        self._journal = settings.state_folder / f"journal-{os.getpid()}-{post.device}.json"
        self._child: subprocess.Popen[str] | None = None
        self._worker_id: str | None = None
        self._misses_service = False
        self._stopping = threading.Event()
        self._settled = threading.Event()  # ready, failed, or stopped
        # Thread.join that an interrupt leaves takes the thread for ended (CPython before 3.13).
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start the process; returns at once."""
        self._journal.parent.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def wait_ready(self) -> None:
        """Wait until the model is loaded; raises what kept it from being loaded."""
        while not self._settled.wait(0.2):
            pass
        if self.failure is not None:
            raise self.failure

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the process was stopped or given up; say whether it was."""
        return self._ended.wait(timeout)

    def ask_to_stop(self) -> None:
        """Tell the process to end; returns at once."""
        self._stopping.set()
        child = self._child
        if child is not None and child.poll() is None:
            child.terminate()

    def stop(self) -> None:
        """Let the process commit what is finished and give the rest back; kill it if it can't."""
        self.ask_to_stop()
        if not self.join(self._settings.worker.grace_seconds + 5):
            self.kill()
        self._journal.unlink(missing_ok=True)

    def kill(self) -> None:
        """End the process now; its leases are taken back at once."""
        self._stopping.set()
        if self._child is not None:
            self._child.kill()
        self.join(30)

    def _run(self) -> None:
        try:
            self._keep_alive()
        finally:
            self._settled.set()
            self._ended.set()

    def _keep_alive(self) -> None:
        barren = idle = 0
        while not self._stopping.is_set() and self.failure is None:
            self._worker_id = None
            self._misses_service = False
            status = self._run_child()
            barren = 0 if self._worker_id or self._misses_service else barren + 1
            # A death in the midst of chunks is counted there and cannot go on for ever: no pause.
            idle = 0 if self._recover(status) else idle + 1
            if self._stopping.is_set() or self.failure is not None:
                break
            if barren >= BARREN_DEATHS_MAX or idle >= IDLE_DEATHS_MAX:
                self.failure = ServiceError(
                    "worker_keeps_dying", model=self.post.model_name, status=status
                )
                self._owe_alarm()
                break
            pause = BACKOFF_SECONDS[min(idle, len(BACKOFF_SECONDS) - 1)]
            self.restarts += 1
            log.warning("worker_restarts", status=status, restarts=self.restarts)
            self._on_event("restarting")
            self._stopping.wait(pause)

    def _owe_alarm(self) -> None:
        try:
            notifications.owe_worker_alarm(self._database, self.post.model_name)
        except SekishoError as error:
            log.warning("alarm_not_owed", code=error.code, **error.params)

    def _run_child(self) -> int:
        """Run one process to its end; return its exit status, negative for a signal."""
        command = [sys.executable, "-m", "workers.process"]
        command += ["--model", self.post.model_name, "--device", self.post.device]
        command += ["--journal", str(self._journal)]
        if self.post.cores:
            command += ["--cores", *map(str, self.post.cores)]
        with self._open_log() as stderr:
            child = subprocess.Popen(  # noqa: S603 - our own module, no shell
                command,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )
        self._child = child
        if self._stopping.is_set():
            child.terminate()
        with child:
            for line in child.stdout or ():
                told = _read_line(line)
                if told is not None:
                    self._hear(told)
            return child.wait()

    def _open_log(self) -> IO[bytes]:
        if self._log_path is None:
            return os.fdopen(os.dup(2), "wb")
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        return self._log_path.open("ab")

    def _environment(self) -> dict[str, str]:
        """Hand the settings over by environment: an address in arguments would stand in `ps`."""
        config = self._settings.config_path
        inherited = hand_secret("SEKISHO_DATABASE_URL", self._settings.database_url, os.environ)
        inherited = hand_secret("SEKISHO_REDIS_URL", self._settings.redis_url or "", inherited)
        handed = {
            "SEKISHO_MODELS_DIR": str(self._settings.models_dir),
            **({} if config is None else {"SEKISHO_CONFIG": str(config)}),
        }
        return {**inherited, **handed, **environment_of(self.post.device)}

    def _hear(self, told: dict[str, Any]) -> None:
        event = str(told["event"])
        if event == "ready":
            self._worker_id = str(told["worker_id"])
            self._settled.set()
        elif event == "failed":
            self._hear_failure(told)
        self._on_event(event)

    def _hear_failure(self, told: dict[str, Any]) -> None:
        """Give up, unless a service that was there before is only away for a while."""
        kind: type[SekishoError] = getattr(errors, told["kind"], SekishoError)
        failure = kind(told["code"], **told["params"])
        if isinstance(failure, ServiceError) and self._settled.is_set():
            log.warning("service_down", code=failure.code, **failure.params)
            self._misses_service = True
        else:
            self.failure = failure

    def _recover(self, status: int) -> int:
        """Take back a dead child's chunks and return how many; a clean end left none."""
        if self._worker_id is None or status == EXIT_FAILED:
            return 0
        native = status == EXIT_STALLED or -status in NATIVE_SIGNALS
        suspects = read_suspects(self._journal) if native else ()
        if native:
            log.error("worker_crashed", status=status, suspects=len(suspects))
        for pause in BACKOFF_SECONDS:
            try:
                return recovery.recover_worker(
                    self._database, self._worker_id, suspects, native_crash=native
                )
            except ServiceError as error:
                log.warning("service_down", code=error.code, **error.params)
                self._stopping.wait(pause)
        return 0


def _read_line(line: str) -> dict[str, Any] | None:
    """Return what a child told; None for words that a native library printed to its stdout."""
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) and "event" in told else None
