"""What every engine can do, so that the executor knows none of them."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from jobs.prompt import Asked, Completion, Prompt, Question


@dataclass(frozen=True, slots=True)
class EngineModel:
    """The file that answers: `file_hash` is the sha256 of its bytes in hex.

    Of a server's model nobody here has the bytes: it is then the sha256 of what the server says
    about it. `numerics` are words for what else its numbers hang on: the program, and how exact
    it is. `place` is shown of a worker that has no device of its own.
    """

    name: str
    file_hash: str
    context_tokens: int
    numerics: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Counters:
    """What an engine has done since it was loaded. Times in seconds.

    `forwarded_tokens` were computed, `shared_tokens` reused from a prefix, `generated_tokens`
    written or read to score labels, `refused_tokens` wished by the model and not allowed by a
    schema. `preempted_rows` gave their place back and were read again. `busy_seconds` were spent
    in the device's native calls, `idle_seconds` without work. Of `cells` KV cells `held_cells`
    hold tokens after the latest step, `peak_cells` at most.
    """

    steps: int = 0
    rows: int = 0
    forwarded_tokens: int = 0
    shared_tokens: int = 0
    generated_tokens: int = 0
    refused_tokens: int = 0
    preempted_rows: int = 0
    busy_seconds: float = 0.0
    idle_seconds: float = 0.0
    held_cells: int = 0
    peak_cells: int = 0
    cells: int = 0


class Engine(Protocol):
    """Answers many prompts at once; safe to call from several threads.

    Whoever changes what an engine answers to a prompt raises `jobs.cache.SCORER_VERSION`.

    Every submitted prompt is delivered exactly once, in any order, on the engine's own thread;
    `deliver` must not block. A prompt's failure is a `Completion` with `error` set and never
    touches its neighbours.
    """

    @property
    def model(self) -> EngineModel: ...

    @property
    def asks(self) -> Asked:
        """What it is to be handed: prompts, or questions if it only talks."""
        ...

    def submit(
        self,
        prompts: Sequence[Prompt | Question],
        deliver: Callable[[Completion], None],
        *,
        alone: bool = False,
        owner: object = None,
    ) -> None:
        """Queue prompts for an owner. With `alone` each of them is the only one in its native step.

        All are what `asks` says; anything else is a TypeError.
        Prompts may share a key: they are parts of one row, and each is delivered.
        Raises `SpecError` for a constraint this engine cannot meet (`labels_tokenise_alike`,
        `answers_tokenise_alike`, `schema_unusable`); then none of the prompts is queued.
        """

    def withdraw(self, keys: Collection[int], *, owner: object = None) -> None:
        """Deliver those of `keys` as `withdrawn` that the running step does not finish.

        With an `owner` only its own: a row whose lease was lost may have been asked about anew.

        An answer that is half written is given up: a stop must not wait for its last token.
        """

    def stalled_seconds(self) -> float:
        """Seconds since the last finished step while work is waiting; 0.0 when idle."""

    def counters(self) -> Counters: ...

    def close(self) -> None:
        """Finish the running step, hand back what is left as `withdrawn`, free the device."""
