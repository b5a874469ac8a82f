"""The queue of rows: submissions take turns, and each keeps its order."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jobs.prompt import Frame, LabelChoice, Prompt
from workers.engines.llama.sequence import Group, Sequence
from workers.engines.llama.waiting import Waiting
from workers.engines.thread import Ticket

GROUP = Group((1,), ())
submissions = st.lists(st.integers(0, 4), max_size=40)


def make_row(key: int, submission: int) -> Sequence:
    prompt = Prompt(key, Frame(""), "x", LabelChoice(("a", "b")))
    return Sequence(Ticket(prompt, lambda _: None, submission, alone=False), GROUP, (7,))


def fill(numbers: list[int]) -> tuple[Waiting, list[Sequence]]:
    waiting = Waiting()
    rows = [make_row(key, number) for key, number in enumerate(numbers)]
    for row in rows:
        waiting.add(row)
    return waiting, rows


def drain(waiting: Waiting) -> list[Sequence]:
    """Take one row of a submission at a time, as the scheduler does."""
    taken = []
    while heads := waiting.heads():
        waiting.take(heads[0])
        waiting.pass_turn(heads[0].ticket.submission)
        taken.append(heads[0])
    return taken


@given(numbers=submissions)
def test_every_row_is_taken_once_and_in_the_order_of_its_submission(numbers: list[int]) -> None:
    """Nothing is lost, and within a submission nobody overtakes."""
    waiting, rows = fill(numbers)
    assert len(waiting) == len(rows) == len(list(waiting))
    taken = drain(waiting)
    assert sorted(row.key for row in taken) == [row.key for row in rows]
    for number in set(numbers):
        keys = [row.key for row in taken if row.ticket.submission == number]
        assert keys == sorted(keys)
    assert len(waiting) == 0


@given(numbers=submissions)
def test_submissions_take_turns(numbers: list[int]) -> None:
    """Until it is empty a submission waits for no more than one row of each other."""
    waiting, _ = fill(numbers)
    order = [row.ticket.submission for row in drain(waiting)]
    for number in set(numbers):
        places = [at for at, other in enumerate(order) if other == number]
        for one, two in pairwise(places):
            between = order[one + 1 : two]
            assert len(between) == len(set(between))


@given(numbers=submissions, data=st.data())
def test_rows_that_are_put_back_are_next(numbers: list[int], data: st.DataObject) -> None:
    """In the order in which they are given, before all that has not begun."""
    waiting, _ = fill(numbers)
    ran: list[Sequence] = []
    for _ in range(data.draw(st.integers(0, len(numbers)))):
        head = waiting.heads()[0]
        waiting.take(head)
        waiting.pass_turn(head.ticket.submission)
        ran.append(head)
    waiting.put_back(ran)
    assert len(waiting) == len(numbers)
    if ran:
        assert waiting.heads()[0] is ran[0]
    for number in set(numbers):
        keys = [row.key for row in waiting if row.ticket.submission == number]
        assert keys == sorted(keys)


@given(numbers=submissions, gone=st.sets(st.integers(0, 39)))
def test_what_is_removed_never_comes(numbers: list[int], gone: set[int]) -> None:
    """The others keep their turns; an empty submission has none."""
    waiting, rows = fill(numbers)
    waiting.remove(lambda row: row.key in gone)
    left = {row.ticket.submission for row in rows if row.key not in gone}
    assert {row.ticket.submission for row in waiting.heads()} == left
    assert {number for number in range(5) if waiting.next_of(number)} == left
    assert {row.key for row in drain(waiting)} == {row.key for row in rows} - gone


def test_an_empty_submission_has_no_turn() -> None:
    """Passing the turn of what is empty, or was never there, does nothing."""
    waiting, rows = fill([3])
    waiting.pass_turn(7)
    waiting.take(rows[0])
    waiting.pass_turn(3)
    assert waiting.heads() == []
    assert waiting.next_of(3) is None
