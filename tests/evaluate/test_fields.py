"""Extractions: hand-computed precision and recall, nulls, records, rows without an answer."""

from typing import Any

import pytest

from jobs.evaluate import Wish, evaluate
from jobs.evaluate.measure import Evaluation
from tests.evaluate.making import EXTRACT, make_row, make_spec

NOTHING: dict[str, Any] = dict.fromkeys(("who", "day", "total", "count"))


def measure(*pairs: tuple[str, dict[str, Any] | None]) -> Evaluation:
    """The evaluation of records."""
    rows = [
        make_row(number, gold, None if said is None else {**NOTHING, **said})
        for number, (gold, said) in enumerate(pairs, 1)
    ]
    return evaluate(make_spec(EXTRACT), rows, Wish())


def test_hand_computed_values() -> None:
    """who: 1 hit, 2 in gold, 3 said: P 1/3, R 1/2, F1 2/5."""
    found = measure(
        ('{"who": "Ann"}', {"who": "ＡＮＮ"}),
        ('{"who": "Bob"}', {"who": "Eve"}),
        ('{"who": null}', {"who": "Eve"}),
    )
    line = found.measured.classes[0]
    assert (line.gold, line.answers) == (2, 3)
    assert (line.precision, line.recall) == (1 / 3, 1 / 2)
    assert line.f1 == pytest.approx(2 / 5)
    assert found.measured.figures["field_f1"].value == pytest.approx(2 / 5)
    assert found.measured.figures["record_exact"].value == pytest.approx(1 / 3)


def test_perfect_records_are_perfect() -> None:
    """Nulls included; fields that never occur have no figure of their own."""
    gold = '{"who": "青い扉", "total": {"amount": "1,200", "currency": "JPY"}}'
    found = measure((gold, {"who": "青い扉", "total": {"amount": "1200", "currency": "JPY"}}))
    assert {one.value for one in found.measured.figures.values()} == {1.0}
    assert [one.f1 for one in found.measured.classes] == [1.0, None, 1.0, None]


def test_nulls() -> None:
    """Of six gold nulls one was answered with a value."""
    found = measure(('{"who": "Ann"}', {"who": "Ann", "count": 3}), ('{"who": "Ann"}', {}))
    assert found.measured.figures["nulls_right"].value == pytest.approx(5 / 6)
    assert [one.right for one in found.measured.scores] == [False, False]


def test_a_row_without_an_answer_has_nothing_right() -> None:
    """Not even its nulls, however many gold has."""
    found = measure(('{"who": null}', None), ('{"who": "Ann"}', {"who": "Ann"}))
    assert [one.score for one in found.measured.scores] == [0.0, 1.0]
    assert found.measured.figures["nulls_right"].value == pytest.approx(3 / 7)
    assert found.unanswered == {"keep_all": 1}


def test_one_of_several_spellings_is_right() -> None:
    """And a value in no form of its type is wrong, not an error."""
    found = measure(
        ('{"who": ["the Blue Door", "Blue Door"]}', {"who": "blue door"}),
        ('{"day": "2024-05-03"}', {"day": "soon"}),
    )
    assert [one.right for one in found.measured.scores] == [True, False]
    assert found.measured.classes[1].precision == 0.0


def test_confidences_of_fields_are_compared_too() -> None:
    """Each answered field with its own confidence."""
    row = make_row(1, '{"who": "Ann"}', {**NOTHING, "who": "Ann"})
    object.__setattr__(row, "field_confidence", {"who": 0.9, "day": 0.8, "count": None})
    found = evaluate(make_spec(EXTRACT), [row], Wish())
    assert sorted(found.measured.field_scores) == [(0.8, True), (0.9, True)]
    assert found.calibration.field_ece == pytest.approx(0.15)
