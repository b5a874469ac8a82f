"""The values of a row that a program hands in: what is a text, what is refused, and why."""

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.client.values import Refusal, Taken, take
from jobs.source import InputShape
from jobs.words import catalogue

SHAPE = InputShape(id="id", text="text", keep=("note",))
SEVERAL = InputShape(id="id", text=("title", "body"))
KEY = uuid.UUID("12345678123456781234567812345678")


class NAType:
    """As that of data frames: a comparison with it is neither true nor false."""

    def __ne__(self, other: object) -> "NAType":  # type: ignore[override]
        return self

    def __bool__(self) -> bool:
        raise TypeError


class Colour(StrEnum):
    """A text that knows its name."""

    RED = "red"


def row(**changes: object) -> dict[str, object]:
    """A good row with changes."""
    return {"id": "a", "text": "words", "note": "n", **changes}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" 007 ", " 007 "),
        (7, "7"),
        (12.5, "12.5"),
        (1009.0, "1009"),
        (1e22, "10000000000000000000000"),
        (float("inf"), "inf"),
        (Decimal("1.20"), "1.20"),
        (Fraction(1, 3), "1/3"),
        (KEY, str(KEY)),
        (date(2026, 11, 20), "2026-11-20"),
        (datetime(2026, 11, 20, 1, tzinfo=UTC), "2026-11-20T01:00:00+00:00"),
        (Colour.RED, "red"),
        (None, ""),
        (float("nan"), ""),
        (Decimal("sNaN"), ""),
        (NAType(), ""),
    ],
)
def test_ids_and_kept_values_become_texts(value: object, text: str) -> None:
    """Numbers are their digits, dates are ISO 8601, missing ones empty."""
    assert take(row(note=value), SHAPE) == Taken(("a", "words", text))
    by_id = take(row(id=value), SHAPE)
    assert by_id == (Taken((text, "words", "n")) if text else Refusal("missing_id", None))


@pytest.mark.parametrize(
    "value", [object(), b"bytes", {1, 2}, [object()], pytest.param(10**5000, id="huge"), print]
)
def test_values_without_a_text_are_refused_by_column(value: object) -> None:
    """What could only be shown as a machine's words for it is no value of a row."""
    assert take(row(note=value), SHAPE) == Refusal("value_not_plain", "a", {"column": "note"})
    assert take(row(id=value), SHAPE) == Refusal("id_not_string", None)


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (["東", 1, None], '["東", 1, null]'), ({"a": {"b": 1}}, '{"a": {"b": 1}}')],
)
def test_compounds_are_kept_as_json_and_are_no_ids(value: object, text: str) -> None:
    """As in a JSON file."""
    assert take(row(note=value), SHAPE) == Taken(("a", "words", text))
    assert take(row(id=value), SHAPE) == Refusal("id_not_string", None)


def test_a_value_that_holds_itself_is_refused() -> None:
    """A list in itself has no end."""
    endless: list[Any] = []
    endless.append(endless)
    assert take(row(note=endless), SHAPE) == Refusal("value_not_plain", "a", {"column": "note"})


@pytest.mark.parametrize("value", [7, 1.5, ["a"], {"a": 1}, b"x", True, object()])
def test_a_text_must_be_a_string(value: object) -> None:
    """A number is no text: what would be asked about it is not what was handed in."""
    assert take(row(text=value), SHAPE) == Refusal("text_not_string", "a")


@pytest.mark.parametrize("value", [None, float("nan"), NAType()])
def test_a_missing_text_is_named(value: object) -> None:
    """None, NaN and no such column are the same: there is no text."""
    assert take(row(text=value), SHAPE) == Refusal("missing_text", "a")
    assert take({"id": "a"}, SHAPE) == Refusal("missing_text", "a")


@pytest.mark.parametrize("value", [None, "", " \u3000", float("nan")])
def test_a_missing_id_comes_first(value: object) -> None:
    """A row nobody could find again is refused for that, whatever else is wrong."""
    assert take({"id": value, "text": 7}, SHAPE) == Refusal("missing_id", None)


@pytest.mark.parametrize("value", [None, "id", 3, ["id", "text"], ("a", "b")])
def test_only_mappings_are_rows(value: object) -> None:
    """A list of cells has no names; nobody guesses them."""
    assert take(value, SHAPE) == Refusal("not_an_object", None)


def test_characters_no_database_keeps_are_refused() -> None:
    """NUL and halves of characters, in any column, before anything else is looked at."""
    assert take({"text": 5, "note": "\0"}, SHAPE) == Refusal("nul_byte", None)
    assert take(row(text="a\0b"), SHAPE) == Refusal("nul_byte", "a")
    assert take(row(note="\ud800"), SHAPE) == Refusal("lone_surrogate", "a")
    assert take(row(id="\udcff"), SHAPE) == Refusal("lone_surrogate", None)


def test_several_texts_may_miss_some() -> None:
    """Of several text columns one is enough; each must be a text where it is there."""
    assert take({"id": 1, "body": "b"}, SEVERAL) == Taken(("1", "", "b"))
    assert take({"id": 1, "title": None}, SEVERAL) == Refusal("missing_text", "1")
    assert take({"id": 1, "title": "t", "body": 5}, SEVERAL) == Refusal("text_not_string", "1")


def test_dotted_names_find_nested_values() -> None:
    """A name that stands there as it is goes first, then the path."""
    shape = InputShape(id="ticket.no", text="body.text")
    assert take({"ticket": {"no": 1}, "body": {"text": "t"}}, shape) == Taken(("1", "t"))
    assert take({"ticket.no": 2, "ticket": {"no": 1}, "body.text": "t"}, shape) == Taken(("2", "t"))
    assert take({"ticket": 1, "body": {"text": "t"}}, shape) == Refusal("missing_id", None)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary(max_size=3)
    | st.text(st.characters(exclude_categories=[]), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "text", "note", "x"]), inner, max_size=4)
    ),
    max_leaves=6,
)


@given(ANYTHING, st.sampled_from([SHAPE, SEVERAL, InputShape(id=None, text="text")]))
def test_nothing_raises(value: object, shape: InputShape) -> None:
    """Whatever stands in a list of rows is taken, or refused with a code that has words."""
    taken = take(value, shape)
    if isinstance(taken, Taken):
        assert len(taken.cells) == len(shape.wanted)
        assert all(type(cell) is str and cell.encode() is not None for cell in taken.cells)
    else:
        assert all(taken.code in catalogue(language) for language in ("en", "ja"))
