"""A client of the test's database, and a clock that only pauses move."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from jobs.client import Client
from jobs.store import Database


@dataclass
class Clock:
    """Time that passes in pauses alone; `during` runs in each of them."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)
    during: Callable[[], object] = lambda: None

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.pauses.append(seconds)
        self.now += seconds
        self.during()

    def read(self) -> float:
        """Return the time in seconds."""
        return self.now


def url_of(database: Database) -> str:
    """The address of a test's database."""
    return database.engine.url.render_as_string(hide_password=False)


@pytest.fixture
def clock() -> Clock:
    """A clock at 0."""
    return Clock()


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows for a server's database are spooled in a folder of the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture
def client(database: Database, clock: Clock) -> Iterator[Client]:
    """A client; every test runs on both kinds of database."""
    with Client(url_of(database), language="en", pause=clock.pause, clock=clock.read) as client:
        yield client
