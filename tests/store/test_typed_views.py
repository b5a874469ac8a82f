"""Typed views in the database: right types, nothing of others touched; the same on both."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import inspect, text

from jobs.errors import SettingError
from jobs.spec import parse_spec
from jobs.store import Database, schema, typed_views
from jobs.views import VIEWS
from tests.store.filled import EXTRACT, RECORD, answer_all, extracted, fill, make_extracted
from tests.store.making import make_batch, rows_of

TYPED = "SELECT * FROM ext_invoices ORDER BY batch_id, row_number"


def view_names(database: Database) -> set[str]:
    """The views there are, the contract's left out."""
    with database.read() as connection:
        return set(inspect(connection).get_view_names()) - set(VIEWS)


def run(database: Database, statement: str) -> None:
    """Run a statement of an analyst."""
    with database.write() as connection:
        connection.execute(text(statement))


def plain(line: Mapping[str, Any]) -> tuple[Any, ...]:
    """The fields of a line with the types of one database."""
    day = line["invoice_date"]
    return (
        line["vendor"],
        day if day is None or isinstance(day, date) else date.fromisoformat(day),
        None if line["total"] is None else Decimal(str(line["total"])),
        line["total_currency"],
        line["items"],
        line["weight"],
        None if line["paid"] is None else bool(line["paid"]),
        line["kind"],
    )


def test_a_field_of_every_type_is_a_column_of_its_type(database: Database) -> None:
    """Text, number, amount with currency, date and truth come as such, in Japanese too."""
    make_extracted(database, RECORD)
    (view,) = typed_views.remake(database)
    assert view.name == "ext_invoices"
    (line,) = rows_of(database, TYPED)
    assert plain(line) == (
        "Blue Door",
        date(2026, 2, 28),
        Decimal("1045.9"),
        "USD",
        12,
        2.5,
        True,
        "goods",
    )
    assert line["支払先"] == "青い扉"
    assert (line["row_number"], line["source_id"], line["status"]) == (1, "r1", "done")
    assert (line["attributes"] is not None, line["updated_at"] is not None) == (True, True)


def test_values_of_another_type_are_null_and_cost_no_other_row(database: Database) -> None:
    """Whatever an older spec or a correction left in a field, the view can be read."""
    odd: list[dict[str, Any]] = [
        dict.fromkeys(RECORD),
        {},
        {**RECORD, "items": "12", "weight": "much", "paid": "yes", "invoice_date": "2026-02-30"},
        {**RECORD, "items": 10**30, "weight": True, "total": "1200 JPY", "invoice_date": "soon"},
        {**RECORD, "items": 1.5, "weight": [1], "total": {"amount": "x", "currency": 3}},
        {**RECORD, "vendor": {"a": 1}, "kind": 7, "invoice_date": "0000-01-01", "paid": 1},
        {**RECORD, "invoice_date": 20260228, "total": None, "items": False},
        {**RECORD, "weight": 3, "total": {"amount": "-3", "currency": "JPY"}, "vendor": "it's"},
    ]
    make_extracted(database, *odd)
    typed_views.remake(database)
    lines = rows_of(database, TYPED)
    assert len(lines) == len(odd)
    found = [plain(line) for line in lines]
    assert found[0] == found[1] == (None,) * 8

    assert [row[4] for row in found] == [None, None, None, None, None, 12, None, 12]
    assert [row[5] for row in found[2:]] == [None, None, None, 2.5, 2.5, 3.0]
    assert [row[6] for row in found[2:]] == [None, True, True, None, True, True]
    assert [row[1] for row in found[2:7]] == [None, None, date(2026, 2, 28), None, None]
    assert [row[2] for row in found[3:]] == [None, None, Decimal("1045.9"), None, Decimal(-3)]
    assert (found[5][0], found[5][7], found[7][0]) == (None, None, "it's")


def test_rows_without_a_result_have_empty_fields(database: Database) -> None:
    """A row that waits is there, with its state and no values."""
    made = make_batch(database, [1], "invoices", change=lambda _: parse_spec(EXTRACT, "x.toml"))
    typed_views.remake(database)
    (line,) = rows_of(database, TYPED)
    assert (line["batch_id"], line["status"], plain(line)) == (
        made.batch_id,
        "waiting",
        (None,) * 8,
    )


def test_the_newest_spec_of_a_name_decides_the_columns(database: Database) -> None:
    """Rows of an older spec stand in the same view; what they have not is empty."""
    make_extracted(database, RECORD)
    newer = EXTRACT.replace(
        '[task.fields.items]\ntype = "integer"', "[task.fields.note]\ntype = 'string'"
    )
    make_batch(database, [1], "other", change=lambda _: parse_spec(newer, "x.toml"))
    answer_all(database, lambda job: extracted(job, {**RECORD, "note": "by post"}))
    typed_views.remake(database)
    lines = rows_of(database, "SELECT vendor, note FROM ext_invoices ORDER BY note IS NULL")
    assert [(line["vendor"], line["note"]) for line in lines] == [
        ("Blue Door", "by post"),
        ("Blue Door", None),
    ]


