"""The engine: many rows in one decode, behind a prefix that is read once for all of them."""

import atexit
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from collections.abc import Sequence as Many
from contextlib import contextmanager

from jobs.prompt import Completion, Prompt
from workers.engines.llama import choose, generate
from workers.engines.llama.choose import Choice
from workers.engines.llama.groups import Groups
from workers.engines.llama.memory import Memory
from workers.engines.llama.model import Model, NoSlotError
from workers.engines.llama.scheduler import Budget, Scheduler
from workers.engines.llama.sequence import NOWHERE, Sequence
from workers.engines.llama.text import Text
from workers.engines.llama.vocabulary import DecodeError
from workers.engines.protocol import EngineModel
from workers.engines.thread import EngineThread, Ticket
from workers.journal import Journal


class LlamaEngine(EngineThread):
    """Answers prompts with one GGUF file in this process; `load_engine` makes it."""

    def __init__(
        self,
        model: Model,
        groups: Groups,
        journal: Journal,
        about: EngineModel,
        budget: Budget,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(about, clock=clock)
        self._native = model
        self._groups = groups
        self._journal = journal
        self._budget = budget
        self._scheduler = Scheduler(budget)
        self._memory = Memory(model, budget.sequences, clock, self._count_decode)
        atexit.register(self.close)  # native code that outlives the interpreter crashes
        self.start()

    def step(self) -> None:
        """Give every row that is being written one token, then let the next rows begin."""
        for rows in tuple(self._scheduler.ongoing()):
            if rows[0].place != NOWHERE:  # else an earlier failure took all memory
                self._work(rows)
        rows = self._scheduler.pick()
        if rows:
            self._work(rows)

    def check(self, prompt: Prompt) -> None:
        self._groups.find(prompt)

    def admit(self, tickets: Many[Ticket]) -> None:
        """Tokenise arrivals; native too, so their ids stand in the journal meanwhile."""
        lonely = [[ticket] for ticket in tickets if ticket.alone]
        together = [ticket for ticket in tickets if not ticket.alone]
        for part in (together, *lonely):
            if part:
                with self._suspecting(ticket.prompt.key for ticket in part):
                    for ticket in part:
                        self._admit_one(ticket)

    def drop(self, tickets: Collection[Ticket]) -> None:
        """Forget rows that wait and rows that are half written."""
        self._memory.release(self._scheduler.remove(tickets))

    def release(self) -> None:
        with self._changed:  # a submitter may be tokenising labels
            self._native.free()
        atexit.unregister(self.close)

    @contextmanager
    def _suspecting(self, keys: Iterable[int]) -> Iterator[None]:
        """Hold the ids of rows in the journal while native code works on them."""
        self._journal.write(list(keys))
        try:
            yield
        finally:
            self._journal.clear()

    def _count_decode(self, tokens: int, seconds: float) -> None:
        self.count(forwarded_tokens=tokens, busy_seconds=seconds)

    def _admit_one(self, ticket: Ticket) -> None:
        prompt = ticket.prompt
        group = self._groups.find(prompt)
        if not prompt.text.strip():
            self.fail(ticket, "no_text")
            return
        try:
            tokens = self._native.tokenise(prompt.text, special=False) + group.suffix
        except DecodeError:
            self.fail(ticket, "engine_failed")
            return
        if self._budget.holds(group, len(tokens)):
            kind = Choice if group.writing is None else Text
            self._scheduler.add(kind(ticket, group, tokens))
        else:
            self.fail(ticket, "input_too_long")

    def _work(self, rows: list[Sequence]) -> None:
        """Take rows a step further; parts of it that failed come again at once."""
        parts = [rows]
        while parts:
            part = parts.pop(0)
            begins = part[0].place == NOWHERE
            try:
                with self._suspecting(row.key for row in part):
                    self._call(part)
            except NoSlotError:
                if begins:
                    self._memory.release(part)
                parts = [*self._halve(part), *parts]
            except DecodeError:
                again = self._isolate(part)
                if part[0].group.writing is not None:
                    return  # what is left of `parts` was put back too
                parts = [*again, *parts]
            else:
                self._settle(part, begins=begins)

    def _call(self, rows: list[Sequence]) -> None:
        """Run one step's native code for rows of one kind."""
        choices = [row for row in rows if isinstance(row, Choice)]
        texts = [row for row in rows if isinstance(row, Text)]
        if choices:
            held = self._scheduler.held_beside(choices[0].group)
            free, longest = self._budget.cells - held.cells, self._budget.context_tokens
            choose.score(self._memory, choices, cells=free, longest=longest)
        elif texts[0].place == NOWHERE:
            generate.begin(self._memory, self._native, texts)
        else:
            generate.advance(self._memory, self._native, texts)

    def _settle(self, rows: list[Sequence], *, begins: bool) -> None:
        """Deliver those rows of a good step that have their answer."""
        shared = sum(len(row.group.prefix) for row in rows) if begins else 0
        self.count(steps=1, shared_tokens=shared)
        for row in rows:
            row.failures, row.suspect = 0, False
            if row.finished:
                self._end(row, row.completion())

    def _end(self, row: Sequence, completion: Completion) -> None:
        self._memory.release([row])
        self._scheduler.finish(row)
        self.answer(row.ticket, completion)

    def _give_up(self, row: Sequence) -> None:
        failed = Completion(row.key, None, usage=row.usage(), error="engine_failed")
        self._end(row, failed)

    def _halve(self, rows: list[Sequence]) -> list[list[Sequence]]:
        """Cut a step that found no room; a single row waits until others have left some."""
        for row in rows:
            row.restart()
        if len(rows) > 1:
            return [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
        if self._scheduler.shared_with_others(rows[0]):
            self._memory.release(rows)
            self._scheduler.put_back(rows)
        else:
            self._give_up(rows[0])
        return []

    def _isolate(self, rows: list[Sequence]) -> list[list[Sequence]]:
        """Give each row one more try, alone, so that a bad one cannot fail its neighbours.

        Nothing in the context can be trusted after a failure: all rows that are being written
        begin again with what they have.
        """
        self._memory.clear()
        for row in rows:
            row.restart()
            row.failures += 1
            row.suspect = True
            if row.failures > 1:
                self._give_up(row)
        self._scheduler.put_back_ongoing()
        left = [row for row in rows if row.failures == 1]
        return [[row] for row in left if row.group.writing is None]
