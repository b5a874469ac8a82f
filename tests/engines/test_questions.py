"""A set of labels: the branches of its questions, and what is known of each label."""

import pytest

from jobs.errors import SpecError
from tests.engines.test_labels import END, logits
from workers.engines.llama.questions import Questions, build_questions


def test_every_label_is_asked_on_its_own() -> None:
    """A branch stands where yes and no part, behind what all questions begin with."""
    yes, no = (7,), (8, 9)
    pairs = [((5, 6, *label, *yes), (5, 6, *label, *no)) for label in ((1,), (1, 2), (3,))]
    stem, trie = build_questions("abc", pairs, end=END)
    assert stem == (5, 6)
    assert [branch.path for branch in trie.branches] == [(1,), (1, 2), (3,)]
    assert {branch.children for branch in trie.branches} == {(7, 8)}
    asked = Questions(trie)
    assert asked.wanted() == [(1 / 3, number) for number in range(3)]
    assert not asked.waits_for(0)
    asked.see(2, logits(0.9, 0.1))
    asked.see(0, logits(0.2, 0.8))
    assert [branch for _, branch in asked.wanted()] == [1]
    asked.see(1, logits(0.5, 0.5))
    assert (asked.wanted(), asked.unopened) == ([], ())
    assert asked.probabilities() == pytest.approx({"a": 0.2, "b": 0.5, "c": 0.9})
    assert list(asked.probabilities()) == ["a", "b", "c"]


def test_a_no_that_begins_with_yes_ends_with_the_end_token() -> None:
    """Where one answer stops and the other goes on, the end token is the stopping one's child."""
    pairs = [((5, n, 7), (5, n, 7, 8)) for n in (1, 2)]
    _, trie = build_questions("ab", pairs, end=END)
    assert [branch.path for branch in trie.branches] == [(1, 7), (2, 7)]
    assert {branch.children for branch in trie.branches} == {(END, 8)}


def test_a_question_that_begins_all_others_keeps_a_token() -> None:
    """A label that is the beginning of the others is opened like them, on a path of its own."""
    pairs = [((5, 1, *more, 7), (5, 1, *more, 8)) for more in ((), (7,), (7, 2))]
    stem, trie = build_questions("abc", pairs, end=END)
    assert stem == (5,)
    assert [branch.path for branch in trie.branches] == [(1,), (1, 7), (1, 7, 2)]
    nodes = trie.open([0, 1, 2]).nodes
    assert [(node.token, node.branch) for node in nodes] == [(1, 0), (7, 1), (2, 2)]


def test_questions_that_are_one_to_the_tokeniser_are_refused() -> None:
    """Equal labels by their names, and a yes that is a no by these words."""
    with pytest.raises(SpecError) as caught:
        build_questions("ab", [((5, 1, 7), (5, 1, 8))] * 2, end=END)
    assert caught.value.code == "labels_tokenise_alike"
    with pytest.raises(SpecError) as caught:
        build_questions("ab", [((5, n, 7), (5, n, 7)) for n in (1, 2)], end=END, words=("y", "n"))
    assert caught.value.code == "answers_tokenise_alike"
    assert caught.value.params == {"first": "y", "second": "n"}
