"""A context without arithmetic, and rows that pass through it: for tests of the scheduler.

Logits are a hash of what a sequence holds, so an answer tells whether the right tokens stood
before it in the right order; llama.cpp's rules, its cells included, are asserted.
"""

import zlib
from collections.abc import Sequence as Many
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from jobs.prompt import Completion, Frame, FreeText, Prompt
from workers.engines.llama.choice import Choice
from workers.engines.llama.constraint import Grammar, Matcher
from workers.engines.llama.labels import Tokens, build_trie
from workers.engines.llama.memory import Memory
from workers.engines.llama.model import ContextSize, Model, Piece
from workers.engines.llama.questions import build_questions
from workers.engines.llama.scheduler import Scheduler
from workers.engines.llama.sequence import NOWHERE, Group, Prefix, Sequence, Writing
from workers.engines.llama.step import Budget, Step
from workers.engines.llama.text import Text
from workers.engines.thread import Ticket

END = 15
SIZE = 16  # tokens there are
FORCED = (12, 13, 14)
MOST_IDLE = 2
"""A row that must be alone is let in by steps that read nothing: its prefix, then itself."""


class Forcing(Matcher):
    """Lets every token come, and forces three behind some of them."""

    def __init__(self) -> None:
        self._latest = 0

    @property
    def finished(self) -> bool:
        return False

    def choose(self, logits: NDArray[np.float32], best: int) -> int:
        self._latest = best
        return best

    def force(self, limit: int) -> Tokens:
        return FORCED[:limit] if self._latest % 3 == 0 else ()

    def spell(self, token: int) -> bytes:
        return b"%x" % token


class ForcingGrammar(Grammar):
    """Gives each row its own matcher, like the real one."""

    def __init__(self) -> None:
        pass

    def start(self) -> Matcher:
        return Forcing()


DEEP_LABELS = [(a, b, c) for a in (1, 2) for b in (1, 2, 3) for c in (4, 5)] + [(1,), (2, 1)]
PLAIN = Group((1,) * 10, (), build_trie("ab", [(1,), (2,)], end=END))
DEEP = Group((2,) * 20, (), build_trie([str(n) for n in range(14)], DEEP_LABELS, end=END))
BARE = Group((), (), writing=Writing(END, 12))
WRITTEN = Group((3,) * 10, (), writing=Writing(END, 30))
FORCING = Group((4,) * 15, (), writing=Writing(END, 20, grammar=ForcingGrammar()))
SHARING = Group(PLAIN.prefix, (), writing=Writing(END, 8))  # another task of the same frame
TALKING = Group((5,) * 12, (), writing=Writing(END, 100))  # longer than is expected at first
ASKED = [((7, n, *(3,) * (n % 4), 1), (7, n, *(3,) * (n % 4), 2)) for n in range(9)]
SEVERAL = Group(
    (6,) * 10, *build_questions([str(n) for n in range(9)], ASKED, end=END), several=True
)  # a question for each label
GROUPS = (PLAIN, DEEP, BARE, WRITTEN, FORCING, SHARING, TALKING, SEVERAL)


class Cells(Model):
    """A unified KV memory: a token of a sequence is a cell, which copies share."""

    def __init__(self, budget: Budget) -> None:
        steps, places = budget.step_tokens, budget.sequences
        self.size = ContextSize(steps, steps, budget.cells, places, budget.outputs)
        self.vocabulary_size = SIZE
        self._lengths = [0] * places
        self._cells: list[list[list[int]]] = [[] for _ in range(places)]
        self.decodes = 0

    def is_end(self, token: int) -> bool:
        return token == END

    def token_bytes(self, token: int) -> bytes:
        return b"%x" % token

    def copy(self, source: int, target: int) -> None:
        assert not self._cells[target]
        self._cells[target] = list(self._cells[source])
        self._lengths[target] = self._lengths[source]

    def forget(self, sequence: int) -> None:
        self._cells[sequence] = []
        self._lengths[sequence] = 0

    def clear(self) -> None:
        for place in range(len(self._cells)):
            self.forget(place)

    def used(self) -> int:
        """Return how many cells hold a token for anybody."""
        return len({id(cell) for cells in self._cells for cell in cells})

    def tokens(self, place: int) -> Tokens:
        """Return what a sequence holds."""
        return tuple(cell[0] for cell in self._cells[place])

    def decode(self, pieces: Many[Piece]) -> NDArray[np.float32]:
        self._lengths = self._check(pieces)
        self.decodes += 1
        found = []
        for piece in pieces:
            for number, token in enumerate(piece.tokens, 1):
                cell = [token]
                for place in piece.sequences:
                    self._cells[place].append(cell)
                if number > len(piece.tokens) - piece.outputs:
                    found.append(predict(self.tokens(piece.sequences[0])))
        assert self.used() <= self.size.cells
        return np.array(found, np.float32).reshape(len(found), SIZE)


def predict(tokens: Tokens) -> NDArray[np.float32]:
    """Return logits that hang on every token before them."""
    noise = np.random.default_rng(zlib.crc32(bytes(tokens)))
    wishes = noise.standard_normal(SIZE).astype(np.float32) * 3
    wishes[END] -= 3  # most answers are longer than they are expected at first
    return wishes


@dataclass(frozen=True)
class Row:
    """What a generated row is made of: when it comes, and when it is taken back."""

    submission: int
    group: int
    tokens: int
    alone: bool = False
    comes: int = 0
    goes: int | None = None


