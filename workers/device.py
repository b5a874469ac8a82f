"""Devices: one engine on each, guarded by a lock that lives as long as its process."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Final

from jobs.errors import ServiceError

RETRY_SECONDS: Final = 0.5


@contextmanager
def hold_device(
    name: str, stop: Event, on_wait: Callable[[], None] = lambda: None
) -> Iterator[bool]:
    """Hold a device of this machine; wait, after saying so once, while another process does.

    Yields False if `stop` came first. Two engines on the same cores run at a tenth of the speed,
    so the second one waits.
    """
    descriptor = _open_lock(name)
    try:
        waited = False
        while not _try_lock(descriptor):
            if not waited:
                on_wait()
                waited = True
            if stop.wait(RETRY_SECONDS):
                yield False
                return
        yield True
    finally:
        os.close(descriptor)


def _open_lock(name: str) -> int:
    """Open the machine-wide lock of a device; every user's processes share it."""
    path = Path(tempfile.gettempdir()) / f"sekisho-device-{name}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        with suppress(PermissionError):  # it belongs to the user who made it
            os.fchmod(descriptor, 0o666)
    except OSError as error:
        raise ServiceError(
            "device_lock_unusable", file=str(path), problem=error.strerror
        ) from error
    return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
