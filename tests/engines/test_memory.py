"""Who pays for the device's time."""

from itertools import count

from jobs.prompt import Completion, Frame, FreeText, Prompt
from tests.engines.stage import WRITTEN, Cells
from workers.engines.llama.memory import Memory
from workers.engines.llama.sequence import NOWHERE, Prefix, Sequence
from workers.engines.llama.step import Budget, Part, Step
from workers.engines.thread import Ticket

BUDGET = Budget(step_tokens=40, context_tokens=100, cells=200, sequences=8, outputs=8)


def ignore(_: Completion) -> None:
    """A delivery nobody waits for."""


def make_row(key: int) -> Sequence:
    prompt = Prompt(key, Frame(""), "x", FreeText(5))
    return Sequence(Ticket(prompt, ignore, 0, False), WRITTEN, (1, 2, 3))


def make_memory() -> Memory:
    """Every look at the clock takes a second, so every decode does."""
    ticks = count()
    return Memory(Cells(BUDGET), 8, lambda: float(next(ticks)), lambda *_: None)


def test_rows_that_begin_with_a_prefix_pay_for_it_in_equal_parts() -> None:
    """Beside what they read themselves."""
    memory, first, second = make_memory(), make_row(1), make_row(2)
    prefix = Prefix(WRITTEN.prefix, first)
    memory.read(Step(parts=[Part(prefix, 10)]), lambda _: None)
    assert (prefix.owed_ms, first.device_ms) == (1000.0, 0.0)
    memory.read(Step(parts=[Part(first, 3), Part(second, 3)]), lambda _: prefix)
    assert (first.device_ms, second.device_ms) == (1000.0, 1000.0)
    assert prefix.owed_ms == 0.0


def test_what_nobody_paid_of_a_prefix_is_its_sponsors() -> None:
    """A prefix that is given up before its first row begins was read all the same."""
    memory, row = make_memory(), make_row(1)
    prefix = Prefix(WRITTEN.prefix, row)
    memory.read(Step(parts=[Part(prefix, 4)]), lambda _: None)
    memory.release([prefix])
    assert row.device_ms == 1000.0
    assert (prefix.owed_ms, prefix.place, prefix.read) == (0.0, NOWHERE, 0)