def test_making_again_changes_nothing_and_dropping_drops_ours_alone(database: Database) -> None:
    """Views of others stay, whatever they are called."""
    fill(database)
    run(database, "CREATE VIEW ext_mine AS SELECT batch_id FROM fct_rejects")
    first = typed_views.remake(database)
    assert typed_views.remake(database) == first
    assert view_names(database) == {"ext_invoices", "ext_mine"}
    assert typed_views.drop(database) == ["ext_invoices"]
    assert typed_views.drop(database) == []
    assert view_names(database) == {"ext_mine"}


def test_a_name_that_somebody_else_has_is_refused(database: Database) -> None:
    """Neither a view nor a table of that name is replaced, and nothing is half done."""
    fill(database)
    for statement in (
        "CREATE VIEW ext_invoices AS SELECT 1 AS one",
        "CREATE TABLE ext_invoices (a INT)",
    ):
        run(database, statement)
        with pytest.raises(SettingError) as caught:
            typed_views.remake(database)
        assert (caught.value.code, caught.value.params["view"]) == (
            "view_name_taken",
            "ext_invoices",
        )
        run(database, "DROP " + statement.split()[1] + " ext_invoices")
    typed_views.remake(database)


def test_an_upgrade_makes_typed_views_again(database: Database) -> None:
    """They stand on our views and keep neither database from being brought up."""
    fill(database)
    typed_views.remake(database)
    before = rows_of(database, TYPED)
    run(database, "DROP VIEW fct_savings_monthly")
    schema.upgrade(database)
    assert rows_of(database, TYPED) == before
    schema.require_current(database)


def test_an_upgrade_makes_no_typed_views_that_were_not_there(database: Database) -> None:
    """Who never asked for them has none."""
    fill(database)
    run(database, "DROP VIEW fct_savings_monthly")
    schema.upgrade(database)
    assert view_names(database) == set()


def test_views_of_others_that_stand_on_ours_are_named(database: Database) -> None:
    """PostgreSQL would refuse in the middle; here they are named before anything is changed."""
    fill(database)
    typed_views.remake(database)
    run(database, "CREATE VIEW mine AS SELECT batch_id FROM fct_results")
    run(database, "DROP VIEW fct_savings_monthly")
    if database.dialect == "sqlite":
        schema.upgrade(database)
        assert rows_of(database, "SELECT * FROM mine") != []
        return
    with pytest.raises(SettingError) as caught:
        schema.upgrade(database)
    assert (caught.value.code, caught.value.params["views"]) == ("views_needed", "public.mine")
    assert view_names(database) == {"ext_invoices", "mine"}
    run(database, "DROP VIEW mine")
    run(database, "CREATE VIEW mine AS SELECT batch_id FROM ext_invoices")
    with pytest.raises(SettingError, match="views_needed"):
        typed_views.drop(database)


def test_names_that_sql_would_stumble_over(database: Database) -> None:
    """Quotes, percent signs and colons in a spec's name are only a name."""
    odd = 'it\'s 100% :done "x"'
    spec = parse_spec(EXTRACT, "x.toml").model_copy(update={"name": odd})
    make_batch(database, [1], "odd", change=lambda _: spec)
    answer_all(database, lambda job: extracted(job, RECORD))
    (view,) = typed_views.remake(database)
    assert view.name == "ext_it_s_100_done_x"
    assert len(rows_of(database, "SELECT vendor FROM ext_it_s_100_done_x")) == 1
    assert typed_views.remake(database) == [view]


ORDERS = """
name = "orders"
input = { text = "t" }
route = { tiers = ["stub"] }
[task]
kind = "extract"
[task.fields."a.b: it's 100% {x}"]
type = "list"
items = "string"
[task.fields."$ref"]
type = "list"
[task.fields."$ref".fields."納期 (希望)"]
type = "date"
[task.fields."null"]
type = "record"
[task.fields."null".fields.class]
type = "money"
"""


def test_lists_and_records_are_json_under_any_name(database: Database) -> None:
    """What is none, or null, is empty; names are taken as they are."""
    listed, lines, record = "a.b: it's 100% {x}", "$ref", "null"
    day = {"納期 (希望)": "2026-02-05"}
    good = {listed: ["あ", "b"], lines: [day], record: {"class": None}}
    odd: list[dict[str, Any]] = [
        good,
        {listed: [], lines: None, record: None},
        {listed: "あ", lines: day, record: [1]},
        {},
    ]
    make_batch(database, [len(odd)], "orders", change=lambda _: parse_spec(ORDERS, "x.toml"))
    answer_all(database, lambda job: extracted(job, odd[job.row_number - 1]))
    typed_views.remake(database)
    rows = rows_of(database, "SELECT * FROM ext_orders ORDER BY row_number")
    found = [tuple(as_json(row[name]) for name in good) for row in rows]
    assert found == [tuple(good.values()), ([], None, None), (None,) * 3, (None,) * 3]


def as_json(value: Any) -> Any:
    """JSON of either database."""
    return json.loads(value) if isinstance(value, str) else value
