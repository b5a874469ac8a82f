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
from dataclasses import replace

from jobs.prompt import Completion, FreeText, JsonText, LabelChoice, LabelSet, Prompt, Usage
from workers.engines.protocol import EngineModel
from workers.engines.stub_answers import (
    BYTES_PER_TOKEN,
    check_schema,
    choose_label,
    choose_labels,
    cut,
    write_json,
    write_text,
)
from workers.engines.thread import EngineThread, Ticket
from workers.journal import Journal


class StubEngine(EngineThread):
    """Answers `rows_per_step` rows at a time by a hash of their text.

    `abort_on` kills the process when a text of the step contains it; `hang_on` blocks the step
    until `release_hang`; `pause_ms_per_step` is waited in every step and ends early on close.
    A written answer to a text that contains `truncate_on` is cut in half (`length`).
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
        truncate_on: str | None = None,
        pause_ms_per_step: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        file_hash = hashlib.sha256(name.encode()).hexdigest()
        super().__init__(EngineModel(name, file_hash, context_tokens), clock=clock)
        self._journal = journal
        self._rows_per_step = rows_per_step
        self._abort_on = abort_on
        self._hang_on = hang_on
        self._truncate_on = truncate_on
        self._checked: set[str] = set()
        self._pause_ms_per_step = pause_ms_per_step
        self._queue: deque[Ticket] = deque()
        self._unhang = threading.Event()
        self.start()

    def release_hang(self) -> None:
        """Let a step that hangs go on, so that a test can close its engine."""
        self._unhang.set()

    def check(self, prompt: Prompt) -> None:
        if (
            isinstance(prompt.constraint, JsonText)
            and prompt.constraint.schema not in self._checked
        ):
            check_schema(prompt.constraint.schema)
            self._checked.add(prompt.constraint.schema)

    def admit(self, tickets: Sequence[Ticket]) -> None:
        for ticket in tickets:
            if not ticket.prompt.text.strip():
                self.fail(ticket, "no_text")
            elif _count_all(ticket.prompt) > self.model.context_tokens:
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
        completions = [_answer(ticket.prompt, self._truncate_on) for ticket in rows]
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


def _count_all(prompt: Prompt) -> int:
    constraint = prompt.constraint
    written = 0 if isinstance(constraint, LabelChoice | LabelSet) else constraint.max_tokens
    return _count_row(prompt) + _count_frame(prompt) + written


def _answer(prompt: Prompt, truncate_on: str | None) -> Completion:
    """Answer from text and constraint alone; equal texts get equal answers."""
    constraint = prompt.constraint
    tokens = _count_row(prompt)
    usage = Usage(tokens, _count_frame(prompt), 1, device_ms=tokens * 0.01)
    if isinstance(constraint, LabelChoice | LabelSet):
        choose = choose_label if isinstance(constraint, LabelChoice) else choose_labels
        label, scores = choose(constraint.labels, prompt.text)
        return Completion(
            key=prompt.key,
            text=label,
            scores=scores,
            finish="choice",
            confidence_source="label_probability",
            usage=usage,
        )
    if isinstance(constraint, FreeText):
        answer = write_text(constraint, prompt.text)
    else:
        answer = write_json(constraint, prompt.text)
    if truncate_on is not None and truncate_on in prompt.text:
        answer = cut(answer, len(answer[1]) // 2)
    text, written, finish = answer
    return Completion(
        key=prompt.key,
        text=text,
        tokens=written,
        finish=finish,
        confidence_source="token_logprobs",
        usage=replace(usage, output_tokens=len(written)),
    )
