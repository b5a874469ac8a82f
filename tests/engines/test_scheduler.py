"""The scheduler: fair, within its budgets, and every row ends."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from jobs.prompt import Completion, Frame, LabelChoice, Prompt
from workers.engines.llama.labels import build_trie
from workers.engines.llama.scheduler import Budget, Scheduler
from workers.engines.llama.sequence import Group, Sequence
from workers.engines.thread import Ticket

BUDGET = Budget(step_tokens=40, context_tokens=64, cells=80, sequences=8)
PLAIN = Group((1,) * 10, (), build_trie("ab", [(1,), (2,)], end=9, max_paths=2))
DEEP = Group(
    (2,) * 20, (), build_trie("abcd", [(1, 1), (1, 2), (2, 1), (2, 2)], end=9, max_paths=2)
)
GROUPS = (PLAIN, DEEP)


@dataclass(frozen=True)
class Row:
    """What a generated row is made of."""

    submission: int
    group: int
    tokens: int
    alone: bool


rows_of_work = st.lists(
    st.builds(
        Row,
        submission=st.integers(0, 4),
        group=st.integers(0, 1),
        tokens=st.integers(1, 42),
        alone=st.booleans(),
    ),
    max_size=60,
)


def make_sequence(key: int, row: Row) -> Sequence:
    prompt = Prompt(key, Frame(""), "x", LabelChoice(("a", "b")))
    ticket = Ticket(prompt, ignore, row.submission, row.alone)
    return Sequence(ticket, GROUPS[row.group], (7,) * row.tokens)


def ignore(_: Completion) -> None:
    """A delivery nobody waits for."""


def make_scheduler(rows: list[Row]) -> tuple[Scheduler, list[Sequence]]:
    scheduler = Scheduler(BUDGET)
    sequences = [make_sequence(key, row) for key, row in enumerate(rows)]
    for sequence in sequences:
        scheduler.add(sequence)
    return scheduler, sequences


def drain(scheduler: Scheduler) -> list[list[Sequence]]:
    steps = []
    while step := scheduler.pick():
        steps.append(step)
    return steps


@given(rows=rows_of_work)
def test_every_row_ends_once(rows: list[Row]) -> None:
    """Every queued row is picked exactly once and then nothing waits."""
    scheduler, sequences = make_scheduler(rows)
    picked = [row.key for step in drain(scheduler) for row in step]
    assert sorted(picked) == [sequence.key for sequence in sequences]
    assert len(scheduler) == 0


@given(rows=rows_of_work)
def test_no_budget_is_exceeded(rows: list[Row]) -> None:
    """A step has one group, and fits tokens, cells and sequences."""
    scheduler, _ = make_scheduler(rows)
    for step in drain(scheduler):
        group = step[0].group
        tokens = sum(len(row.tokens) for row in step)
        assert all(row.group is group for row in step)
        assert len(step) == 1 or tokens <= BUDGET.step_tokens
        assert len(group.prefix) + tokens + group.trie.widest_tokens <= BUDGET.cells
        assert 1 + len(step) + group.trie.widest_paths <= BUDGET.sequences


@given(rows=rows_of_work)
def test_alone_means_alone(rows: list[Row]) -> None:
    """A row that asked for it shares its step with no other."""
    scheduler, _ = make_scheduler(rows)
    for step in drain(scheduler):
        assert len(step) == 1 or not any(row.ticket.alone for row in step)


@given(rows=rows_of_work)
def test_nobody_starves(rows: list[Row]) -> None:
    """A waiting submission is served within as many steps as there are submissions."""
    scheduler, sequences = make_scheduler(rows)
    left = dict.fromkeys(range(5), 0)
    for sequence in sequences:
        left[sequence.ticket.submission] += 1
    since = dict.fromkeys(left, 0)
    for step in drain(scheduler):
        served = {row.ticket.submission for row in step}
        for row in step:
            left[row.ticket.submission] -= 1
        for submission, waiting in left.items():
            passed_over = waiting and submission not in served
            since[submission] = since[submission] + 1 if passed_over else 0
        assert max(since.values()) < 5


@given(rows=rows_of_work)
def test_a_submission_keeps_its_order(rows: list[Row]) -> None:
    """Within one submission rows are read in the order they came."""
    scheduler, _ = make_scheduler(rows)
    order: dict[int, list[int]] = {}
    for step in drain(scheduler):
        for row in step:
            order.setdefault(row.ticket.submission, []).append(row.key)
    assert all(keys == sorted(keys) for keys in order.values())


@given(rows=rows_of_work, gone=st.sets(st.integers(0, 59)))
def test_removed_rows_are_never_picked(rows: list[Row], gone: set[int]) -> None:
    """What was taken back does not come up again; all else does."""
    scheduler, sequences = make_scheduler(rows)
    scheduler.remove([row.ticket for row in sequences if row.key in gone])
    picked = {row.key for step in drain(scheduler) for row in step}
    assert picked == {row.key for row in sequences} - gone


def test_small_rows_of_two_submissions_share_a_step() -> None:
    """What one submission leaves of a step goes to the others of its group."""
    scheduler, _ = make_scheduler([Row(0, 0, 10, False), Row(1, 0, 10, False), Row(2, 1, 5, False)])
    assert [[row.key for row in step] for step in drain(scheduler)] == [[0, 1], [2]]


def test_a_row_that_fits_no_context_is_known_before() -> None:
    """The budget tells which rows can never be read."""
    assert BUDGET.holds(PLAIN, 54)
    assert not BUDGET.holds(PLAIN, 55)
    assert BUDGET.holds(DEEP, 42)
    assert not BUDGET.holds(DEEP, 43)
