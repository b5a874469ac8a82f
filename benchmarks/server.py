"""The other side: a llama-server, somebody's by URL or our own by its binary, at its best."""

import http.client
import json
import math
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.machine import cpu_seconds
from benchmarks.own import CELL_PADDING, Loading
from benchmarks.peers import READ_TOKENS, UBATCH_TOKENS, PeerError, gpu_arguments
from benchmarks.prompts import Item
from benchmarks.table import Run

START_SECONDS: Final = 300.0
STOP_SECONDS: Final = 20.0
REPLY_SECONDS: Final = 1800.0
IDLE_SECONDS: Final = 1.0
FIELDS: Final = ["content", "tokens_predicted", "tokens_evaluated", "stop_type", "truncated"]


@dataclass(frozen=True, slots=True)
class Shape:
    """How a server is started: slots, and one KV cache for all or one for each."""

    slots: int
    unified: bool

    def __str__(self) -> str:
        return f"{self.slots} slots{', unified KV' if self.unified else ''}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server said to one request; `error` is a status or the name of an exception."""

    content: str = ""
    prompt_tokens: int = 0
    output_tokens: int = 0
    cut: bool = False
    error: str | None = None


Options = Mapping[str, Any]  # of one request, beside its prompt
Read = Callable[[Sequence[Item], Sequence[Reply]], int]  # counts the good replies


