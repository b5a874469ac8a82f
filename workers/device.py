"""Devices: one engine on each, guarded by a lock that lives as long as its process."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

RETRY_SECONDS: Final = 0.5


@contextmanager
def hold_device(
    name: str, stop: Event, on_wait: Callable[[], None] = lambda: None
) -> Iterator[bool]:
    """Hold a device of this machine; wait, after saying so once, while another process does.

    Yields False if `stop` came first. Two engines on the same cores run at a tenth of the speed,
    so the second one waits.
    """
    folder = Path(tempfile.gettempdir()) / f"sekisho-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder / f"device-{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
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


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
