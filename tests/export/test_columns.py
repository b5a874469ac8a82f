"""Columns: parts of the answer, selections, and names that stay apart."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.errors import SettingError
from jobs.export.columns import (
    RESULT_COLUMNS,
    Column,
    choose_columns,
    make_unique,
    place_beside,
)
from jobs.spec import Spec, parse_spec

HEAD = 'name = "s"\n[input]\ntext = "text"\n[task]\n'
CLASSIFY = 'kind = "classify"\nlabels = ["a", "b"]\n'
FIELDS = """kind = "extract"
[task.fields.vendor]
type = "string"
[task.fields.total]
type = "money"
[task.fields.status]
type = "boolean"
"""
names = st.lists(st.sampled_from(["", "a", "b", "a_2", "label", "status", "sekisho_status"]))


def spec(task: str) -> Spec:
    """A spec for one task."""
    return parse_spec(HEAD + task, "s.toml")


def names_of(task: str, *wanted: str) -> list[str]:
    """The names of the columns, all standard ones if none is wanted."""
    taken = choose_columns(spec(task), RESULT_COLUMNS, wanted or None)
    return [one.column.name for one in taken]


def test_a_classification_has_the_columns_of_the_view() -> None:
    """Its label has a column already."""
    assert names_of(CLASSIFY) == list(RESULT_COLUMNS)


def test_fields_are_columns_in_the_order_of_the_spec() -> None:
    """Money is two columns; a field with a name of ours gets a prefix."""
    found = names_of(FIELDS)
    assert found[3:9] == [
        "label", "vendor", "total_amount", "total_currency", "field_status", "confidence",
    ]  # fmt: skip


def test_lists_and_records_are_json() -> None:
    """One column each, however much stands in it, under whatever name."""
    task = (
        'kind = "extract"\n[task.fields."$ref"]\ntype = "list"\nitems = "money"\n'
        '[task.fields."納期 a.b"]\ntype = "record"\n'
        '[task.fields."納期 a.b".fields.day]\ntype = "date"\n'
    )
    taken = [one for one in choose_columns(spec(task), RESULT_COLUMNS) if one.path]
    assert [(one.column, one.path) for one in taken] == [
        (Column("$ref", "json"), ("$ref",)),
        (Column("納期 a.b", "json"), ("納期 a.b",)),
    ]


@pytest.mark.parametrize(
    ("task", "column"),
    [
        ('kind = "translate"\ntarget_language = "ja"\n', Column("text", "text")),
        ('kind = "summarize"\n', Column("points", "json")),
        (CLASSIFY + "multi_label = true\n", Column("labels", "json")),
    ],
)
def test_written_answers_have_a_column(task: str, column: Column) -> None:
    """A translation is text, a summary a list of points."""
    assert column in [one.column for one in choose_columns(spec(task), RESULT_COLUMNS)]


def test_columns_can_be_chosen() -> None:
    """Each is there once, in the order asked for, also those that are not shown else."""
    assert names_of(FIELDS, "vendor", "updated_at", "vendor") == ["vendor", "updated_at"]
    with pytest.raises(SettingError) as caught:
        names_of(FIELDS, "vendor", "no")
    assert caught.value.params["columns"] == "no"


@settings(deadline=None)
@given(names)
def test_names_of_the_input_come_first_and_stay(originals: list[str]) -> None:
    """Ours give way, and are never equal to any other."""
    own = [Column("status", "code"), Column("label", "text")]
    beside = [column.name for column in place_beside(originals, own)]
    assert beside[: len(originals)] == originals
    added = beside[len(originals) :]
    assert len(added) == len(set(added)) == 2
    assert not set(added) & set(originals)


@settings(deadline=None)
@given(names)
def test_names_are_made_unique(given_names: list[str]) -> None:
    """No name stands twice or is empty; the first of each keeps its name."""
    columns = [Column(name, "cell") for name in given_names]
    found = [column.name for column in make_unique(columns)]
    assert len(set(found)) == len(found)
    assert all(found)
    for name in {name for name in given_names if name}:
        assert found[given_names.index(name)] == name
