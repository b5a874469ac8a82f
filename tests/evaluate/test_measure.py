"""A whole evaluation: nothing is left out silently; groups, endings, what fits in no row."""

import json

import pytest

from jobs.errors import SettingError
from jobs.evaluate import Wish, evaluate, read_row
from jobs.evaluate.measure import PAIR, check_gold
from tests.evaluate.making import (
    CLASSIFY,
    EXTRACT,
    TRANSLATE,
    evaluate_labels,
    make_row,
    make_spec,
)


def test_endings_are_counted_by_their_reason() -> None:
    """Without an answer, with a failed check, kept; the first two are never among the sure."""
    rows = [
        make_row(1, "refund", {"label": "refund"}),
        make_row(2, "refund", {"label": "refund"}, kept=False, reason="text_too_long"),
        make_row(3, "refund", None, reason="answer_truncated"),
    ]
    found = evaluate(make_spec(), rows, Wish())
    assert (found.rows, found.answered, found.kept) == (3, 2, 1)
    assert found.unanswered == {"answer_truncated": 1}
    assert found.failed_checks == {"text_too_long": 1}
    assert found.measured.figures["accuracy"].value == pytest.approx(2 / 3)
    assert found.calibration.known == 1


def test_a_gold_value_that_cannot_be_read_is_named() -> None:
    """By record and id, without the value; its row is counted as left out."""
    rows = [
        make_row(1, '{"who": "Ann"}', None),
        make_row(2, "secret", None),
    ]
    found = evaluate(make_spec(EXTRACT), rows, Wish())
    assert [(one.row_number, one.source_id, one.code) for one in found.findings] == [
        (2, "r2", "gold_not_json")
    ]
    assert (found.rows, found.left_out) == (1, 1)
    assert "secret" not in json.dumps(found.as_data())


@pytest.mark.parametrize("task", [CLASSIFY, EXTRACT, TRANSLATE])
def test_a_column_of_which_nothing_fits(task: str) -> None:
    """An error, found before any row is answered too."""
    rows = [make_row(1, "", None), make_row(2, " ", None)]
    for check in (check_gold, evaluate):
        with pytest.raises(SettingError) as caught:
            check(make_spec(task), rows, Wish())
        assert caught.value.code == "gold_nothing_fits"
        with pytest.raises(SettingError) as caught:
            check(make_spec(task), [], Wish())
        assert caught.value.code == "evaluate_no_rows"


def test_no_row_answered_is_a_figure_not_an_error() -> None:
    """Everything is wrong."""
    found = evaluate_labels([("refund", None), ("delivery", None)])
    assert (found.answered, found.measured.figures["accuracy"].value) == (0, 0.0)
    assert found.measured.figures["macro_f1"].value == 0.0


def test_groups() -> None:
    """Largest first; pairs of languages are a group of their own; empty columns are none."""
    languages = [("en", "ja"), ("en", "de"), ("en", "ja")]
    rows = [
        make_row(n, "x", {"text": "x"}, groups={"source_lang": a, "target_lang": b, "none": ""})
        for n, (a, b) in enumerate(languages, 1)
    ]
    found = evaluate(make_spec(TRANSLATE), rows, Wish(("source_lang", "target_lang", "none")))
    lines = [(one.column, one.value, one.rows) for one in found.groups]
    assert lines == [
        ("source_lang", "en", 3),
        ("target_lang", "ja", 2),
        ("target_lang", "de", 1),
        (PAIR, "en > ja", 2),
        (PAIR, "en > de", 1),
    ]


def test_harmful_words_are_looked_for_in_every_answer() -> None:
    """Also in one that failed a check, and inside records."""
    rows = [
        make_row(1, '{"who": "x"}', {"who": "BAD", "day": None, "total": None, "count": None}),
        make_row(2, '{"who": "x"}', {"who": "bad bad"}, kept=False),
        make_row(3, '{"who": "x"}', None),
    ]
    found = evaluate(make_spec(EXTRACT), rows, Wish(blocklist=("bad",)))
    assert found.blocked is not None
    assert (found.blocked.rows, found.blocked.counts) == (2, (("bad", 3),))


def test_it_can_be_saved_as_json() -> None:
    """Figures and scores, the latter in the order of the file."""
    found = evaluate_labels([("refund", "refund"), ("refund", "delivery")])
    assert json.loads(json.dumps(found.as_data()))["figures"]["accuracy"]["value"] == 0.5
    assert found.as_scores() == [["r1", 1.0, 1], ["r2", 0.0, 0]]


def test_a_line_of_the_view_becomes_a_row() -> None:
    """A row in review counts with the answer it suggests."""
    line = {
        "row_number": 3, "source_id": "r3", "status": "review", "output": None,
        "suggested_output": {"who": "Ann"}, "confidence": 0.7, "reason_code": "value_missing",
        "attributes": {"gold": "{}", "language": "ja"}, "fields": {"who": {"confidence": 0.7}},
    }  # fmt: skip
    row = read_row(line, "gold", ("language", "absent"))
    assert (row.output, row.kept, row.gold) == ({"who": "Ann"}, False, "{}")
    assert (row.groups, row.field_confidence) == ({"language": "ja", "absent": ""}, {"who": 0.7})
