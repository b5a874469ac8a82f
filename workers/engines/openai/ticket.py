"""A question on its way: how often it failed, what it cost, and what becomes of it. Pure."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from jobs.prompt import Completion, Question, Usage
from workers.engines.openai.failures import Meaning
from workers.engines.openai.reply import Reply
from workers.engines.openai.server import Visit
from workers.engines.openai.wire import WireError

SUSPECT_FAULTS: Final = 2
"""After so many faults a row is asked alone."""
STRIKES_MAX: Final = 2
"""After so many faults alone, at a server that had just been well, it is given up."""

State = Literal["well", "busy", "down", "slow", "fault"]


@dataclass(slots=True, eq=False)
class Ticket:
    """A question on its way. `task` is the attempt that is under way, `visit` where it is out."""

    question: Question
    deliver: Callable[[Completion], None]
    alone: bool
    owner: object
    faults: int = 0
    strikes: int = 0
    device_ms: float = 0.0
    task: "asyncio.Task[None] | None" = None
    visit: Visit | None = None

    @property
    def is_suspect(self) -> bool:
        """Whether it is to be asked alone."""
        return self.alone or self.faults >= SUSPECT_FAULTS

    @property
    def is_lost(self) -> bool:
        """Whether no server will answer it."""
        return self.strikes >= STRIKES_MAX

    def note_fault(self, *, slow: bool, alone: bool) -> None:
        """Count a fault that may be its own; a row that took all its time is suspect at once."""
        self.faults += SUSPECT_FAULTS if slow else 1
        self.strikes += alone

    def complete(self, reply: Reply) -> Completion:
        """Return its answer, with all the time that it took."""
        read, wrote = reply.prompt_tokens or 0, reply.output_tokens or 0
        fresh = read - reply.cached_tokens
        return Completion(
            self.question.key,
            reply.text,
            confidence_source="token_logprobs" if reply.tokens else "none",
            usage=Usage(fresh, reply.cached_tokens, wrote, self.device_ms),
            tokens=reply.tokens,
            finish=reply.finish,
            asked="question",
        )

    def fail(self, code: str) -> Completion:
        """Return the code of the reason why there is no answer."""
        usage = Usage(device_ms=self.device_ms)
        return Completion(self.question.key, None, usage=usage, error=code, asked="question")


def find_fault(result: Meaning | WireError) -> tuple[State, str]:
    """Return what a reply without an answer says of the server, and a code.

    The code is the row's where the server is `well`, else the reason why that is not.
    """
    if isinstance(result, WireError):
        if result.trouble == "unreachable":
            return "down", "server_unreachable"
        return ("slow", "server_slow") if result.trouble == "timeout" else ("fault", "server_error")
    states: dict[str, tuple[State, str]] = {
        "too_long": ("well", "input_too_long"),
        "row_refused": ("well", "server_refused"),
        "busy": ("busy", "server_busy"),
        "loading": ("down", "server_loading"),
        "not_served": ("down", result.code or "server_error"),
    }
    return states.get(result.kind, ("fault", "server_error"))
