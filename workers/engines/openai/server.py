"""One server as its engine sees it: up or down, how many rows are out, whose time passes. Pure.

Time is handed in, in seconds of one clock; nothing here waits or speaks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from workers.engines.openai.pace import Pace
from workers.engines.openai.probe import Profile
from workers.engines.openai.wire import Wire

FAULTS_MAX: Final = 3
"""A server that fails so often in a row, without an answer between, is taken for sick."""
BUSY_SECONDS: Final = 1.0
"""How long a server that is busy is left alone if it does not say."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A row that is out at a server: since when, and how much shared time had passed by then."""

    at: float
    shared_ms: float


class Server:
    """A server of a model. `profile` is None until it has been asked what it can do.

    While n rows are out, each bears an n-th of the time that passes: what the rows of a moment
    cost together is that moment.
    """

    def __init__(self, wire: Wire, profile: Profile | None, pace: Pace) -> None:
        self.wire = wire
        self.profile = profile
        self.pace = pace
        self.up = profile is not None
        self.changed = False
        self.reserved = False  # for a row that must be alone
        self.taken = False  # by such a row
        self.in_flight = 0
        self.unfit_schemas: set[str] = set()
        self.busy_ms = 0.0
        self._paused_until = 0.0
        self._faults = 0
        self._shared_ms = 0.0
        self._at = 0.0

    @property
    def shown(self) -> str:
        """Host and port, for people."""
        return self.wire.address.shown

    @property
    def load(self) -> float:
        """The share of its limit that is out."""
        return self.in_flight / self.pace.limit

    def has_room(self, now: float) -> bool:
        """Say whether one more row may be sent."""
        free = self.up and not self.reserved and now >= self._paused_until
        return free and self.in_flight < self.pace.limit

    def may_take_alone(self, now: float) -> bool:
        """Say whether a row that must be alone may be sent: it is reserved for it, and empty."""
        free = self.up and self.reserved and not self.taken and now >= self._paused_until
        return free and not self.in_flight

    def enter(self, now: float) -> Visit:
        """Send a row."""
        self._pass_time(now)
        self.in_flight += 1
        return Visit(now, self._shared_ms)

    def leave(self, visit: Visit, now: float) -> float:
        """Have a row back; return the milliseconds of the server's time that it bears."""
        self._pass_time(now)
        self.in_flight -= 1
        return self._shared_ms - visit.shared_ms

    def succeed(self) -> None:
        """Note an answer."""
        self._faults = 0

    def fail(self) -> bool:
        """Note a fault; say whether the server is to be taken for sick."""
        self._faults += 1
        return self._faults >= FAULTS_MAX

    def pause(self, now: float, seconds: float | None) -> None:
        """Send nothing for a while."""
        wait = BUSY_SECONDS if seconds is None else seconds
        self._paused_until = max(self._paused_until, now + wait)

    def go_down(self) -> None:
        """Send nothing until it has come back."""
        self.up = False
        self._faults = 0

    def come_back(self, profile: Profile) -> None:
        """Take part again."""
        self.profile = profile
        self.up, self.changed = True, False
        self._paused_until = 0.0

    def _pass_time(self, now: float) -> None:
        passed_ms = max(now - self._at, 0.0) * 1000
        if self.in_flight:
            self.busy_ms += passed_ms
            self._shared_ms += passed_ms / self.in_flight
        self._at = max(now, self._at)


def choose(servers: Iterable[Server], now: float) -> Server | None:
    """Return the least busy server with room for a row, None if there is none."""
    free = [server for server in servers if server.has_room(now)]
    return min(free, key=lambda server: (server.load, server.in_flight), default=None)


def reserve(servers: Sequence[Server], now: float, *, wanted: bool) -> Server | None:
    """Return an empty server for a row that must be alone, None while none has become empty.

    One server is kept free of new rows for it, the least busy one; none if it is not `wanted`.
    """
    if not wanted:
        for server in servers:
            server.reserved = server.taken
        return None
    up = [server for server in servers if server.up]
    kept = [server for server in up if server.reserved]
    if not kept and up:
        kept = [min(up, key=lambda server: server.in_flight)]
        kept[0].reserved = True
    return next((server for server in kept if server.may_take_alone(now)), None)