class Server:
    """Sends prompts as tokens over kept-open connections, as many at once as is asked for."""

    def __init__(self, url: str, pid: int | None = None) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self.pid = pid

    def is_ready(self) -> bool:
        """Say whether the model is loaded."""
        try:
            return self._talk(self._connect(5.0), "GET", "/health", None)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def slots(self) -> int:
        """Return how many requests the server works on at once; 1 if it does not say."""
        status, content = self._talk(self._connect(5.0), "GET", "/props", None)
        return int(json.loads(content).get("total_slots", 1)) if status == 200 else 1

    def ask(self, bodies: Sequence[bytes], at_once: int) -> list[Reply]:
        """Return the replies in the order of the requests."""
        replies: list[Reply | None] = [None] * len(bodies)
        waiting = iter(range(len(bodies)))
        guard = threading.Lock()

        def work() -> None:
            connection = self._connect(REPLY_SECONDS)
            while True:
                with guard:
                    number = next(waiting, None)
                if number is None:
                    connection.close()
                    return
                replies[number] = self._ask_one(connection, bodies[number])

        threads = [threading.Thread(target=work) for _ in range(min(at_once, len(bodies)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [reply or Reply(error="lost") for reply in replies]

    def run(self, items: Sequence[Item], options: Options, at_once: int, read: Read) -> Run:
        """Ask all rows and time it; the rate is in rows that `read` counts, the others failed.

        Requests are made before and replies are read after the time that counts.
        """
        bodies = [make_body(item, options) for item in items]
        used = time.process_time()
        begin = time.perf_counter()
        replies = self.ask(bodies, at_once)
        seconds = time.perf_counter() - begin
        used = time.process_time() - used
        facts = {
            "prompt tokens": float(sum(reply.prompt_tokens for reply in replies)),
            "written tokens": float(sum(reply.output_tokens for reply in replies)),
            "client cpu share": used / seconds,
        }
        good = read(items, replies)
        cut = 0 if options["n_predict"] == 1 else sum(reply.cut for reply in replies)
        return Run(good, seconds, len(items) - good, cut, facts)

    def idle_share(self) -> float:
        """Return the processors that the idle server keeps busy; nan for a foreign one."""
        return math.nan if self.pid is None else watch_idle(self.pid)

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def _ask_one(self, connection: http.client.HTTPConnection, body: bytes) -> Reply:
        for last in (False, True):
            try:
                return read_reply(*self._talk(connection, "POST", "/completion", body))
            except (OSError, http.client.HTTPException, ValueError) as error:
                connection.close()  # a kept connection may have been closed by the server
                if last:
                    return Reply(error=type(error).__name__)
        return Reply(error="lost")

    def _talk(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None
    ) -> tuple[int, bytes]:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()


def make_body(item: Item, options: Options) -> bytes:
    """Return a request for /completion: greedy, the prompt as tokens."""
    fixed = {"prompt": item.tokens, "temperature": 0.0, "stream": False, "response_fields": FIELDS}
    return json.dumps({**fixed, **options}).encode()


def read_reply(status: int, content: bytes) -> Reply:
    """Return what a reply says."""
    if status != 200:
        return Reply(error=str(status))
    said = json.loads(content)
    if said.get("truncated"):
        return Reply(error="truncated")
    return Reply(
        content=said["content"],
        prompt_tokens=said["tokens_evaluated"],
        output_tokens=said["tokens_predicted"],
        cut=said["stop_type"] == "limit",
    )


def watch_idle(pid: int) -> float:
    """Return how many processors a process that has nothing to do keeps busy."""
    time.sleep(0.3)  # ggml's threads may spin for some milliseconds after their last work
    before = cpu_seconds(pid)
    time.sleep(IDLE_SECONDS)
    return (cpu_seconds(pid) - before) / IDLE_SECONDS


def parse_shapes(text: str) -> list[Shape]:
    """Read "4,8,16u" as servers to try; "u" is one KV cache for all slots."""
    shapes = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d+)(u?)\s*", part)
        if found is None or int(found[1]) < 1:
            raise ValueError(part)
        shapes.append(Shape(int(found[1]), bool(found[2])))
    return shapes


@contextmanager
def start_server(binary: Path, loading: Loading, shape: Shape, row_tokens: int) -> Iterator[Server]:
    """Start a server whose every slot holds a row of `row_tokens`, and stop it afterwards."""
    cells = shape.slots * math.ceil((row_tokens + 8) / CELL_PADDING) * CELL_PADDING
    port, threads = find_port(), str(loading.threads)
    command = [
        str(binary), "-m", str(loading.model), "--host", "127.0.0.1", "--port", str(port),
        "-np", str(shape.slots), "-c", str(cells), "-t", threads, "-tb", threads,
        "-b", str(READ_TOKENS), "-ub", str(UBATCH_TOKENS), *gpu_arguments(loading),
        "--kv-unified" if shape.unified else "--no-kv-unified",
        "--cache-ram", "0", "--no-webui", "--no-slots", "--offline", "--log-disable",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        server = Server(f"http://127.0.0.1:{port}", process.pid)
        end = time.monotonic() + START_SECONDS
        while not server.is_ready():
            if process.poll() is not None or time.monotonic() > end:
                raise PeerError(f"{binary.name} did not start: {' '.join(command[3:])}")
            time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def find_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Choice:
    """The setting that won: shape, a name for the request's options, and how many at once."""

    shape: str
    name: str
    options: Options
    at_once: int

    def __str__(self) -> str:
        words = [self.shape, f"{self.at_once} at once", self.name]
        return "llama-server (" + ", ".join(word for word in words if word) + ")"


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """Where servers come from: a URL, or a binary and the shapes to try."""

    loading: Loading
    url: str | None
    binary: Path | None
    shapes: tuple[Shape, ...]
    crowds: tuple[int, ...]  # requests at once to try, as multiples of the slots

    @contextmanager
    def open_best(
        self, trial: Sequence[Item], ways: Mapping[str, Options], read: Read, row_tokens: int
    ) -> Iterator[tuple[Server, Choice]]:
        """Try every shape with every way of asking on the trial rows; yield the fastest.

        Whatever fails a row loses to whatever fails fewer.
        """
        if self.url is not None:
            server = Server(self.url)
            slots = server.slots()
            tried = list(self._try(server, f"{slots} slots", slots, trial, ways, read))
            yield server, max(tried, key=lambda one: one[0])[1]
            return
        if self.binary is None:
            raise PeerError("neither a URL nor a binary")
        best: tuple[tuple[int, float], Choice] | None = None
        chosen = self.shapes[0]
        for shape in self.shapes:
            with start_server(self.binary, self.loading, shape, row_tokens) as server:
                for one in self._try(server, str(shape), shape.slots, trial, ways, read):
                    if best is None or one[0] > best[0]:
                        best, chosen = one, shape
        if best is None:
            raise PeerError("no way of asking")
        with start_server(self.binary, self.loading, chosen, row_tokens) as server:
            yield server, best[1]

    def _try(
        self,
        server: Server,
        shape: str,
        slots: int,
        trial: Sequence[Item],
        ways: Mapping[str, Options],
        read: Read,
    ) -> Iterator[tuple[tuple[int, float], Choice]]:
        for name, options in ways.items():
            for at_once in (slots * crowd for crowd in self.crowds):
                server.run(trial[:slots], options, at_once, read)
                run = server.run(trial[slots:] or trial, options, at_once, read)
                yield (-run.failed, run.rate), Choice(shape, name, options, at_once)
