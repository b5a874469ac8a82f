"""Who goes first, who makes way, and who is alone: single cases of the scheduler."""

from collections.abc import Sequence as Many

import pytest

from tests.engines.stage import GROUPS, Row, Stage, answer_alone, same_answer
from workers.engines.llama.sequence import NOWHERE, Prefix, Sequence
from workers.engines.llama.step import Budget

PLAIN, DEEP, BARE, WRITTEN, FORCING, SHARING, TALKING, SEVERAL = range(len(GROUPS))
WIDE = Budget(step_tokens=100, context_tokens=100, cells=300, sequences=12, outputs=32)


def begin(budget: Budget, rows: Many[Row]) -> tuple[Stage, list[Sequence]]:
    """Queue rows, and read nothing yet."""
    stage = Stage(budget)
    sequences = [stage.make(key, row) for key, row in enumerate(rows)]
    for sequence in sequences:
        stage.scheduler.add(sequence)
    return stage, sequences


def finish(stage: Stage, most: int = 5000) -> None:
    """Let everything end."""
    for _ in range(most):
        if not len(stage.scheduler):
            return
        stage.turn()
    pytest.fail("rows are left")


def find_begins(stage: Stage) -> dict[int, int]:
    """Return the step that first read each row."""
    found: dict[int, int] = {}
    for number, step in enumerate(stage.steps):
        for part in step.parts:
            if isinstance(part.owner, Sequence):
                found.setdefault(part.owner.key, number)
    return found


def test_a_row_that_fits_no_context_is_known_before() -> None:
    """The budget tells which rows can never be read, and which labels never opened."""
    budget = Budget(step_tokens=40, context_tokens=64, cells=80, sequences=8, outputs=8)
    plain, deep, written = GROUPS[PLAIN], GROUPS[DEEP], GROUPS[WRITTEN]
    assert budget.holds(plain, 54)
    assert not budget.holds(plain, 55)
    assert budget.holds(deep, 42)
    assert not budget.holds(deep, 43)
    assert budget.holds(written, 24)
    assert not budget.holds(written, 25)
    tiny = Budget(step_tokens=1, context_tokens=64, cells=80, sequences=8, outputs=8)
    assert tiny.holds(plain, 1)
    assert not tiny.holds(deep, 1)


def test_rows_of_all_frames_share_a_decode() -> None:
    """Labels, their branches, and written answers of several prefixes go in together."""
    stage, _ = begin(WIDE, [Row(n, n, 5) for n in range(6)])
    stage.turn()
    mixed = stage.turn()
    assert len(mixed.rows) == 6
    finish(stage)


def test_one_prefix_serves_all_submissions_and_constraints() -> None:
    """A frame is read once, for labels and for text, whoever asks."""
    rows = [Row(n % 3, PLAIN if n % 2 else SHARING, 5) for n in range(20)]
    stage, _ = begin(WIDE, rows)
    finish(stage)
    assert [prefix.tokens for prefix in stage.prefixes] == [GROUPS[PLAIN].prefix]


def test_two_frames_stay_while_their_rows_alternate() -> None:
    """Rows that come by turns of two frames make neither make way."""
    stage = Stage(WIDE)
    rows = [Row(0, (PLAIN, WRITTEN)[n % 2], 5, comes=3 * n) for n in range(20)]
    stage.play(rows, most_steps=300)
    assert len(stage.prefixes) == 2
    assert stage.evicted == []


def test_the_prefix_used_longest_ago_goes_first() -> None:
    """A new frame takes the room of the idle one that nobody asked for the longest."""
    budget = Budget(step_tokens=60, context_tokens=70, cells=70, sequences=8, outputs=8)
    stage = Stage(budget)
    order = [PLAIN, WRITTEN, FORCING, PLAIN]  # 10, 10 and 15 cells stay
    rows = [Row(0, group, 3, comes=60 * n) for n, group in enumerate(order)]
    stage.play([*rows, Row(0, DEEP, 20, comes=240)], most_steps=1000)
    assert [prefix.tokens for prefix in stage.evicted] == [GROUPS[WRITTEN].prefix]


def test_a_prefix_that_rows_hold_never_goes() -> None:
    """However little room there is, what running rows stand on stays."""
    budget = Budget(step_tokens=30, context_tokens=60, cells=60, sequences=8, outputs=8)
    stage, _ = begin(budget, [Row(n % 2, (WRITTEN, DEEP)[n % 2], 12) for n in range(10)])
    while len(stage.scheduler):
        step = stage.turn()
        held = {row.group.prefix for row in step.rows if row.begun and row.place != NOWHERE}
        assert not held & {one.tokens for one in step.freed if isinstance(one, Prefix)}


def test_a_short_submission_does_not_wait_for_a_long_one() -> None:
    """Rows that come behind two hundred others of another submission are read among them."""
    stage, _ = begin(WIDE, [Row(0, PLAIN, 20)] * 200 + [Row(1, PLAIN, 20)] * 3)
    finish(stage)
    begins = find_begins(stage)
    assert max(begins[200 + n] for n in range(3)) <= 8
    assert max(begins.values()) > 30


def test_a_submission_keeps_its_order() -> None:
    """Rows of one submission and kind begin in the order in which they came."""
    stage, _ = begin(WIDE, [Row(n % 2, WRITTEN, 1 + n % 7) for n in range(40)])
    finish(stage)
    begins = find_begins(stage)
    for submission in (0, 1):
        steps = [begins[key] for key in range(40) if key % 2 == submission]
        assert steps == sorted(steps)


