"""The embedded Redis: a real redis-server of our own, one per state folder, for as long as used.

`embedded_redis(folder)` is all that others call. The files in the state folder::

    redis.lock    exclusive while somebody looks for the server or starts it
    redis.users   shared by every user, exclusive by the guard once nobody uses the server
    redis.guard   exclusive by the guard for its whole life; holds the path of the socket
    redis.log     what the guard and the server said since the last start

The guard (`workers.redis_guard`) is a detached process with the server as its child. Nothing is
kept on disk: SQL is the truth.
"""

import fcntl
import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from jobs.errors import ServiceError
from workers.redis_guard import (
    GUARD_NAME,
    OTHER_GUARD,
    READY,
    USERS_NAME,
    answers,
    find_redis_server,
    open_lock,
    try_lock,
)

LOCK_NAME: Final = "redis.lock"
LOG_NAME: Final = "redis.log"
START_SECONDS: Final = 30.0
SOCKET_BYTES_MAX: Final = 100  # sun_path holds 108 bytes on Linux, 104 on macOS


@contextmanager
def embedded_redis(state_folder: Path) -> Iterator[str]:
    """Yield the URL of the folder's Redis, started if nobody has; the last user stops it.

    Call it again, inside or outside, after a lost connection: a server that died is replaced.
    Raises ServiceError: redis_binary_missing, redis_folder_unusable, redis_start_failed,
    redis_start_timeout, redis_not_answering, redis_no_socket_folder.
    """
    users, path = _join(state_folder.absolute())
    try:
        yield f"unix://{quote(str(path))}"
    finally:
        os.close(users)  # not LOCK_UN: a forked child that uses the server keeps its share


def _join(folder: Path) -> tuple[int, Path]:
    """Become a counted user; return the descriptor that counts us and the server's socket."""
    deadline = time.monotonic() + START_SECONDS
    with ExitStack() as undo:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            starting = open_lock(folder / LOCK_NAME)
            with _closing_lock(starting):
                _lock(starting, fcntl.LOCK_EX, folder, deadline)
                users = open_lock(folder / USERS_NAME)
                undo.callback(os.close, users)
                _lock(users, fcntl.LOCK_SH, folder, deadline)
                path = _find_or_start(folder, deadline)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ServiceError("redis_folder_unusable", folder=folder, reason=reason) from error
        undo.pop_all()
    return users, path


def choose_socket(folder: Path) -> Path:
    """Make a private folder with a short path, named after the state folder; return a path in it.

    Raises ServiceError redis_no_socket_folder when every candidate is too long, somebody else's,
    or open to others.
    """
    digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    bases = [*([runtime] if runtime else []), tempfile.gettempdir(), "/tmp"]  # noqa: S108
    for base in bases:
        path = Path(base, f"sekisho-{os.geteuid()}-{digest}", "redis.sock")
        if len(os.fsencode(path)) <= SOCKET_BYTES_MAX and _make_private(path.parent):
            return path
    raise ServiceError("redis_no_socket_folder", tried=", ".join(bases))


def _make_private(folder: Path) -> bool:
    """Make the folder for us alone; False if it cannot be made or others can get in."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return ours and not stat.S_IMODE(found.st_mode) & 0o077


@contextmanager
def _closing_lock(descriptor: int) -> Iterator[None]:
    """At the end let go of the lock, even where a fork of this moment holds the descriptor."""
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _lock(descriptor: int, kind: int, folder: Path, deadline: float) -> None:
    """Take a lock before the deadline; flock itself knows no time limit, hence the short naps."""
    while not try_lock(descriptor, kind):
        if time.monotonic() > deadline:
            raise ServiceError("redis_start_timeout", folder=folder, seconds=int(START_SECONDS))
        time.sleep(0.01)


def _find_or_start(folder: Path, deadline: float) -> Path:
    """Return the socket of the folder's server; called under `redis.lock`, as a counted user."""
    guard = open_lock(folder / GUARD_NAME)
    with _closing_lock(guard):
        while True:
            if try_lock(guard, fcntl.LOCK_EX):  # nobody guards a server
                fcntl.flock(guard, fcntl.LOCK_UN)
                if (started := _start(folder)) is not None:
                    return started
            path = Path(os.fsdecode(os.pread(guard, 4096, 0)))
            if answers(path):
                return path
            if time.monotonic() > deadline:
                raise ServiceError("redis_not_answering", socket=path, folder=folder)
            time.sleep(0.05)  # its server died, or its socket was removed: the guard ends itself


def _start(folder: Path) -> Path | None:
    """Start a guard and return its server's socket; None if another guard was quicker.

    That other one was started by somebody killed while waiting for it, as we wait here.
    """
    find_redis_server()  # said here in words rather than in the guard's log
    path = choose_socket(folder)
    package_root = str(Path(__file__).resolve().parent.parent)
    python_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    log = folder / LOG_NAME
    opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        done = subprocess.run(  # noqa: S603 - our own module, no shell
            [sys.executable, "-P", "-m", "workers.redis_guard", str(folder), str(path)],
            stdin=subprocess.DEVNULL,
            stdout=opened,
            stderr=opened,
            cwd="/",
            env={**os.environ, "PYTHONPATH": python_path},
            start_new_session=True,
            timeout=START_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ServiceError(
            "redis_start_timeout", folder=folder, seconds=int(START_SECONDS)
        ) from error
    finally:
        os.close(opened)
    if done.returncode == int(OTHER_GUARD):
        return None
    if done.returncode != int(READY):
        raise ServiceError("redis_start_failed", log=log)
    return path
