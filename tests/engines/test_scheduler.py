"""The scheduler: fair, within its budgets, and every row ends."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from jobs.prompt import Completion, Frame, LabelChoice, Prompt
from workers.engines.llama.labels import build_trie
from workers.engines.llama.scheduler import Budget, Scheduler
from workers.engines.llama.sequence import Group, Sequence, Writing
from workers.engines.thread import Ticket

BUDGET = Budget(step_tokens=40, context_tokens=64, cells=80, sequences=8)
PLAIN = Group((1,) * 10, (), build_trie("ab", [(1,), (2,)], end=9, max_paths=2))
DEEP = Group(
    (2,) * 20, (), build_trie("abcd", [(1, 1), (1, 2), (2, 1), (2, 2)], end=9, max_paths=2)
)
WRITTEN = Group((3,) * 10, (), writing=Writing(end=9, max_tokens=12))
LONG = Group((4,) * 15, (), writing=Writing(end=9, max_tokens=7))
GROUPS = (PLAIN, DEEP, WRITTEN, LONG)


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

mixed_rows = st.lists(
    st.builds(
        Row,
        submission=st.integers(0, 4),
        group=st.integers(0, 3),
        tokens=st.integers(1, 42),
        alone=st.booleans(),
    ),
    max_size=40,
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


@dataclass
class Run:
    """What a scheduler did with a mix of rows that are scored and rows that are written."""

    scheduler: Scheduler
    sequences: list[Sequence]
    lengths: list[int]
    begun: list[list[Sequence]]
    idle_steps: int = 0

    def play(self) -> None:
        """Run until nothing waits and nothing is written; every written row ends in time."""
        left: dict[int, int] = {}
        while len(self.scheduler) or left:
            for part in tuple(self.scheduler.ongoing()):
                assert len(part) == 1 or not any(row.alone for row in part)
                for row in part:
                    left[row.key] -= 1
                    if not left[row.key]:
                        del left[row.key]
                        self.scheduler.finish(row)
            rows = self.scheduler.pick()
            self.check_budget(rows)
            self.begun.append(rows)
            self.idle_steps += not rows
            if rows and rows[0].group.writing is not None:
                left.update({row.key: self.lengths[row.key] for row in rows})

    def check_budget(self, rows: list[Sequence]) -> None:
        """Rows in writing, their prefixes, and the rows of this step fit the context at once."""
        ongoing = [row for part in self.scheduler.ongoing() for row in part]
        there = list({id(row): row for row in [*ongoing, *rows]}.values())
        prefixes = {row.group.prefix for row in there}
        trie = rows[0].group.trie if rows else PLAIN.trie
        opened = trie.widest_tokens if rows else 0
        cells = sum(row.cells for row in there) + sum(map(len, prefixes))
        assert cells + opened <= BUDGET.cells
        assert 1 + len(there) + (trie.widest_paths if rows else 0) <= BUDGET.sequences


def play_mixed(rows: list[Row], lengths: list[int]) -> Run:
    fitting = [row for row in rows if BUDGET.holds(GROUPS[row.group], row.tokens)]
    scheduler, sequences = make_scheduler(fitting)
    run = Run(scheduler, sequences, lengths, [])
    run.play()
    return run


lengths_of_answers = st.lists(st.integers(1, 12), min_size=40, max_size=40)


@given(rows=mixed_rows, lengths=lengths_of_answers)
def test_written_and_scored_rows_all_begin_once(rows: list[Row], lengths: list[int]) -> None:
    """Whatever is mixed, every row begins exactly once, within the budget, and ends."""
    run = play_mixed(rows, lengths)
    begun = [row.key for step in run.begun for row in step]
    assert sorted(begun) == [sequence.key for sequence in run.sequences]
    assert len(run.scheduler) == 0


@given(rows=mixed_rows, lengths=lengths_of_answers)
def test_nobody_starves_behind_long_answers(rows: list[Row], lengths: list[int]) -> None:
    """No step is idle for longer than the longest answer takes, and a submission that waits is
    served after at most that long for each of the submissions."""
    run = play_mixed(rows, lengths)
    left = dict.fromkeys(range(5), 0)
    for sequence in run.sequences:
        left[sequence.ticket.submission] += 1
    since = dict.fromkeys(left, 0)
    for step in run.begun:
        served = {row.ticket.submission for row in step}
        for row in step:
            left[row.ticket.submission] -= 1
        for submission, waiting in left.items():
            since[submission] = since[submission] + 1 if waiting and submission not in served else 0
        assert max(since.values()) <= 5 * 13


@given(rows=mixed_rows)
def test_rows_that_were_put_back_begin_again_first(rows: list[Row]) -> None:
    """What lost its memory comes before all that has not begun, in the order it had."""
    fitting = [row for row in rows if BUDGET.holds(GROUPS[row.group], row.tokens)]
    scheduler, _ = make_scheduler(fitting)
    scheduler.pick()
    lost = [row for part in scheduler.ongoing() for row in part]
    scheduler.put_back_ongoing()
    assert not list(scheduler.ongoing())
    if lost:
        assert scheduler.pick()[0] is lost[0]


def test_scored_rows_pass_a_row_that_waits_for_room() -> None:
    """A row that would stay waits for room; rows that hold nothing go before it meanwhile."""
    big, scored, small = Row(0, 2, 20, False), Row(1, 0, 20, True), Row(1, 2, 2, False)
    scheduler, sequences = make_scheduler([big, big, scored, scored, small])
    assert scheduler.pick() == [sequences[0]]
    assert scheduler.pick() == [sequences[2]]
    assert scheduler.pick() == [sequences[3]]
    assert scheduler.pick() == []  # the small one would find room, but not before the big one
    scheduler.finish(sequences[0])
    assert scheduler.pick() == [sequences[1], sequences[4]]
