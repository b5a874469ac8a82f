"""The fields of an extraction: their types, their names, what is inside them, and examples."""

import json
from typing import Any

import pytest

from jobs.errors import UsageError
from jobs.spec import ExtractTask, FieldSpec, Spec, parse_spec, restore_spec
from tests.tasks.test_spec import HEAD

ORDER = """kind = "extract"
[task.fields.tags]
type = "list"
items = "string"
pattern = "[a-z]+"
[task.fields.lines]
type = "list"
max_items = 5
[task.fields.lines.fields.item]
type = "string"
[task.fields.lines.fields.price]
type = "money"
required = false
[task.fields.to]
type = "record"
[task.fields.to.fields.city]
type = "string"
[task.fields.to.fields.days]
type = "list"
items = "date"
"""


def parse(task: str) -> Spec:
    return parse_spec(HEAD + task, "my.toml")


def read(task: str) -> ExtractTask:
    """The [task] of a spec, which is an extraction."""
    made = parse(task).task
    assert isinstance(made, ExtractTask)
    return made


def complain(task: str) -> dict[str, Any]:
    """Code and parameters of the complaint about a task, with the words of its line."""
    with pytest.raises(UsageError) as caught:
        parse(task)
    line = (HEAD + task).splitlines()[int(str(caught.value.params["line"])) - 1]
    return {"code": caught.value.code, **caught.value.params, "words": line}


def test_lists_and_records() -> None:
    """A list of records needs no `items`; what is inside a field keeps its order, and is stored."""
    tags, lines, to = read(ORDER).fields
    assert (tags.kind, tags.required, tags.max_items, lines.max_items) == ("string", False, 20, 5)
    assert (lines.type, lines.items, [one.name for one in lines.fields]) == (
        "list",
        "record",
        ["item", "price"],
    )
    assert (lines.item.type, lines.item.required) == ("record", True)
    assert (to.required, to.fields[1].kind, to.fields[1].item.type) == (True, "date", "date")
    spec = parse(ORDER)
    assert restore_spec(json.loads(json.dumps(spec.canonical()))) == spec
    assert restore_spec(json.loads(json.dumps(spec.canonical()))).hash() == spec.hash()


def test_old_specs_keep_their_hash() -> None:
    """The hash of a spec from before there were lists, with its defaults said or not."""
    old = 'kind = "extract"\n[task.fields.day]\ntype = "date"\n'
    said = old + 'required = true\ndescription = ""\nmax_items = 20\nfields = []\n'
    assert parse(old).hash() == parse(said).hash()
    stored = parse(old).canonical()
    for key in ("items", "max_items", "pattern", "fields"):
        del stored["task"]["fields"][0][key]
    del stored["task"]["examples"]
    assert restore_spec(stored).hash() == parse(old).hash()


@pytest.mark.parametrize(
    "name",
    [
        "null", "type", "class", "properties", "required", "$ref", "__proto__", "name", "fields",
        "items", "a b", "納期（希望）", "a.b", "it's", "x-guidance", "1", "{field}", "%s",
    ],
)  # fmt: skip
def test_any_words_are_a_name(name: str) -> None:
    """Keywords of whatever language, spaces and Japanese; at the top and inside a record."""
    quoted = json.dumps(name, ensure_ascii=False)
    task = read(
        f'kind = "extract"\n[task.fields.{quoted}]\ntype = "record"\n'
        f'[task.fields.{quoted}.fields.{quoted}]\ntype = "date"'
    )
    assert (task.fields[0].name, task.fields[0].fields[0].name) == (name, name)


@pytest.mark.parametrize("name", ["", " a", "a ", 'a"b', "a\\\\b", "a\\u0007", "a\\nb", "x" * 65])
def test_what_is_no_name(name: str) -> None:
    """No quotation marks, backslashes, line ends or control characters; 64 characters at most."""
    with pytest.raises(ValueError, match="name"):
        FieldSpec(name=json.loads(f'"{name}"') if "\\" in name else name, type="date")


@pytest.mark.parametrize(
    ("task", "key", "words"),
    [
        ('fields.a.type = "list"', "task.fields.a", "a list needs items"),
        ('fields.a = { type = "list", items = "list" }', "task.fields.a.items", ""),
        ('fields.a = { type = "date", items = "date" }', "task.fields.a", "type list only"),
        ('fields.a = { type = "date", max_items = 3 }', "task.fields.a", "type list only"),
        ('fields.a = { type = "list", items = "enum" }', "task.fields.a", "two or more"),
        (
            'fields.a = { type = "list", items = "date", max_items = 0 }',
            "task.fields.a.max_items",
            "",
        ),
        (
            'fields.a = { type = "list", items = "date", max_items = 201 }',
            "task.fields.a.max_items",
            "",
        ),
        ('fields.a = { type = "date", pattern = "x" }', "task.fields.a", "a pattern belongs"),
        (
            'fields.a = { type = "list", items = "integer", pattern = "x" }',
            "task.fields.a",
            "a pattern",
        ),
        ('fields.a = { type = "string", pattern = "(" }', "task.fields.a", "unclosed group"),
        (
            'fields.a = { type = "string", pattern = "[^\\\\s\\\\S]" }',
            "task.fields.a",
            "no text meets",
        ),
        ('fields.a.type = "record"', "task.fields.a", "needs fields of its own"),
        (
            'fields.a = { type = "string", fields = { b = { type = "date" } } }',
            "task.fields.a",
            "belong",
        ),
        (
            'fields.a = { type = "record", fields = { b = "date" } }',
            "task.fields.a",
            "must be tables",
        ),
        (
            'fields.a = { type = "record", fields = { b.type = "date", "ｂ".type = "date" } }',
            "task.fields.a",
            "are the same",
        ),
    ],
)
def test_impossible_fields_are_refused(task: str, key: str, words: str) -> None:
    """Each with the key it is about, and why."""
    found = complain('kind = "extract"\n' + task)
    assert (found["code"], found["key"]) == ("spec_value_wrong", key)
    assert words in found["problem"]


