"""The batches in flight: sees to it that somebody answers them, and notices their end."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from jobs.errors import ModelError
from jobs.job import CLOUD_QUEUE
from jobs.store import Database, batches, chunks, cloud, results
from jobs.store.batches import Batch
from workers.crew import Crew
from workers.patience import LOOK_SECONDS, Patience
from workers.run import UNFINISHED
from workers.view import View
from workers.watch.outcome import Taken

TURN_SECONDS: Final = 600.0
"""How long one local model is worked on while files of another wait: loading one takes a while."""


@dataclass(frozen=True, slots=True)
class Flight:
    """A batch and the files that hold its content; the first is usually the one it came from."""

    identity: str
    batch_id: str
    files: tuple[Taken, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """A flight whose batch has come to an end."""

    flight: Flight
    batch: Batch


@dataclass(frozen=True, slots=True)
class Stuck:
    """A flight that no worker here can answer, and why."""

    flight: Flight
    error: ModelError


class Answering:
    """Keeps one crew busy with several batches; models take turns, the oldest batch first."""

    def __init__(
        self,
        database: Database,
        crew: Crew,
        view: View,
        *,
        give_up_seconds: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._crew = crew
        self._view = view
        self._give_up_seconds = give_up_seconds
        self._clock = clock
        self._flights: dict[str, Flight] = {}
        self._needed: Mapping[str, Sequence[str]] = {}
        self._patience: dict[str, Patience] = {}
        self._next_tally = clock()
        self._turn: str | None = None
        self._turn_since = clock()

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def files(self) -> list[Taken]:
        """The files whose batches are in flight."""
        return [taken for flight in self._flights.values() for taken in flight.files]

    def join(self, taken: Taken) -> bool:
        """Let a file wait for a batch in flight that holds its content; False if none does."""
        flight = self._flights.get(taken.identity)
        if flight is not None:
            self._flights[taken.identity] = replace(flight, files=(*flight.files, taken))
        return flight is not None

    def add(self, batch: Batch, taken: Taken) -> None:
        """Begin to answer a file's batch, or to wait for filing it if the batch has ended."""
        self._flights[taken.identity] = Flight(taken.identity, batch.batch_id, (taken,))

    def keep(self, identity: str, files: Sequence[Taken]) -> None:
        """Let only these files wait further; without any the flight is over."""
        flight = self._flights.pop(identity)
        self._patience.pop(identity, None)
        if files:
            self._flights[identity] = replace(flight, files=tuple(files))

    def look(self) -> list[Ended]:
        """Return the flights that have ended and learn what the others need."""
        ended: list[Ended] = []
        needed: dict[str, list[str]] = {}
        for flight in self._flights.values():
            batch = batches.get(self._database, flight.batch_id)
            if batch.status in UNFINISHED:
                needed[flight.identity] = chunks.needed_models(self._database, flight.batch_id)
            else:
                ended.append(Ended(flight, batch))
        self._needed = needed
        return ended

    def work(self) -> list[Stuck]:
        """Let the crew work on what is in flight; return what keeps single batches from it.

        Raises ServiceError and ModelError for what keeps the crew from all work.
        """
        stuck: list[Stuck] = []
        needed = self._needed
        over = self._clock() - self._turn_since >= TURN_SECONDS
        chosen = choose_models(list(needed.values()), self._turn, turn_is_over=over)
        local = next((name for name in chosen if name != CLOUD_QUEUE), None)
        if local is not None and (local != self._turn or over):
            self._turn, self._turn_since = local, self._clock()
        self._crew.ensure(chosen)
        for identity in needed:
            pins = batches.pinned_models(self._database, self._flights[identity].batch_id)
            try:
                self._crew.check_pins({name: pins[name] for name in chosen if name in pins})
            except ModelError as error:
                stuck.append(Stuck(self._flights[identity], error))
        if self._clock() >= self._next_tally:
            self._next_tally = self._clock() + LOOK_SECONDS
            for identity, names in needed.items():
                self._look_at_cloud(self._flights[identity], names)
        return stuck

    def _look_at_cloud(self, flight: Flight, needed: Sequence[str]) -> None:
        """Counting a batch's rows is dear: only those that wait for the cloud are counted."""
        if CLOUD_QUEUE not in needed:
            self._patience.pop(flight.identity, None)
            return
        batch_id = flight.batch_id
        patience = self._patience.setdefault(
            flight.identity,
            Patience(
                self._view,
                self._give_up_seconds,
                lambda: cloud.newest_end(self._database, batch_id),
                self._clock,
            ),
        )
        patience.look(needed, results.tally(self._database, batch_id))

    def start_again(self) -> None:
        """Let go of workers that gave up, so that the next look starts new ones."""
        self._crew.dismiss_failed()


def choose_models(
    needed: Sequence[Sequence[str]], current: str | None, *, turn_is_over: bool
) -> list[str]:
    """Choose whom to keep at work: one local model, and the cloud if any batch needs it.

    `needed` has the models of each batch, cheap to dear, the oldest batch first. The model at
    work stays while it has work, until its turn is over and another one waits.
    """
    first = [next((name for name in names if name != CLOUD_QUEUE), None) for names in needed]
    local = [name for name in first if name is not None]
    cloud_models = [CLOUD_QUEUE] if any(CLOUD_QUEUE in names for names in needed) else []
    if not local:
        return cloud_models
    others = [name for name in local if name != current]
    if current in local and not (turn_is_over and others):
        return [current, *cloud_models] if current is not None else cloud_models
    return [others[0], *cloud_models]
