"""The scheduler, driven like the engine drives it: within its budgets, and every row ends."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engines.stage import GROUPS, Row, Stage, answer_alone, same_answer
from workers.engines.llama.sequence import NOWHERE
from workers.engines.llama.step import Budget
from workers.engines.llama.text import Text

budgets = st.builds(
    lambda step, context, cells, sequences, outputs: Budget(
        step, context, context + cells, sequences, sequences + outputs
    ),
    step=st.integers(1, 40),
    context=st.sampled_from([64, 130]),
    cells=st.integers(0, 100),
    sequences=st.integers(4, 12),
    outputs=st.integers(0, 8),
)
mixes = st.lists(
    st.builds(
        Row,
        submission=st.integers(0, 4),
        group=st.integers(0, len(GROUPS) - 1),
        tokens=st.integers(1, 42),
        alone=st.integers(0, 4).map(lambda n: n == 0),
        comes=st.integers(0, 30),
    ),
    max_size=30,
)
leaving = st.lists(st.none() | st.integers(0, 60), min_size=30, max_size=30)


def count_work(rows: list[Row]) -> int:
    """Return the tokens that rows read at most, each with a prefix of its own."""
    groups = [GROUPS[row.group] for row in rows]
    needs = [len(group.prefix) + group.answer_tokens for group in groups]
    asked = [sum(len(branch.path) for branch in g.trie.branches) for g in groups if g.several]
    return sum(needs) + sum(asked) + sum(row.tokens for row in rows)


def play(rows: list[Row], budget: Budget) -> Stage:
    stage = Stage(budget)
    stage.play(rows, most_steps=20 + 3 * count_work(rows))
    return stage


@settings(deadline=None)
@given(rows=mixes, budget=budgets)
def test_every_row_ends_with_the_answer_it_has_alone(rows: list[Row], budget: Budget) -> None:
    """Whatever comes when and however little room there is: all end, no answer is another."""
    stage = play(rows, budget)
    fits = [key for key, row in enumerate(rows) if budget.holds(GROUPS[row.group], row.tokens)]
    assert sorted(stage.answers) == fits
    for key, answer in stage.answers.items():
        assert same_answer(answer, answer_alone(key, rows[key].group, rows[key].tokens))


@settings(deadline=None)
@given(rows=mixes, budget=budgets, goes=leaving)
def test_rows_that_are_taken_back_leave_nothing_behind(
    rows: list[Row], budget: Budget, goes: list[int | None]
) -> None:
    """The others end, and in the end only prefixes that were read hold a part of the context."""
    going = [
        Row(row.submission, row.group, row.tokens, row.alone, row.comes, at)
        for row, at in zip(rows, goes, strict=False)
    ]
    stage = play(going, budget)
    stay = {key for key, row in enumerate(going) if row.goes is None}
    fits = {key for key, row in enumerate(rows) if budget.holds(GROUPS[row.group], row.tokens)}
    assert stay & fits <= set(stage.answers) <= fits
    kept = [prefix for prefix in stage.prefixes if prefix.place != NOWHERE]
    assert stage.cells.used() == sum(prefix.read for prefix in kept)


@settings(deadline=None)
@given(rows=mixes, budget=budgets)
def test_a_prefix_is_read_once_while_it_stays(rows: list[Row], budget: Budget) -> None:
    """It is read again only for each time that it had to make way."""
    stage = play(rows, budget)
    read = Counter(prefix.tokens for prefix in stage.prefixes)
    evicted = Counter(prefix.tokens for prefix in stage.evicted)
    for tokens, times in read.items():
        assert times <= 1 + evicted[tokens]


@settings(max_examples=40, deadline=None)
@given(
    tokens=st.lists(st.integers(1, 12), min_size=4, max_size=25),
    step=st.integers(2, 40),
    spare=st.integers(0, 80),
    labels=st.booleans(),
)
def test_rows_that_lose_their_place_keep_what_they_wrote(
    tokens: list[int], step: int, spare: int, labels: bool
) -> None:
    """Answers that outgrow the context take it from each other, and each ends as if alone."""
    budget = Budget(step, 130, 130 + spare, 12, 16)
    kinds = [6, 1] if labels else [6]  # long answers, and labels with branches
    rows = [Row(n % 3, kinds[n % len(kinds)], size) for n, size in enumerate(tokens)]
    stage = Stage(budget)
    before: dict[int, int] = {}
    for key, row in enumerate(rows):
        if budget.holds(GROUPS[row.group], row.tokens):
            stage.scheduler.add(stage.make(key, row))
    for _ in range(20 + 3 * count_work(rows)):
        if not len(stage.scheduler):
            break
        step_taken = stage.turn()
        for one in [*step_taken.rows, *step_taken.freed]:
            if isinstance(one, Text):
                assert len(one.written) >= before.get(one.key, 0)
                before[one.key] = len(one.written)
    assert len(stage.scheduler) == 0
    for key, answer in stage.answers.items():
        assert same_answer(answer, answer_alone(key, rows[key].group, rows[key].tokens))
