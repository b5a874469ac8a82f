"""How much room a row is given before anybody knows how long its answer is."""

import math

from hypothesis import given
from hypothesis import strategies as st

from jobs.prompt import Frame, FreeText, Prompt
from tests.engines.stage import DEEP, PLAIN, Cells
from workers.engines.llama.choice import Choice
from workers.engines.llama.expectation import (
    FIRST_SHARE,
    HEADROOM_TOKENS,
    MIN_ANSWERS,
    QUANTILE,
    REMEMBERED,
    Expectation,
    Lengths,
)
from workers.engines.llama.sequence import Group, Writing
from workers.engines.llama.step import Budget
from workers.engines.llama.text import Text
from workers.engines.thread import Ticket

VOCABULARY = Cells(Budget(1, 1, 1, 1, 1))
WRITTEN = Group((1,), (), writing=Writing(15, 400))
TICKET = Ticket(Prompt(1, Frame(""), "x", FreeText(400)), lambda _: None, 0, alone=False)
lengths = st.lists(st.integers(1, 400), max_size=600)


def make_text(group: Group = WRITTEN, *, written: int = 0) -> Text:
    row = Text(TICKET, group, (7,) * 10, vocabulary=VOCABULARY)
    row.written = [3] * written
    row.output_tokens = written
    return row


def see(expectation: Expectation, *answers: int, group: Group = WRITTEN) -> None:
    for tokens in answers:
        expectation.see(make_text(group, written=tokens))


@given(seen=lengths)
def test_the_quantile_is_that_of_the_latest_answers(seen: list[int]) -> None:
    """Nine of ten of the answers that are remembered are not longer, and it is one of them."""
    known = Lengths()
    for tokens in seen:
        known.see(tokens)
    found = known.quantile()
    latest = seen[-REMEMBERED:]
    if len(latest) < MIN_ANSWERS:
        assert found is None
    else:
        assert found in latest
        assert sum(tokens <= found for tokens in latest) >= QUANTILE * len(latest)
        assert sum(tokens < found for tokens in latest) < QUANTILE * len(latest)


@given(seen=lengths, written=st.integers(0, 399))
def test_no_more_is_expected_than_a_row_can_need(seen: list[int], written: int) -> None:
    """What is expected covers what is written and never more than the longest answer."""
    expectation = Expectation()
    see(expectation, *seen)
    cells = expectation.cells(make_text(written=written))
    assert 10 + min(written + 1, 400) <= cells <= 10 + 400


def test_before_answers_are_known_a_share_is_expected() -> None:
    """A quarter of what is allowed, and at least a few tokens."""
    expectation = Expectation()
    assert expectation.cells(make_text()) == 10 + math.ceil(FIRST_SHARE * 400)
    short = Group((1,), (), writing=Writing(15, 60))
    assert expectation.cells(make_text(short)) == 10 + HEADROOM_TOKENS
    tiny = Group((1,), (), writing=Writing(15, 5))
    assert expectation.cells(make_text(tiny)) == 10 + 5


def test_groups_learn_apart() -> None:
    """Long answers of one group say nothing about another."""
    expectation = Expectation()
    other = Group((1,), (), writing=Writing(15, 400))
    see(expectation, *[300] * MIN_ANSWERS, group=other)
    assert expectation.cells(make_text(other)) == 10 + 300
    assert expectation.cells(make_text()) == 10 + math.ceil(FIRST_SHARE * 400)


def test_an_answer_that_outgrew_it_goes_on_for_a_while() -> None:
    """Beyond the usual length a little more is expected, up to the longest."""
    expectation = Expectation()
    see(expectation, *[20] * MIN_ANSWERS)
    assert expectation.cells(make_text(written=19)) == 10 + 20
    assert expectation.cells(make_text(written=20)) == 10 + 20 + HEADROOM_TOKENS
    assert expectation.cells(make_text(written=399)) == 10 + 400


def test_an_answer_that_ended_needs_what_it_has() -> None:
    """Forced tokens that are still to be scored are known to the last."""
    row = make_text(written=7)
    row.finish = "length"
    assert Expectation().cells(row) == 10 + 7


def test_labels_need_their_longest_path() -> None:
    """Rows that are not written teach nothing and are known beforehand."""
    expectation = Expectation()
    for group, path in ((PLAIN, 0), (DEEP, DEEP.trie.longest_path)):
        row = Choice(TICKET, group, (7,) * 10)
        expectation.see(row)
        assert expectation.cells(row) == 10 + path
