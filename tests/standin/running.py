"""Runs the stand-in on a free loopback port, in a thread or as this process."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from tests.standin.invoice import Entry
from tests.standin.script import Script
from tests.standin.server import StandIn

WAIT_SECONDS = 30
KEY = "sk-standin-0000"


class RunningStandIn:
    """A stand-in that listens; its book can be read at any time."""

    def __init__(self, url: str, state: StandIn) -> None:
        self.url = url
        self.key = state.script.key or KEY
        self._state = state

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The accepted requests, in the order of their acceptance."""
        return tuple(self._state.entries)

    @property
    def arrived(self) -> int:
        """How many requests arrived, turned away ones too."""
        return self._state.arrived

    @property
    def invoice_nano_usd(self) -> int:
        return self._state.invoice_nano_usd


@contextmanager
def run_standin(script: Script | None = None) -> Iterator[RunningStandIn]:
    """Yield a stand-in that runs in a thread of this process; it ends with the block."""
    state = StandIn(script or Script())
    with serve_in_thread(state.application()) as url:
        yield RunningStandIn(url, state)


@contextmanager
def serve_in_thread(application: Starlette) -> Iterator[str]:
    """Yield the URL of an application that runs in a thread of this process, until the end."""
    ready = threading.Event()
    with _listen(0) as listener:
        server = _Server(application, ready.set)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="stand-in", daemon=True
        )
        thread.start()
        try:
            if not ready.wait(WAIT_SECONDS):
                raise RuntimeError("the stand-in is not ready")
            yield _url(listener)
        finally:
            server.should_exit = True
            thread.join(WAIT_SECONDS)


def serve(script: Script, port: int, announce: Callable[[str], None]) -> None:
    """Serve until the process is told to end; `announce` is called with the URL when ready."""
    with _listen(port) as listener:
        url = _url(listener)
        _Server(StandIn(script).application(), lambda: announce(url)).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Says when it is ready; logs nothing below a warning, and never a body."""

    def __init__(self, application: Starlette, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http="h11",
                ws="none",
                lifespan="off",
                loop="asyncio",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def _listen(port: int) -> socket.socket:
    # asyncio sends small replies at once only where the protocol is named.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(512)
    return listener


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"
