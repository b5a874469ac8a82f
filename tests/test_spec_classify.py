"""The table of a classification: what its labels, its other option and its examples may be."""

from typing import Any

import pytest

from jobs.errors import SpecError
from jobs.spec import ClassifyTask, Spec, build_spec, parse_spec, restore_spec

TEXT = """name = "x"
[task]
kind = "classify"
labels = ["refund", "delivery"]
{keys}
[input]
text = "t"
"""


def build(**task: Any) -> Spec:
    """A spec with these keys of its task."""
    told = {"kind": "classify", "labels": ["refund", "delivery"], **task}
    return build_spec({"name": "x", "task": told, "input": {"text": "t"}})


def complain(**task: Any) -> tuple[str, str]:
    """The key and the problem of a spec that is refused."""
    with pytest.raises(SpecError) as caught:
        build(**task)
    assert caught.value.code == "spec_value_wrong"
    return str(caught.value.params["key"]), str(caught.value.params["problem"])


def test_defaults_leave_the_hash_of_a_spec() -> None:
    """Saying what is so anyway makes no other spec, and all that is told makes one."""
    plain = build().hash()
    assert build(multi_label=False, other=False, examples=[]).hash() == plain
    shown = [{"text": "where is it", "answer": "delivery"}]
    hashes = {plain, *(build(**one).hash() for one in ({"multi_label": True}, {"other": True}))}
    assert len(hashes | {build(examples=shown).hash()}) == 4


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (["refund", "ｒｅｆｕｎｄ"], "the labels 'refund' and 'ｒｅｆｕｎｄ' are the same"),
        (["返品", "ﾍﾝﾋﾟﾝ", "ヘンピン"], "the labels 'ﾍﾝﾋﾟﾝ' and 'ヘンピン' are the same"),
        (["a", "a "], "the labels 'a' and 'a ' are the same"),
        (["a", "　"], "a label's name is empty"),
    ],
)
def test_labels_that_are_equal_after_nfkc_are_refused(labels: list[str], problem: str) -> None:
    """Width and outer spaces make no other label."""
    assert complain(labels=labels) == ("task.labels", problem)


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (["alone"], "the list should have at least 2 items, not 1"),
        ([str(n) for n in range(501)], "the list should have at most 500 items, not 501"),
        ("refund", "Input should be a list"),
    ],
)
def test_what_is_no_list_of_labels_is_refused(labels: Any, problem: str) -> None:
    """In the words of a spec's file, which knows lists."""
    assert complain(labels=labels) == ("task.labels", problem)


def test_labels_that_differ_in_case_are_two() -> None:
    """A list of codes may have both, and no answer is taken for the other one."""
    task = build(labels=["a", "A"]).task
    assert isinstance(task, ClassifyTask)
    assert [label.name for label in task.labels] == ["a", "A"]


@pytest.mark.parametrize("name", ["other", "Other", "ＯＴＨＥＲ", "その他", " other"])
def test_a_label_that_is_called_other_stands_against_the_option(name: str) -> None:
    """Two options of one name could not be told apart; without the option it is a label."""
    key, problem = complain(labels=["refund", name], other=True)
    assert key == "task.other"
    assert repr(name) in problem
    assert "rename" in problem
    build(labels=["refund", name])


def test_other_has_no_place_among_several_labels() -> None:
    """The empty list says it, and a second way to say it is refused with that reason."""
    key, problem = complain(multi_label=True, other=True)
    assert key == "task.other"
    assert "empty list" in problem
    build(multi_label=True, other=False)


@pytest.mark.parametrize(
    ("answer", "several", "problem"),
    [
        ("repair", False, "the answer of example 2 is not one of the labels"),
        ("Refund", False, "the answer of example 2 is not one of the labels"),
        ("other", False, "the answer of example 2 is not one of the labels"),
        (["refund"], False, "the answer of example 2 should be one label"),
        (True, False, "the answer of example 2 should be one label"),
        ("refund", True, "the answer of example 2 should be a list of labels"),
        (["refund", 1], True, "the answer of example 2 should be a list of labels"),
        (["refund", "other"], True, "the answer of example 2 names what is not one of the labels"),
        (["refund", "refund"], True, "the answer of example 2 has a label twice"),
    ],
)
def test_an_answer_of_another_form_is_refused_by_its_number(
    answer: Any, several: bool, problem: str
) -> None:
    """The example's number is said, its text never."""
    good = {"text": "first", "answer": ["delivery"] if several else "delivery"}
    examples = [good, {"text": "secret words", "answer": answer}]
    key, said = complain(multi_label=several, examples=examples)
    assert (key, said) == ("task.examples", problem)


def test_examples_that_contradict_each_other_are_refused() -> None:
    """Which of two answers to one text is right is not ours to choose."""
    shown = [{"text": "a", "answer": "refund"}, {"text": "a ", "answer": "delivery"}]
    problem = "examples 1 and 2 have the same text and different answers"
    assert complain(examples=shown) == ("task.examples", problem)
    build(examples=[shown[0], shown[0]])
    assert complain(examples=[{"text": " ", "answer": "refund"}])[1] == "example 1 has no text"


def test_the_line_of_the_examples_is_named() -> None:
    """As every complaint about a file does."""
    keys = '[[task.examples]]\ntext = "a"\nanswer = "repair"'
    with pytest.raises(SpecError) as caught:
        parse_spec(TEXT.format(keys=keys), "my.toml")
    assert caught.value.params["line"] == 5


@pytest.mark.parametrize(
    "task",
    [
        {"other": True, "examples": [{"text": "a", "answer": "other"}]},
        {"multi_label": True, "examples": [{"text": "a", "answer": []}]},
        {"multi_label": True, "examples": [{"text": "a", "answer": ["delivery", "refund"]}]},
    ],
)
def test_a_stored_spec_is_the_same_again(task: dict[str, Any]) -> None:
    """Through its canonical form, with lists as a database keeps them."""
    spec = build(**task)
    again = restore_spec(spec.canonical())
    assert again.hash() == spec.hash()
    assert again.canonical() == spec.canonical()
