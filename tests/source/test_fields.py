"""The rules for records of named values; most are rows at the first look."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.source import InputShape, Reject, Row
from jobs.source.fields import Compound, FieldJudge, Number, plain_digits
from jobs.source.judge import is_empty

TEXTS = st.text(st.sampled_from("a0 \u3000\u200b\0\ud83d表😀\n"), max_size=8)
VALUES = st.none() | TEXTS | TEXTS.map(Number) | TEXTS.map(Compound)
SHAPES = st.sampled_from(
    [
        InputShape("id", "text", max_text_chars=6),
        InputShape("id", "text", keep=("kept", "id"), max_text_chars=6),
        InputShape(None, "text", keep=("kept",), max_text_chars=6),
        InputShape("id", ("text", "kept"), max_text_chars=12),
    ]
)


@given(SHAPES, st.fixed_dictionaries({"id": VALUES, "text": VALUES, "kept": VALUES}))
def test_the_first_look_and_the_second_agree(
    shape: InputShape, record: dict[str, str | None]
) -> None:
    """A row at the first look is the row that the careful rules make; both keep every rule."""
    judge = FieldJudge(shape, "lone_surrogate")
    values = {name: record[name] for name in shape.wanted}
    judged = judge.judge(7, values)
    assert judged == judge._judge_odd(7, values)
    if isinstance(judged, Reject):
        return
    assert not is_empty(judged.text)
    assert judged.source_id == judged.source_id.strip() != ""
    assert len(judged.text) <= shape.max_text_chars
    for value in (judged.source_id, judged.text, *dict(judged.attributes).values()):
        assert "\0" not in value
        value.encode()
        assert type(value) is str


def test_rows_hold_plain_strings() -> None:
    """Numbers and lists that are kept are texts like all others."""
    judge = FieldJudge(InputShape("id", "text", keep=("a", "b")), "lone_surrogate")
    values = {"id": Number("1"), "text": "x", "a": Compound("[1]"), "b": None}
    row = judge.judge(1, values)
    assert row == Row(1, "1", "x", (("a", "[1]"), ("b", "")))
    assert isinstance(row, Row)
    assert {type(value) for value in (row.source_id, *dict(row.attributes).values())} == {str}


@pytest.mark.parametrize(
    ("number", "digits"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1e22, "1" + "0" * 22),
        (-2.5, "-2.5"),
        (1e-10, "0.0000000001"),
        (100.0, "100"),
        (float("inf"), "inf"),
    ],
)
def test_plain_digits(number: float, digits: str) -> None:
    """No exponent, no fraction of nothing."""
    assert plain_digits(number) == digits


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_digits_are_the_number(number: float) -> None:
    """The digits are those of that number and no other."""
    assert float(plain_digits(number)) == number
