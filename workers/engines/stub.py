"""A real engine without a model: for fault tests and for the tests of users.

Answers are a function of the row's text and the labels alone. It keeps the protocol, the
journal and the threads of a native engine, and can crash or hang where a native engine would.
"""

import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Final

from jobs.prompt import Completion, Prompt, Usage
from workers.engines.protocol import EngineModel
from workers.engines.thread import EngineThread, Ticket
from workers.journal import Journal

BYTES_PER_TOKEN: Final = 4  # plausible for English; usage only has to be stable and positive


class StubEngine(EngineThread):
    """Answers `rows_per_step` rows at a time by a hash of their text.

    `abort_on` kills the process when a text of the step contains it; `hang_on` blocks the step
    until `release_hang`; `pause_ms_per_step` is waited in every step and ends early on close.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        name: str = "stub",
        context_tokens: int = 8192,
        rows_per_step: int = 64,
        abort_on: str | None = None,
        hang_on: str | None = None,
        pause_ms_per_step: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        file_hash = hashlib.sha256(name.encode()).hexdigest()
        super().__init__(EngineModel(name, file_hash, context_tokens), clock=clock)
        self._journal = journal
        self._rows_per_step = rows_per_step
        self._abort_on = abort_on
        self._hang_on = hang_on
        self._pause_ms_per_step = pause_ms_per_step
        self._queue: deque[Ticket] = deque()
        self._unhang = threading.Event()
        self.start()

    def release_hang(self) -> None:
        """Let a step that hangs go on, so that a test can close its engine."""
        self._unhang.set()

    def admit(self, tickets: Sequence[Ticket]) -> None:
        for ticket in tickets:
            if not ticket.prompt.text.strip():
                self.fail(ticket, "no_text")
            elif (
                _count_row(ticket.prompt) + _count_frame(ticket.prompt) > self.model.context_tokens
            ):
                self.fail(ticket, "input_too_long")
            else:
                self._queue.append(ticket)

    def drop(self, tickets: Collection[Ticket]) -> None:
        gone = {id(ticket) for ticket in tickets}
        self._queue = deque(ticket for ticket in self._queue if id(ticket) not in gone)

    def step(self) -> None:
        rows = self._take()
        if not rows:
            return
        started = self._clock()
        self._journal.write([ticket.prompt.key for ticket in rows])
        self._misbehave(rows)
        completions = [_answer(ticket.prompt) for ticket in rows]
        self._journal.clear()
        seconds = self._clock() - started
        forwarded = sum(completion.usage.prompt_tokens for completion in completions)
        shared = sum(completion.usage.shared_tokens for completion in completions)
        self.count(steps=1, forwarded_tokens=forwarded, shared_tokens=shared, busy_seconds=seconds)
        for ticket, completion in zip(rows, completions, strict=True):
            self.answer(ticket, completion)

    def _take(self) -> list[Ticket]:
        rows: list[Ticket] = []
        while self._queue and len(rows) < self._rows_per_step:
            if rows and (rows[0].alone or self._queue[0].alone):
                break
            rows.append(self._queue.popleft())
        return rows

    def _misbehave(self, rows: Sequence[Ticket]) -> None:
        if _any_contains(rows, self._abort_on):
            os.abort()
        if _any_contains(rows, self._hang_on):
            self._unhang.wait()
        if self._pause_ms_per_step:
            self._closing.wait(self._pause_ms_per_step / 1000)


def _any_contains(rows: Sequence[Ticket], marker: str | None) -> bool:
    return marker is not None and any(marker in ticket.prompt.text for ticket in rows)


def _count_row(prompt: Prompt) -> int:
    return 1 + len(prompt.text.encode("utf-8", "replace")) // BYTES_PER_TOKEN


def _count_frame(prompt: Prompt) -> int:
    frame = prompt.frame
    words = "".join((frame.system, frame.before, frame.after, frame.answer_start))
    return len(words.encode("utf-8", "replace")) // BYTES_PER_TOKEN


def _answer(prompt: Prompt) -> Completion:
    """Weigh each label by a hash of label and text; equal texts get equal answers."""
    text = prompt.text.encode("utf-8", "replace")
    weights = [
        1 + _hash(label.encode() + b"\0" + text) % 1000 for label in prompt.constraint.labels
    ]
    total = sum(weights)
    scores = tuple(
        (label, weight / total)
        for label, weight in zip(prompt.constraint.labels, weights, strict=True)
    )
    tokens = _count_row(prompt)
    return Completion(
        key=prompt.key,
        text=max(scores, key=lambda score: score[1])[0],
        scores=scores,
        confidence_source="label_probability",
        usage=Usage(tokens, _count_frame(prompt), 1, device_ms=tokens * 0.01),
    )


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest())