def test_mistakes_inside_a_record_are_found_there() -> None:
    """The path and the line are those of the file."""
    inside = ORDER.replace('items = "date"', 'items = "dates"')
    found = complain(inside)
    assert (found["key"], found["words"]) == ("task.fields.to.fields.days.items", 'items = "dates"')
    misspelt = complain(ORDER.replace("required = false", "requird = false"))
    assert (misspelt["key"], misspelt["suggestion"]) == (
        "task.fields.lines.fields.price.requird",
        "required",
    )
    dotted = complain('kind = "extract"\n[task.fields."a.b"]\ntype = "dat"')
    assert (dotted["key"], dotted["words"]) == ("task.fields.a.b.type", 'type = "dat"')


def nest(depth: int) -> dict[str, Any]:
    """A field with so many records in each other, itself counted."""
    if depth == 1:
        return {"name": "x", "type": "date"}
    return {"name": "x", "type": "record", "fields": (nest(depth - 1),)}


def test_records_have_limits() -> None:
    """Three deep and a hundred fields in all; more is refused and not cut."""
    ExtractTask.model_validate({"kind": "extract", "fields": (nest(3),)})
    with pytest.raises(ValueError, match="deep"):
        ExtractTask.model_validate({"kind": "extract", "fields": (nest(4),)})
    inner = tuple({"name": f"n{number}", "type": "date"} for number in range(60))
    wide = tuple({"name": name, "type": "record", "fields": inner} for name in "ab")
    with pytest.raises(ValueError, match="more than 100"):
        ExtractTask.model_validate({"kind": "extract", "fields": wide})


EXAMPLE = (
    ORDER
    + """[[task.examples]]
text = "2 red pens at $3 to Oslo on May 3, 2024, urgent"
[task.examples.answer]
tags = ["urgent"]
to = { city = "Oslo", days = [2024-05-03] }
[[task.examples.answer.lines]]
item = "red pens"
price = { amount = 3, currency = "USD" }
"""
)


def test_examples_are_stored_with_their_dates() -> None:
    """A date of TOML is the day as ISO 8601; nothing else of the answer changes."""
    spec = parse(EXAMPLE)
    assert isinstance(spec.task, ExtractTask)
    assert spec.task.examples[0].answer["to"] == {"city": "Oslo", "days": ("2024-05-03",)}
    assert restore_spec(json.loads(json.dumps(spec.canonical()))) == spec
    assert spec.hash() != parse(ORDER).hash()


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ('["urgent"]', '"urgent"', "tags should be a list"),
        ('["urgent"]', '["rush"]', "tags[0] does not stand in its text"),
        ('["urgent"]', '["Oslo"]', "tags[0] does not meet the field's pattern"),
        ('["urgent"]', "[3]", "tags[0] is not of the type string"),
        ("2024-05-03", "2024-05-04", "to.days[0] does not stand in its text"),
        ("2024-05-03", '"May 3"', "to.days[0] is not of the field's type"),
        ("2024-05-03", "2024-05-03T10:00:00", "to.days[0] is not of the type date"),
        ('city = "Oslo", ', "", "to.city is required"),
        ("amount = 3", "amount = true", "lines[0].price is not of the type money"),
        ("amount = 3", "amount = 4", "lines[0].price does not stand in its text"),
        ('item = "red pens"', 'item = " "', "lines[0].item"),
        ("tags = ", "towns = []\ntags = ", "no field 'towns'"),
        ('city = "Oslo"', 'city = "Oslo", zip = "1"', "none of its fields"),
    ],
)
def test_wrong_examples_are_refused(good: str, bad: str, words: str) -> None:
    """The example's number and the field are named, never what the answer holds."""
    assert good in EXAMPLE
    found = complain(EXAMPLE.replace(good, bad))
    assert (found["code"], found["key"].startswith("task")) == ("spec_value_wrong", True)
    assert "example 1: " in found["problem"]
    assert words in found["problem"]
    assert "rush" not in found["problem"]


def test_an_answer_is_a_table() -> None:
    """Text or nothing is no record."""
    for answer in ('"Oslo"', "[1]", "3"):
        found = complain(ORDER + f'[[task.examples]]\ntext = "x"\nanswer = {answer}\n')
        assert "should be a table" in found["problem"]
