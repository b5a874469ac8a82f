"""The four kinds of [task]: their keys, and complaints that name file, line and key."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import UsageError
from jobs.spec import ExtractTask, Spec, SummarizeTask, TranslateTask, parse_spec, restore_spec
from jobs.tasks import Extract, Summarize, Translate, build_task

HEAD = 'name = "mine"\n[input]\ntext = "body"\n[task]\n'
FIELD = 'kind = "extract"\n[task.fields.a]\n'


def parse(task: str) -> Spec:
    """Check a spec with this [task]."""
    return parse_spec(HEAD + task, "my.toml")


def complain(task: str) -> dict[str, Any]:
    """Return code, parameters and the words of the line of the complaint about a task."""
    with pytest.raises(UsageError) as caught:
        parse(task)
    line = (HEAD + task).splitlines()[int(str(caught.value.params["line"])) - 1]
    return {"code": caught.value.code, **caught.value.params, "words": line}


def test_fields_keep_their_order() -> None:
    """Fields are a list in the stored spec, in the file's order, which the hash knows."""
    spec = parse(
        'kind = "extract"\nfields.b.type = "date"\n[task.fields.a]\ntype = "enum"\n'
        'values = ["x", "y"]\nrequired = false\ndescription = "d"'
    )
    assert isinstance(spec.task, ExtractTask)
    assert [(field.name, field.required) for field in spec.task.fields] == [
        ("b", True),
        ("a", False),
    ]
    assert restore_spec(json.loads(json.dumps(spec.canonical()))) == spec
    turned = parse('kind = "extract"\nfields.a.type = "date"\nfields.b.type = "date"')
    other = parse('kind = "extract"\nfields.b.type = "date"\nfields.a.type = "date"')
    assert turned.hash() != other.hash()
    assert isinstance(build_task(spec), Extract)


def test_defaults() -> None:
    """A short task means what the defaults say."""
    translate, summarize = (
        parse('kind = "translate"\ntarget_language = "ja"'),
        parse('kind = "summarize"'),
    )
    assert translate.task == TranslateTask(
        kind="translate", target_language="ja", source_language="auto"
    )
    assert summarize.task == SummarizeTask(kind="summarize", language="auto")
    assert isinstance(build_task(translate), Translate)
    assert isinstance(build_task(summarize), Summarize)


@pytest.mark.parametrize(
    ("task", "key", "suggestion"),
    [
        (FIELD + 'typ = "string"', "task.fields.a.typ", "type"),
        (FIELD + 'type = "string"\npatern = "x"', "task.fields.a.patern", "pattern"),
        ('kind = "extract"\n[task.field.a]\ntype = "string"', "task.field", "fields"),
        ('kind = "translate"\ntarget_langage = "ja"', "task.target_langage", "target_language"),
        ('kind = "summarize"\nmax_sentence = 3', "task.max_sentence", "max_sentences"),
        ('knd = "extract"\nfields.a.type = "date"', "task.knd", "kind"),
    ],
)
def test_misspelt_keys_suggest(task: str, key: str, suggestion: str) -> None:
    """A key that is nearly one of its own kind of task is named with the key meant."""
    found = complain(task)
    assert (found["code"], found["key"], found["suggestion"]) == (
        "spec_key_misspelt",
        key,
        suggestion,
    )
    assert key.rpartition(".")[2] in found["words"]


def test_an_unknown_key_lists_those_of_its_kind() -> None:
    """Only the keys of this kind of task, or of a field, are listed."""
    known = complain('kind = "summarize"\nzzzzz = 1')["known"].split(", ")
    assert {"language", "max_chars"} <= set(known)
    assert not {"labels", "fields", "target_language"} & set(known)
    found = complain(FIELD + 'type = "string"\nzzzzz = 1')
    assert (
        found["known"] == "description, fields, items, max_items, pattern, required, type, values"
    )


@pytest.mark.parametrize(
    ("task", "key"),
    [
        ('target_language = "ja"', "task.kind"),
        ('kind = "extract"', "task.fields"),
        (FIELD + 'description = "x"', "task.fields.a.type"),
        ('kind = "translate"', "task.target_language"),
    ],
)
def test_missing_keys_are_named(task: str, key: str) -> None:
    """A needed key of a kind of task is named."""
    found = complain(task)
    assert (found["code"], found["key"]) == ("spec_key_missing", key)


@pytest.mark.parametrize(
    ("task", "key"),
    [
        ('kind = "sort"', "task.kind"),
        ("kind = 3", "task.kind"),
        ('kind = "translate"\ntarget_language = "xx"', "task.target_language"),
        ('kind = "translate"\ntarget_language = "ja"\nsource_language = "ja"', "task"),
        ('kind = "summarize"\nmax_sentences = 0', "task.max_sentences"),
        ('kind = "summarize"\nlanguage = "Klingon"', "task.language"),
        (FIELD + 'type = "float"', "task.fields.a.type"),
        (FIELD + 'type = "enum"', "task.fields.a"),
        (FIELD + 'type = "enum"\nvalues = ["x", "ｘ"]', "task.fields.a"),
        (FIELD + 'type = "date"\nvalues = ["x", "y"]', "task.fields.a"),
        (FIELD + 'type = "date"\nname = "b"', "task"),
        ('kind = "extract"\n[task.fields." a"]\ntype = "date"', "task.fields. a"),
        ('kind = "extract"\nfields.a.type = "date"\nfields."ａ".type = "date"', "task"),
        ('kind = "extract"\nfields = { a = "date" }', "task"),
        ('kind = "extract"\nfields = ["a"]', "task.fields.0"),
        ('kind = "extract"\nfields = {}', "task.fields"),
    ],
)
def test_wrong_values_are_named(task: str, key: str) -> None:
    """A wrong value is named by its key, with a reason that does not repeat it."""
    found = complain(task)
    assert (found["code"], found["key"]) == ("spec_value_wrong", key)
    assert found["problem"]
    assert "Klingon" not in found["problem"]


@pytest.mark.parametrize(
    "task",
    [
        'kind = "classify"\nlabels = ["a", "b"]',
        'kind = "extract"\nfields.a.type = "date"',
        'kind = "translate"\ntarget_language = "ja"',
        'kind = "summarize"',
    ],
)
def test_every_task_may_split_long_texts(task: str) -> None:
    """The default, said or not, is the spec it always was; splitting makes another one."""
    plain, refusing, splitting = (
        parse(task + line) for line in ("", '\nlong_input = "refuse"', '\nlong_input = "split"')
    )
    assert plain.task.long_input == "refuse"
    assert plain.hash() == refusing.hash() != splitting.hash()
    assert restore_spec(splitting.canonical()).task.long_input == "split"
    old = plain.canonical()
    del old["task"]["long_input"]
    assert restore_spec(old) == plain
    wrong = complain(task + '\nlong_input = "cut"')
    assert (wrong["code"], wrong["key"]) == ("spec_value_wrong", "task.long_input")


def test_the_examples_are_good() -> None:
    """Every spec in examples/ is one."""
    folder = Path(__file__).parents[2] / "examples"
    kinds = {
        parse_spec(path.read_text(encoding="utf-8"), path.name).task.kind
        for path in folder.glob("*.toml")
    }
    assert kinds == {"classify", "extract", "translate", "summarize"}