class Stage:
    """Plays rows through a scheduler and the memory as the engine does, and looks at each step."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.scheduler = Scheduler(budget)
        self.cells = Cells(budget)
        self.memory = Memory(self.cells, budget.sequences, lambda: 0.0, lambda *_: None)
        self.answers: dict[int, Completion] = {}
        self.steps: list[Step] = []
        self.preempted = 0
        self.idle = 0
        self.prefixes: list[Prefix] = []
        self.evicted: list[Prefix] = []

    def play(self, rows: Many[Row], *, most_steps: int) -> None:
        """Let rows come and go; fails when not all have ended after `most_steps`."""
        sequences = [self.make(key, row) for key, row in enumerate(rows)]
        last = max((max(row.comes, row.goes or 0) for row in rows), default=0)
        for now in range(most_steps + last):
            self.withdraw([s for s, row in zip(sequences, rows, strict=True) if row.goes == now])
            for sequence, row in zip(sequences, rows, strict=True):
                comes = row.comes == now and (row.goes is None or row.goes > now)
                if comes and self.budget.holds(sequence.group, len(sequence.tokens)):
                    self.scheduler.add(sequence)
            if now > last and not len(self.scheduler):
                break
            self.turn()
        assert len(self.scheduler) == 0

    def make(self, key: int, row: Row) -> Sequence:
        """Return a row of its own words."""
        group = GROUPS[row.group]
        prompt = Prompt(key, Frame(""), str(key), FreeText(1))
        ticket = Ticket(prompt, lambda _: None, row.submission, row.alone)
        tokens = tuple((key * 5 + n) % 11 for n in range(row.tokens))
        if group.writing is None:
            return Choice(ticket, group, tokens)
        return Text(ticket, group, tokens, vocabulary=self.cells)

    def withdraw(self, rows: Many[Sequence]) -> None:
        """Take rows back."""
        self.memory.release(self.scheduler.remove([row.ticket for row in rows]))

    def turn(self) -> Step:
        """Do what the engine does in a step."""
        waits = len(self.scheduler) > 0
        step = self.scheduler.plan()
        self.steps.append(step)
        self._note(step)
        self.memory.release(step.freed)
        if not step.rows:
            self.idle += waits
            assert self.idle <= MOST_IDLE, "rows wait and nothing is read: the engine would spin"
            return step
        self.idle = 0
        self._check(step)
        before = self.cells.used()
        self.memory.read(step, self.scheduler.prefix_of)
        assert self.cells.used() == before + sum(part.count for part in step.parts)
        for row in step.rows:
            if row.finished:
                assert row.key not in self.answers
                self.answers[row.key] = row.completion()
                self.memory.release([row])
                self.scheduler.finish(row)
        assert self.scheduler.held_cells == self.cells.used()
        return step

    def _note(self, step: Step) -> None:
        self.preempted += sum(isinstance(one, Sequence) for one in step.freed)
        self.evicted += [one for one in step.freed if isinstance(one, Prefix)]
        for part in step.parts:
            if isinstance(part.owner, Prefix) and part.owner not in self.prefixes:
                self.prefixes.append(part.owner)

    def _check(self, step: Step) -> None:
        """Look at what a step may use, who shares it, and who may begin."""
        budget = self.budget
        plans = [one.row.group.trie.open(one.branches) for one in step.openings]
        opened = sum(len(plan.nodes) for plan in plans)
        outputs = sum(len(one.branches) for one in step.openings)
        begins = [part.owner for part in step.parts if part.owner.place == NOWHERE]
        places = sum(bool(self.cells.tokens(place)) for place in range(budget.sequences))
        assert sum(part.count for part in step.parts) + opened <= budget.step_tokens
        assert sum(part.outputs for part in step.parts) + outputs <= budget.outputs
        assert places + len(begins) + sum(plan.count for plan in plans) <= budget.sequences
        owners = [id(part.owner) for part in step.parts]
        assert len(set(owners)) == len(owners)
        assert not {id(one) for one in step.freed} & set(owners)
        assert len(step.rows) == 1 or not any(row.alone for row in step.rows)
        for row in begins:
            prefix = self.scheduler.prefix_of(row) if isinstance(row, Sequence) else None
            if isinstance(row, Sequence) and row.group.prefix:
                assert prefix is not None
                assert self.cells.tokens(prefix.place) == prefix.tokens
        for part in step.parts:
            self._check_place(part.owner)

    def _check_place(self, owner: Sequence | Prefix) -> None:
        """What is read stands in the cells, one after the other."""
        if owner.place == NOWHERE:
            assert owner.read == 0
        elif isinstance(owner, Prefix):
            assert self.cells.tokens(owner.place) == owner.tokens[: owner.read]
        else:
            written = tuple(owner.written) if isinstance(owner, Text) else ()
            known = (*owner.group.prefix, *(*owner.tokens, *written)[: owner.read])
            assert self.cells.tokens(owner.place) == known


@cache
def answer_alone(key: int, group: int, tokens: int) -> Completion:
    """Return the answer of a row that nobody disturbs."""
    stage = Stage(Budget(400, 400, 800, 32, 64))
    stage.scheduler.add(stage.make(key, Row(0, group, tokens)))
    while len(stage.scheduler):
        stage.turn()
    return stage.answers[key]


def same_answer(one: Completion, two: Completion) -> bool:
    """Tell whether two answers are the same, but for what was opened of the labels."""
    return (one.text, one.tokens, one.finish, one.error) == (
        two.text,
        two.tokens,
        two.finish,
        two.error,
    )
