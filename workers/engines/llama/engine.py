"""The engine: rows of all chunks in one context, every decode filled with what can go on."""

import atexit
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from collections.abc import Sequence as Many
from contextlib import contextmanager
from dataclasses import dataclass

from jobs.errors import EngineStopped
from jobs.prompt import Completion, Prompt
from workers.engines.llama.choice import Choice
from workers.engines.llama.groups import Groups
from workers.engines.llama.memory import Memory
from workers.engines.llama.model import Model, NoSlotError
from workers.engines.llama.scheduler import Scheduler
from workers.engines.llama.sequence import NOWHERE, Group, Sequence
from workers.engines.llama.step import Budget, Step
from workers.engines.llama.text import Text
from workers.engines.llama.vocabulary import DecodeError
from workers.engines.llama.writers import Writers
from workers.engines.protocol import EngineModel
from workers.engines.thread import EngineThread, Ticket
from workers.journal import Journal

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lane:
    """A context with what it holds and who waits for it; `model` are the weights with it."""

    model: Model
    budget: Budget
    scheduler: Scheduler
    memory: Memory


class LlamaEngine(EngineThread):
    """Answers prompts with one GGUF file in this process; `load_engine` makes it."""

    def __init__(
        self,
        model: Model,
        groups: Groups,
        journal: Journal,
        about: EngineModel,
        budget: Budget,
        writers: Writers | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`writers` make a second context for written rows, when the first of them comes.

        Rows that are too long for every width of it are written in the first one.
        """
        super().__init__(about, clock=clock)
        self._native = model
        self._groups = groups
        self._journal = journal
        self._writers = writers or Writers()
        self._lanes = [self._make_lane(model, budget)]
        self._held: list[Text] = []  # written rows that wait for a wider context
        atexit.register(self.close)  # native code that outlives the interpreter crashes
        self.start()

    def step(self) -> None:
        """Take every context a decode further."""
        writing = self._writing
        if self._held and (writing is None or not len(writing.scheduler)):
            self._widen(writing)
        for lane in self._lanes:
            self._step(lane)

    def _step(self, lane: Lane) -> None:
        """Choose what can go on, read it in one decode, and deliver what is answered by it."""
        step = lane.scheduler.plan()
        lost = [one for one in step.freed if one.place != NOWHERE]
        self.count(preempted_rows=sum(isinstance(one, Sequence) for one in lost))
        lane.memory.release(step.freed)
        rows = step.rows
        if not rows:
            return
        try:
            with self._suspecting(row.key for row in rows):
                lane.memory.read(step, lane.scheduler.prefix_of)
        except NoSlotError:
            self._make_room(lane, step, rows)
        except DecodeError:
            self._isolate(lane, rows)
        else:
            self._settle(lane, rows)

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
        gone = {id(ticket) for ticket in tickets}
        self._held = [row for row in self._held if id(row.ticket) not in gone]
        for lane in self._lanes:
            lane.memory.release(lane.scheduler.remove(tickets))

    def release(self) -> None:
        with self._changed:  # a submitter may be tokenising labels
            for lane in reversed(self._lanes):
                lane.model.free()
        atexit.unregister(self.close)

    @contextmanager
    def _suspecting(self, keys: Iterable[int]) -> Iterator[None]:
        """Hold the ids of rows in the journal while native code works on them."""
        self._journal.write(list(keys))
        try:
            yield
        finally:
            self._journal.clear()

    def _make_lane(self, model: Model, budget: Budget) -> Lane:
        memory = Memory(model, budget.sequences, self._clock, self._count_decode)
        return Lane(model, budget, Scheduler(budget), memory)

    def _lane_of(self, group: Group, tokens: int) -> Lane | None:
        """Return where a row is answered: written rows have their own context if they fit it."""
        fitting = [lane for lane in self._lanes if lane.budget.holds(group, tokens)]
        if group.writing is None:
            fitting = [lane for lane in fitting if not lane.budget.writers]
        return fitting[-1] if fitting else None

    @property
    def _writing(self) -> Lane | None:
        """The context of written rows, once there is one."""
        return self._lanes[-1] if self._lanes[-1].budget.writers else None

    def _write(self, row: Text) -> None:
        """Give a row that is written to a context, or let it wait for a wider one."""
        writing, size = self._writing, len(row.tokens)
        wider = self._writers.wider(row.group, size, writing.budget if writing else None)
        joins = writing is not None and self._lane_of(row.group, size) is writing
        if wider is not None or (self._held and joins):  # else those before it would never end
            self._held.append(row)
        else:
            self._place(row)

    def _place(self, row: Sequence) -> None:
        lane = self._lane_of(row.group, len(row.tokens))
        if lane is None:
            self.fail(row.ticket, "input_too_long")
        else:
            lane.scheduler.add(row)

    def _widen(self, writing: Lane | None) -> None:
        """Open the written rows' context as wide as those that wait for it need it."""
        budget = writing.budget if writing else None
        wanted = [self._writers.wider(row.group, len(row.tokens), budget) for row in self._held]
        for width in sorted({width for width in wanted if width is not None}, reverse=True):
            made = self._writers.open(width)
            if made is not None:
                if writing is not None:
                    self._lanes.remove(writing)
                    writing.model.free()
                self._lanes.append(self._make_lane(*made))
                break
        rows, self._held = self._held, []
        for row in rows:
            self._place(row)

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
        if group.writing is None:
            self._place(Choice(ticket, group, tokens))
        else:
            self._write(Text(ticket, group, tokens, vocabulary=self._native))

    def _settle(self, lane: Lane, rows: Many[Sequence]) -> None:
        """Deliver those rows of a good step that have their answer.

        Raises EngineStopped if its file was overwritten: the answers are not those of its hash.
        """
        if not self._native.is_untouched():
            _log.critical("the file of model %s was written into", self.model.name)
            raise EngineStopped("engine_stopped", model=self.model.name)
        for row in rows:
            if row.begun:  # else only its prefix, or a part of its prompt, went well
                row.failures, row.suspect = 0, False
            if row.finished:
                self._end(lane, row, row.completion())
        held = sum(lane.scheduler.held_cells for lane in self._lanes)
        self.measure(held_cells=held, cells=sum(lane.budget.cells for lane in self._lanes))

    def _end(self, lane: Lane, row: Sequence, completion: Completion) -> None:
        lane.memory.release([row])
        lane.scheduler.finish(row)
        refused = row.refused_tokens if isinstance(row, Text) else 0
        self.count(generated_tokens=row.output_tokens, refused_tokens=refused)
        self.answer(row.ticket, completion)

    def _give_up(self, lane: Lane, row: Sequence) -> None:
        failed = Completion(row.key, None, usage=row.usage(), error="engine_failed")
        lane.scheduler.remove([row.ticket])
        self._end(lane, row, failed)

    def _make_room(self, lane: Lane, step: Step, rows: list[Sequence]) -> None:
        """Let the younger half of rows that found no room wait; a single one, for the others."""
        lane.memory.release(lane.scheduler.drop_prefixes(step))
        beside = lane.scheduler.runs_beside(rows[0])
        if len(rows) == 1 and not beside:
            self._give_up(lane, rows[0])
        elif not beside:  # prefixes alone: one by one
            self._isolate(lane, rows)
        else:
            out = lane.scheduler.younger_half(rows)
            lane.memory.release(out)
            lane.scheduler.put_back(out)
            lane.scheduler.bound_rows()

    def _isolate(self, lane: Lane, rows: list[Sequence]) -> None:
        """Give each row one more try, alone, so that a bad one cannot fail its neighbours.

        Nothing in the context can be trusted after a failure: all rows that run in it begin again
        with what they have written.
        """
        lane.memory.clear()
        lane.scheduler.put_all_back()
        for row in rows:
            row.failures += 1
            row.suspect = True
            if row.failures > 1:
                self._give_up(lane, row)