def test_labels_pass_an_answer_that_finds_no_room() -> None:
    """They leave soon; what would be written later keeps its place behind that answer."""
    budget = Budget(step_tokens=30, context_tokens=60, cells=90, sequences=8, outputs=8)
    big, labels, small = Row(0, WRITTEN, 20), Row(1, PLAIN, 5), Row(0, WRITTEN, 1)
    stage, _ = begin(budget, [big, big, big, labels, small])
    finish(stage)
    begins = find_begins(stage)
    assert begins[3] < begins[2] <= begins[4]


def test_an_answer_is_not_passed_by_labels_for_ever() -> None:
    """A large written row beside a long stream of label rows begins among them."""
    budget = Budget(step_tokens=30, context_tokens=64, cells=94, sequences=8, outputs=8)
    stage, _ = begin(budget, [Row(0, DEEP, 5)] * 60 + [Row(1, WRITTEN, 24)])
    finish(stage)
    begins = find_begins(stage)
    assert begins[60] < begins[30]


def test_alone_is_alone_with_its_prefix_too() -> None:
    """The prefix that a lonely row asked for first is read without any other row."""
    stage, rows = begin(WIDE, [Row(0, PLAIN, 5, alone=True), Row(1, PLAIN, 5), Row(2, WRITTEN, 5)])
    finish(stage)
    for step in stage.steps:
        assert len(step.rows) <= 1 or rows[0] not in step.rows


def test_younger_rows_make_way_and_are_written_on() -> None:
    """Answers that outgrow what was expected of them take room from the latest rows."""
    budget = Budget(step_tokens=20, context_tokens=130, cells=150, sequences=16, outputs=16)
    stage, rows = begin(budget, [Row(0, TALKING, 2)] * 30)
    finish(stage)
    assert stage.preempted > 0
    assert len(stage.answers) == len(rows)
    restarted = [one for step in stage.steps for one in step.freed if isinstance(one, Sequence)]
    assert all(one is not rows[0] for one in restarted)
    for key, answer in stage.answers.items():
        assert same_answer(answer, answer_alone(key, TALKING, 2))


def test_a_free_place_is_taken_at_once() -> None:
    """While rows wait and there is room, no step is left with a place to give."""
    budget = Budget(step_tokens=100, context_tokens=100, cells=900, sequences=8, outputs=8)
    stage, _ = begin(budget, [Row(0, BARE, 1)] * 40)
    while len(stage.scheduler) > 6:
        assert len(stage.turn().rows) >= 5
    finish(stage)


def test_a_prefix_whose_rows_are_gone_is_not_read_on() -> None:
    """What nobody waits for any more takes no part in a step."""
    budget = Budget(step_tokens=5, context_tokens=64, cells=100, sequences=8, outputs=8)
    stage, rows = begin(budget, [Row(0, DEEP, 5), Row(1, BARE, 30)])
    stage.turn()
    stage.withdraw(rows[:1])
    while len(stage.scheduler):
        assert rows[0] not in stage.turn().rows


def test_a_prefix_whose_first_row_is_gone_is_read_for_the_next() -> None:
    """Another row that waits for it takes its part, and it is not begun anew."""
    budget = Budget(step_tokens=5, context_tokens=64, cells=100, sequences=8, outputs=8)
    stage, rows = begin(budget, [Row(0, DEEP, 5), Row(1, DEEP, 5)])
    stage.turn()
    stage.withdraw(rows[:1])
    assert stage.turn().rows == rows[1:]
    finish(stage)
    assert len(stage.prefixes) == 1
    assert list(stage.answers) == [1]


def test_rows_that_were_put_back_begin_first_and_in_order() -> None:
    """After everything was lost, those that ran come before all that wait."""
    stage, rows = begin(WIDE, [Row(n % 3, WRITTEN, 5) for n in range(30)])
    for _ in range(3):
        stage.turn()
    ran = [row for row in rows if row.read]
    assert 2 < len(ran) < 30
    stage.memory.clear()
    stage.scheduler.put_all_back()
    seen = len(stage.steps)
    finish(stage)
    again = [
        part.owner
        for step in stage.steps[seen:]
        for part in step.parts
        if isinstance(part.owner, Sequence)
    ]
    assert {row.key for row in again[: len(ran)]} == {row.key for row in ran}


def test_rows_with_a_question_for_each_label_leave_most_room_to_their_paths() -> None:
    """Few of them run at once, and rows of others are let in beside them."""
    stage, rows = begin(WIDE, [Row(0, SEVERAL, 4)] * 9 + [Row(1, PLAIN, 4)] * 20)
    finish(stage)
    begins = find_begins(stage)
    running = [sum(row.group.several for row in step.rows) for step in stage.steps]
    assert max(running) == WIDE.sequences // 4
    assert max(begins[n] for n in range(9, 29)) < max(begins[n] for n in range(9))
    assert len(stage.answers) == len(rows)


def test_no_row_loses_its_place_for_questions_that_can_wait() -> None:
    """A row opens in each step what there is room for; the others keep what they have read."""
    budget = Budget(step_tokens=58, context_tokens=58, cells=58, sequences=16, outputs=16)
    stage, _ = begin(budget, [Row(n % 2, SEVERAL, 20) for n in range(12)])
    finish(stage)
    assert stage.preempted == 0
    assert len(stage.answers) == 12


def test_questions_are_answered_whatever_else_is_asked() -> None:
    """Labels with branches that come without end hold up no row with questions, nor the reverse."""
    rows = [Row(n % 2, (SEVERAL, DEEP)[n % 2], 5, comes=n) for n in range(60)]
    stage = Stage(WIDE)
    stage.play(rows, most_steps=600)
    assert len(stage.answers) == 60
    for key, answer in stage.answers.items():
        assert same_answer(answer, answer_alone(key, rows[key].group, 5))
