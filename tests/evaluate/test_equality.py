"""Values that are the same, by type."""

from typing import Any

import pytest

from jobs.evaluate.equality import canonical, is_same
from jobs.spec import FieldSpec

FULL = "１２"


def field(kind: str, **more: Any) -> FieldSpec:
    """A field of a type."""
    return FieldSpec.model_validate({"name": "x", "type": kind, **more})


@pytest.mark.parametrize(
    ("kind", "gold", "answer", "same"),
    [
        ("string", "ＡＢＣ　社", "abc 社", True),
        ("string", "abc", "abd", False),
        ("integer", FULL, 12, True),
        ("number", "1,200.50", 1200.5, True),
        ("number", 2, 2.0, True),
        ("date", "2024年5月3日", "2024-05-03", True),
        ("date", "2024-05-04", "2024-05-03", False),
        ("money", "1,200", {"amount": "1200", "currency": "JPY"}, True),
        ("money", "¥1,200", {"amount": "1300", "currency": "JPY"}, False),
        ("money", {"amount": 9, "currency": "USD"}, {"amount": "9.00", "currency": "USD"}, True),
        ("boolean", "Yes", True, True),
        ("boolean", "false", True, False),
        ("string", " ", None, True),
    ],
)
def test_values(kind: str, gold: Any, answer: Any, same: bool) -> None:
    """In the form of the task, whoever wrote them."""
    one = field(kind)
    assert is_same(canonical(one, gold), canonical(one, answer)) is same


def test_an_enum_is_one_of_its_values() -> None:
    """Others are refused."""
    one = field("enum", values=("Goods", "Services"))
    assert canonical(one, "ｇｏｏｄｓ") == canonical(one, "Goods")
    with pytest.raises(ValueError, match="enum"):
        canonical(one, "other")


@pytest.mark.parametrize(("kind", "value"), [("integer", "x"), ("number", True), ("date", 3)])
def test_what_a_type_cannot_hold(kind: str, value: Any) -> None:
    """ValueError, so that it becomes a finding."""
    with pytest.raises(ValueError, match=r"."):
        canonical(field(kind), value)
