"""The engine: rows of all chunks in one context, every decode filled with what can go on."""

import atexit
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from collections.abc import Sequence as Many
from contextlib import contextmanager

from jobs.prompt import Completion, Prompt
from workers.engines.llama.choice import Choice
from workers.engines.llama.groups import Groups
from workers.engines.llama.memory import Memory
from workers.engines.llama.model import Model, NoSlotError
from workers.engines.llama.scheduler import Scheduler
from workers.engines.llama.sequence import NOWHERE, Sequence
from workers.engines.llama.step import Budget, Step
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
        """Choose what can go on, read it in one decode, and deliver what is answered by it."""
        step = self._scheduler.plan()
        lost = [one for one in step.freed if one.place != NOWHERE]
        self.count(preempted_rows=sum(isinstance(one, Sequence) for one in lost))
        self._memory.release(step.freed)
        rows = step.rows
        if not rows:
            return
        try:
            with self._suspecting(row.key for row in rows):
                self._memory.read(step, self._scheduler.prefix_of)
        except NoSlotError:
            self._make_room(step, rows)
        except DecodeError:
            self._isolate(rows)
        else:
            self._settle(rows)

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

    def _count_decode(self, tokens: int, shared: int, seconds: float) -> None:
        self.count(steps=1, forwarded_tokens=tokens, shared_tokens=shared, busy_seconds=seconds)

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
        if not self._budget.holds(group, len(tokens)):
            self.fail(ticket, "input_too_long")
        elif group.writing is None:
            self._scheduler.add(Choice(ticket, group, tokens))
        else:
            self._scheduler.add(Text(ticket, group, tokens, vocabulary=self._native))

    def _settle(self, rows: Many[Sequence]) -> None:
        """Deliver those rows of a good step that have their answer."""
        for row in rows:
            if row.begun:  # else only its prefix, or a part of its prompt, went well
                row.failures, row.suspect = 0, False
            if row.finished:
                self._end(row, row.completion())
        self.measure(held_cells=self._scheduler.held_cells, cells=self._budget.cells)

    def _end(self, row: Sequence, completion: Completion) -> None:
        self._memory.release([row])
        self._scheduler.finish(row)
        refused = row.refused_tokens if isinstance(row, Text) else 0
        self.count(generated_tokens=row.output_tokens, refused_tokens=refused)
        self.answer(row.ticket, completion)

    def _give_up(self, row: Sequence) -> None:
        failed = Completion(row.key, None, usage=row.usage(), error="engine_failed")
        self._scheduler.remove([row.ticket])
        self._end(row, failed)

    def _make_room(self, step: Step, rows: list[Sequence]) -> None:
        """Let the younger half of rows that found no room wait; a single one, for the others."""
        self._memory.release(self._scheduler.drop_prefixes(step))
        beside = self._scheduler.runs_beside(rows[0])
        if len(rows) == 1 and not beside:
            self._give_up(rows[0])
        elif not beside:  # prefixes alone: one by one
            self._isolate(rows)
        else:
            out = self._scheduler.younger_half(rows)
            self._memory.release(out)
            self._scheduler.put_back(out)
            self._scheduler.bound_rows()

    def _isolate(self, rows: list[Sequence]) -> None:
        """Give each row one more try, alone, so that a bad one cannot fail its neighbours.

        Nothing in the context can be trusted after a failure: all rows that run begin again with
        what they have written.
        """
        self._memory.clear()
        self._scheduler.put_all_back()
        for row in rows:
            row.failures += 1
            row.suspect = True
            if row.failures > 1:
                self._give_up(row)
