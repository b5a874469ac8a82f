"""Hints that something stirs in the folders: watchfiles' events. Nothing depends on them."""

import threading
from collections.abc import Sequence
from pathlib import Path

import structlog
import watchfiles

log = structlog.get_logger()

DEBOUNCE_MS = 200


class Stirring:
    """Sets `stirred` when an entry of one of the folders changes, where the system tells of it."""

    def __init__(self) -> None:
        self.stirred = threading.Event()
        self._folders: tuple[Path, ...] = ()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def listen(self, folders: Sequence[Path]) -> None:
        """Listen to these folders from now on, to none of those below them: no link is followed."""
        if tuple(folders) == self._folders:
            return
        self.close()
        self._folders = tuple(folders)
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._hear, args=(self._folders, self._stop), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _hear(self, folders: Sequence[Path], stop: threading.Event) -> None:
        try:
            for _ in watchfiles.watch(
                *folders,
                watch_filter=None,
                debounce=DEBOUNCE_MS,
                rust_timeout=1_000,
                stop_event=stop,
                recursive=False,
                ignore_permission_denied=True,
                raise_interrupt=False,
            ):
                self.stirred.set()
        except Exception as error:
            # No more watches to be had, a folder that went, a file system without events: the
            # next look at the folder comes anyway.
            log.info("watch_without_events", kind=type(error).__name__)
