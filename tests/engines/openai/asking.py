"""What the tests of this folder share: wires to stand-ins, and engines over them."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from jobs.prompt import Completion, Question
from workers.engines.openai.access import read_address
from workers.engines.openai.engine import ServerEngine
from workers.engines.openai.load import describe
from workers.engines.openai.pace import Pace
from workers.engines.openai.probe import Profile, probe
from workers.engines.openai.returning import Watch
from workers.engines.openai.server import Server
from workers.engines.openai.wire import Wire
from workers.settings import ModelSection

PATIENCE_SECONDS = 120.0  # a test that passes never waits so long
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"label": {"type": "string", "enum": ["refund", "delivery"]}},
        "required": ["label"],
        "additionalProperties": False,
    }
)
T = TypeVar("T")


def with_wire(
    url: str,
    what: Callable[[Wire], Awaitable[T]],
    *,
    key: str | None = None,
    timeout_seconds: float = 5.0,
) -> T:
    """Open a wire, use it and close it, in an event loop of its own."""

    async def run() -> T:
        address = read_address(url, "m")
        wire = Wire(address, ["127.0.0.1"], key=key, timeout_seconds=timeout_seconds)
        try:
            return await what(wire)
        finally:
            await wire.close()

    return asyncio.run(run())


def find_out(url: str, wanted: str | None = None, *, trusted: bool = False) -> Profile:
    """Probe a server."""
    return with_wire(url, lambda wire: probe(wire, "m", wanted, trusted=trusted))


def make_questions(texts: Sequence[str], *, first_key: int = 0) -> list[Question]:
    return [
        Question(key, "Sort the message.", text, SCHEMA, 32)
        for key, text in enumerate(texts, first_key)
    ]


class Tray:
    """Takes deliveries and waits for as many as are due, each exactly once."""

    def __init__(self, due: int) -> None:
        self.completions: list[Completion] = []
        self._due = due
        self._full = threading.Event()

    def __call__(self, completion: Completion) -> None:
        self.completions.append(completion)
        if len(self.completions) >= self._due:
            self._full.set()

    def wait(self) -> dict[int, Completion]:
        assert self._full.wait(PATIENCE_SECONDS)
        counts = Counter(completion.key for completion in self.completions)
        assert max(counts.values()) == 1
        return {completion.key: completion for completion in self.completions}


@contextmanager
def open_engine(
    *urls: str,
    limit: int = 4,
    timeout_seconds: float = 5.0,
    give_up_seconds: float = 60.0,
    look_every_seconds: float = 60.0,
) -> Iterator[ServerEngine]:
    """Yield an engine over servers that come back at once; it is closed with the block."""
    profiles = [find_out(url) for url in urls]
    section = ModelSection(engine="openai", urls=tuple(urls))
    servers = [
        Server(
            Wire(read_address(url, "m"), ["127.0.0.1"], timeout_seconds=timeout_seconds),
            profile,
            Pace(limit, limit),
        )
        for url, profile in zip(urls, profiles, strict=True)
    ]
    engine = ServerEngine(
        describe("m", section, profiles),
        servers,
        Watch(
            "m",
            None,
            profiles[0].identity.fingerprint,
            pauses_seconds=(0.01,),
            look_every_seconds=look_every_seconds,
        ),
        patience_seconds=give_up_seconds,
        timeout_seconds=timeout_seconds,
    )
    try:
        yield engine
    finally:
        engine.close()


def ask_all(engine: ServerEngine, texts: Sequence[str], *, alone: bool = False) -> list[Completion]:
    """Ask about texts and return the answers in their order."""
    tray = Tray(len(texts))
    engine.submit(make_questions(texts), tray, alone=alone)
    answers = tray.wait()
    return [answers[key] for key in sorted(answers)]
