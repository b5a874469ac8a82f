"""Typed views as texts: names that every database takes, one column for each field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.typed_views import (
    CASTS,
    KEYS,
    NAME_BYTES_MAX,
    ExtractSpec,
    TypedField,
    comments_sql,
    create_sql,
    plan_views,
)

TYPES = ("string", "integer", "number", "money", "date", "boolean", "enum", "list", "record")
NAMES = st.from_regex(r"\A\w[\w$@.' {}%:-]{0,62}\w\Z")
FIELDS = st.lists(
    st.builds(TypedField, NAMES, st.sampled_from(TYPES)),
    min_size=1,
    max_size=8,
    unique_by=lambda field: field.name,
).map(tuple)
SPECS = st.lists(
    st.builds(ExtractSpec, st.text(min_size=1, max_size=64), FIELDS),
    max_size=5,
    unique_by=lambda spec: spec.name,
)


def columns_of(*fields: tuple[str, str], name: str = "x") -> list[str]:
    """The names of the columns of a spec's fields."""
    spec = ExtractSpec(name, tuple(TypedField(*field) for field in fields))
    return [column.name for column in plan_views([spec])[0].columns]


@given(SPECS)
def test_names_are_short_and_differ_in_whatever_case(specs: list[ExtractSpec]) -> None:
    """No name is longer than PostgreSQL keeps, none stands twice, no field is lost."""
    views = plan_views(specs)
    assert [view.spec for view in views] == specs
    groups = [[view.name for view in views]]
    groups += [[*KEYS, *(column.name for column in view.columns)] for view in views]
    for names in groups:
        assert len({name.casefold() for name in names}) == len(names)
        assert all(len(name.encode()) <= NAME_BYTES_MAX for name in names)
    for view in views:
        assert list(dict.fromkeys(one.field for one in view.columns)) == list(view.spec.fields)


@given(SPECS, SPECS)
def test_a_later_spec_takes_no_name_away(
    first: list[ExtractSpec], later: list[ExtractSpec]
) -> None:
    """Views keep their names and columns when further specs come."""
    known = {spec.name for spec in first}
    both = [*first, *(spec for spec in later if spec.name not in known)]
    assert plan_views(both)[: len(first)] == plan_views(first)


def test_names_are_kept_where_they_can_be() -> None:
    """Japanese stays, what is no letter becomes an underscore, a key column is never replaced."""
    specs = [ExtractSpec(name, (TypedField("a", "string"),)) for name in ("請求書", "My Bills!")]
    assert [view.name for view in plan_views(specs)] == ["ext_請求書", "ext_my_bills"]
    assert columns_of(("支払先", "string"), ("due-date", "date")) == ["支払先", "due-date"]
    assert columns_of(("status", "string"), ("Status", "string")) == ["status_2", "Status_3"]


def test_money_is_an_amount_and_a_currency() -> None:
    """A field of that name beside it gets another one."""
    names = columns_of(("total_currency", "string"), ("total", "money"))
    assert names == ["total_currency", "total", "total_currency_2"]


def test_a_long_name_is_told_apart_by_its_hash() -> None:
    """Two names that begin alike for 63 bytes are two columns, cut between characters."""
    long = "項目" * 16
    one, other = columns_of((long + "甲", "string"), (long + "乙", "string"))
    assert one != other
    assert one.startswith("項目" * 8)


@pytest.mark.parametrize("dialect", CASTS)
def test_a_view_is_known_by_its_mark(dialect: str) -> None:
    """Quotes in names end no text, and the mark changes with what the view says."""
    views = [
        plan_views([ExtractSpec('it\'s "x" %s :y', (TypedField("a", kind),))])[0]
        for kind in ("string", "integer")
    ]
    one, other = (create_sql(view, dialect) for view in views)
    assert "WHERE f.spec_name = 'it''s \"x\" %s :y'" in one
    marks = [comments_sql(view, sql)[0] for view, sql in zip(views, (one, other), strict=True)]
    assert marks[0] != marks[1]
    assert ";" not in one
