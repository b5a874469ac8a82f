"""JSON columns: one form for both databases, and parts that are taken out."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.export.answers import MEMO_ROWS, JsonColumn, order_keys, order_of, take
from jobs.spec import parse_spec

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(values, st.randoms(use_true_random=False))
def test_the_order_of_keys_is_one(value: object, random: object) -> None:
    """However keys stood in the database, they are shown in the same order."""
    shuffled = json.loads(
        json.dumps(value), object_pairs_hook=lambda pairs: dict(_mixed(pairs, random))
    )
    assert json.dumps(order_keys(shuffled)) == json.dumps(order_keys(value))
    assert order_keys(value) == value


def _mixed(pairs: list[tuple[str, object]], random: object) -> list[tuple[str, object]]:
    random.shuffle(pairs)  # type: ignore[attr-defined]
    return pairs


def test_keys_of_the_spec_come_first() -> None:
    """Fields stand in the order of the spec, also where a database has sorted them."""
    column = JsonColumn(("vendor", "id"))
    ((value, shown),) = column.read(['{"id":1,"vendor":"あ","b":2,"aa":3}'])
    assert shown == '{"vendor": "あ", "id": 1, "b": 2, "aa": 3}'
    assert value["id"] == 1


def test_fields_of_records_stand_in_their_order() -> None:
    """Those inside lists and records, too; amounts keep theirs."""
    task = (
        'name = "x"\ninput = { text = "t" }\n[task]\nkind = "extract"\n'
        '[task.fields.lines]\ntype = "list"\n[task.fields.lines.fields.price]\ntype = "money"\n'
        '[task.fields.lines.fields.id]\ntype = "string"\n'
    )
    names = order_of(parse_spec(task, "x.toml"))["output"]
    ((_, shown),) = JsonColumn(names).read(
        ['{"lines":[{"id":"a","price":{"currency":"EUR","amount":"1"}}]}']
    )
    assert shown == '{"lines": [{"price": {"amount": "1", "currency": "EUR"}, "id": "a"}]}'


def test_many_texts_are_read_rightly() -> None:
    """More texts than are remembered, some again, some none."""
    column = JsonColumn()
    texts = [f'{{"n":{number % (MEMO_ROWS + 5)}}}' for number in range(2 * MEMO_ROWS)]
    read = column.read([*texts, None])
    assert [value["n"] for value, _ in read[:-1]] == [json.loads(text)["n"] for text in texts]
    assert read[-1] == (None, None)


def test_parts_are_taken() -> None:
    """What is not there is None, whatever stands in its place."""
    values = [{"a": {"b": 1}}, {"a": None}, {"a": 3}, None, {}]
    assert take(values, ("a", "b")) == [1, None, None, None, None]
