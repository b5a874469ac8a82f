"""Gold values: every accepted form, and a name for what cannot be read."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jobs.evaluate.gold import (
    OTHER,
    GoldError,
    Labels,
    labels_of,
    read_fields,
    read_labels,
    read_summary,
    read_text,
)
from jobs.spec import ClassifyTask, ExtractTask
from tests.evaluate.making import EXTRACT, make_spec

LABELS = Labels({"refund": "refund", "ABC": "ＡＢＣ"})


def fields() -> ExtractTask:
    """The extract task of the tests."""
    task = make_spec(EXTRACT).task
    assert isinstance(task, ExtractTask)
    return task


@pytest.mark.parametrize(
    ("text", "multi", "expected"),
    [
        (" refund ", False, {"refund"}),
        ("ABC", False, {"ＡＢＣ"}),
        ('{"label": "refund"}', False, {"refund"}),
        ("refund | ABC", True, {"refund", "ＡＢＣ"}),
        ('["refund"]', True, {"refund"}),
        ("[]", True, set()),
        ('{"labels": ["ABC"]}', True, {"ＡＢＣ"}),
        ("unheard", False, {"unheard"}),
    ],
)
def test_labels_are_read(text: str, multi: bool, expected: set[str]) -> None:
    """By name after NFKC, alone, as JSON, or parted by a bar."""
    assert read_labels(text, LABELS, multi=multi) == expected


def test_a_label_that_looks_like_something_else_is_that_label() -> None:
    """A name may begin with a bracket or have a bar in it; its rows are not left out."""
    labels = Labels({name: name for name in ("[spam] refund", "{x}", "a|b", "a")})
    for multi in (False, True):
        for name in labels.names:
            assert read_labels(f" {name} ", labels, multi=multi) == {name}
    assert read_labels('["a", "a|b"]', labels, multi=True) == {"a", "a|b"}


@pytest.mark.parametrize(
    ("text", "multi", "code"),
    [
        ("", False, "gold_missing"),
        ("[", True, "gold_not_json"),
        ("[1]", True, "gold_not_labels"),
        ('{"name": "refund"}', False, "gold_not_labels"),
        ('["refund", "ABC"]', False, "gold_not_one_label"),
        ("[]", False, "gold_not_one_label"),
    ],
)
def test_labels_that_are_none(text: str, multi: bool, code: str) -> None:
    """Each has its code."""
    with pytest.raises(GoldError) as caught:
        read_labels(text, LABELS, multi=multi)
    assert caught.value.code == code


def test_none_of_the_labels() -> None:
    """The word `other` and the value named mean it; of several labels it is the empty set."""
    task = make_spec().task
    assert isinstance(task, ClassifyTask)
    with_other = cast(ClassifyTask, SimpleNamespace(labels=task.labels, other=True))
    labels = labels_of(with_other, "oos")
    assert read_labels("oos", labels, multi=False) == {OTHER}
    assert read_labels("other", labels, multi=False) == {OTHER}
    assert labels.has(OTHER)
    assert read_labels("oos", labels, multi=True) == frozenset()


def test_fields_are_read() -> None:
    """Missing ones are null, lists are spellings, unknown members are not looked at."""
    text = """{"who": ["Blue  Door", "blue door", "青い扉"], "day": "令和6年5月3日",
      "total": {"amount": "1,200", "currency": "円"}, "more": 1}"""
    assert read_fields(text, fields()) == {
        "who": ("blue door", "青い扉"),
        "day": ("2024-05-03",),
        "total": ((Decimal(1200), "JPY"),),
        "count": (),
    }
    assert read_fields('{"who": [], "count": "12"}', fields())["count"] == (Decimal(12),)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "gold_missing"),
        ("{", "gold_not_json"),
        ("[" * 100_000, "gold_not_json"),
        ("[]", "gold_not_object"),
        ('{"whom": "x"}', "gold_fields_unknown"),
        ('{"day": "soon"}', "gold_value_wrong"),
        ('{"who": {"a": 1}}', "gold_value_wrong"),
        ('{"count": true}', "gold_value_wrong"),
        ('{"total": {"price": 3}}', "gold_value_wrong"),
    ],
)
def test_fields_that_cannot_be_read(text: str, code: str) -> None:
    """Each has its code; the field is named, its value is not."""
    with pytest.raises(GoldError) as caught:
        read_fields(text, fields())
    assert caught.value.code == code
    assert set(caught.value.params) <= {"field"}


def test_texts_are_read() -> None:
    """A summary may be a list of points; a text that begins with a bracket is a text."""
    assert read_text(" 訳 ") == "訳"
    assert read_summary('["one", "two"]') == "one\ntwo"
    assert read_summary("[Music] plays") == "[Music] plays"
    assert read_summary("[1]") == "[1]"
    for read in (read_text, read_summary):
        with pytest.raises(GoldError):
            read(" ")


def test_no_test_helper_is_taken_for_the_real_thing() -> None:
    """The labels of a real spec have no `other` unless it says so."""
    task: Any = make_spec().task
    assert not labels_of(task).other
