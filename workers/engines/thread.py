"""The one thread that owns a device: takes submissions, runs steps, delivers each prompt once.

A maker of answers inherits and fills in `admit`, `drop` and `step`. No native call is running
between two turns of the loop: a step delivers, or keeps for a later step, every row it took.
"""

import logging
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from jobs.errors import EngineStopped
from jobs.prompt import Asked, Completion, Prompt, Question, Usage
from workers.engines.protocol import Counters, EngineModel

ARRIVALS_PER_TURN: Final = 256  # preparing more between two steps would leave the device idle

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Ticket:
    """One submitted prompt and where its answer goes; `submission` counts the submit calls."""

    prompt: Prompt
    deliver: Callable[[Completion], None]
    submission: int
    alone: bool
    owner: object = None
    withdrawn: bool = False


class EngineThread(ABC):
    """The part of the `Engine` protocol that is the same for every engine with a thread."""

    def __init__(self, model: EngineModel, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._model = model
        self._clock = clock
        self._counters = Counters()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._ended = False
        self._inbox: deque[Ticket] = deque()
        self._outstanding: dict[int, Ticket] = {}
        self._submissions = 0
        self._progress_at = clock()
        self._thread = threading.Thread(
            target=self._serve, name=f"engine {model.name}", daemon=True
        )

    @property
    def model(self) -> EngineModel:
        return self._model

    @property
    def asks(self) -> Asked:
        """It completes, constrains and scores."""
        return "prompt"

    def start(self) -> None:
        """Let the thread take over the device; called once, by whoever built the engine."""
        self._thread.start()

    def submit(
        self,
        prompts: Sequence[Prompt | Question],
        deliver: Callable[[Completion], None],
        *,
        alone: bool = False,
        owner: object = None,
    ) -> None:
        """Queue prompts; raises `SpecError` for a constraint this engine cannot meet."""
        with self._changed:
            if self._ended or self._closing.is_set():
                raise EngineStopped("engine_stopped", model=self._model.name)
            tickets = []
            for prompt in prompts:
                if not isinstance(prompt, Prompt):
                    raise TypeError("this engine takes prompts")
                self.check(prompt)
                tickets.append(Ticket(prompt, deliver, self._submissions, alone, owner))
            if not self._outstanding:
                self._progress_at = self._clock()
            self._submissions += 1
            self._inbox.extend(tickets)
            self._outstanding.update((id(ticket), ticket) for ticket in tickets)
            self._changed.notify()

    def withdraw(self, keys: Collection[int], *, owner: object = None) -> None:
        """Mark prompts to be handed back at the end of the running step, unless it ends them."""
        wanted = frozenset(keys)
        with self._changed:
            for ticket in self._outstanding.values():
                if ticket.prompt.key in wanted and owner in (None, ticket.owner):
                    ticket.withdrawn = True
            self._changed.notify()

    def stalled_seconds(self) -> float:
        """Seconds since the last finished step while work is waiting; 0.0 when idle."""
        with self._changed:
            return self._clock() - self._progress_at if self._outstanding else 0.0

    def counters(self) -> Counters:
        return self._counters

    def close(self) -> None:
        """Finish the running step, hand back the rest, free the device; a second call is idle."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def check(self, prompt: Prompt) -> None:  # noqa: B027 - an engine may accept everything
        """Refuse a prompt in the submitter's thread, which holds the lock of this engine."""

    @abstractmethod
    def admit(self, tickets: Sequence[Ticket]) -> None:
        """Take arrivals into the engine's own queue, or answer them at once."""

    @abstractmethod
    def drop(self, tickets: Collection[Ticket]) -> None:
        """Forget those of `tickets` that the engine has taken, half-written answers too."""

    @abstractmethod
    def step(self) -> None:
        """Choose rows and answer them; returns at once when nothing is queued."""

    def release(self) -> None:  # noqa: B027 - not every engine holds a device
        """Free the device; the thread's last act."""

    def answer(self, ticket: Ticket, completion: Completion) -> None:
        """Deliver once; a consumer that raises loses its own answer and nobody else's."""
        with self._changed:
            if self._outstanding.pop(id(ticket), None) is None:
                return
        self.count(rows=1)
        try:
            ticket.deliver(completion)
        except Exception as error:
            _log.error("delivery of row %d failed: %s", completion.key, describe_error(error))

    def fail(self, ticket: Ticket, reason: str, usage: Usage = Usage()) -> None:  # noqa: B008
        """Deliver the code of the reason why there is no answer."""
        self.answer(ticket, Completion(ticket.prompt.key, None, usage=usage, error=reason))

    def count(
        self,
        *,
        steps: int = 0,
        rows: int = 0,
        forwarded_tokens: int = 0,
        shared_tokens: int = 0,
        generated_tokens: int = 0,
        refused_tokens: int = 0,
        preempted_rows: int = 0,
        busy_seconds: float = 0.0,
        idle_seconds: float = 0.0,
    ) -> None:
        """Add to the counters; only the engine's thread does."""
        old = self._counters
        self._counters = replace(
            old,
            steps=old.steps + steps,
            rows=old.rows + rows,
            forwarded_tokens=old.forwarded_tokens + forwarded_tokens,
            shared_tokens=old.shared_tokens + shared_tokens,
            generated_tokens=old.generated_tokens + generated_tokens,
            refused_tokens=old.refused_tokens + refused_tokens,
            preempted_rows=old.preempted_rows + preempted_rows,
            busy_seconds=old.busy_seconds + busy_seconds,
            idle_seconds=old.idle_seconds + idle_seconds,
        )

    def measure(self, *, held_cells: int, cells: int) -> None:
        """Note how full the context is after a step."""
        old = self._counters
        peak = max(old.peak_cells, held_cells)
        self._counters = replace(old, held_cells=held_cells, peak_cells=peak, cells=cells)

    def _serve(self) -> None:
        try:
            while self._wait_for_work():
                self._turn()
        except Exception as error:
            _log.critical("engine thread of %s died: %s", self._model.name, describe_error(error))
        finally:
            with self._changed:
                self._ended = True
            for ticket in tuple(self._outstanding.values()):
                self.fail(ticket, "withdrawn")
            self.release()

    def _wait_for_work(self) -> bool:
        with self._changed:
            if not self._outstanding:
                since = self._clock()
                self._changed.wait_for(lambda: self._closing.is_set() or self._outstanding)
                self.count(idle_seconds=self._clock() - since)
            return not self._closing.is_set()

    def _turn(self) -> None:
        with self._changed:
            withdrawn = [ticket for ticket in self._outstanding.values() if ticket.withdrawn]
            if withdrawn:
                self._inbox = deque(ticket for ticket in self._inbox if not ticket.withdrawn)
            count = min(len(self._inbox), ARRIVALS_PER_TURN)
            arrivals = [self._inbox.popleft() for _ in range(count)]
        self.drop(withdrawn)
        for ticket in withdrawn:
            self.fail(ticket, "withdrawn")
        self.admit(arrivals)
        self.step()
        with self._changed:
            self._progress_at = self._clock()


def describe_error(error: BaseException) -> str:
    """Name the kind and the place of an error, never its words: they may quote a row."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + place
