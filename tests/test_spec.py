"""Spec files: every complaint names file, line and key; equal meaning has one hash."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import NotBuiltError, SpecError
from jobs.spec import Spec, build_spec, parse_spec, read_spec, restore_spec

GOOD = """name = "mine"
[task]
kind = "classify"
labels = ["a", "b"]
[input]
text = "body"
[route]
[gate]
[policy]
"""
FULL = """tags = { cost_centre = "CS" }
name = "full"
[policy]
data_class = "open"
[gate]
threshold = 1
mode = "threshold"
[route]
tiers = ["other"]
[input]
keep = ["store", "day"]
id = "id"
text = "本文"
delimiter = ";"
[[task.labels]]
name = "返金"
description = "wants money back"
examples = ["返して"]
[[task.labels]]
name = "b"
[task]
kind = "classify"
instruction = "choose"
"""


def with_line(section: str, line: str, text: str = GOOD) -> str:
    """Put a line at the start of a section, or of the file."""
    return (
        f"{line}\n{text}" if not section else text.replace(f"[{section}]", f"[{section}]\n{line}")
    )


def complain(text: str, kind: type[SpecError | NotBuiltError] = SpecError) -> dict[str, Any]:
    """Return code and parameters of the complaint about a text."""
    with pytest.raises(kind) as caught:
        parse_spec(text, "my.toml")
    assert caught.value.params["file"] == "my.toml"
    return {"code": caught.value.code, **caught.value.params}


def test_defaults_are_filled_in() -> None:
    """A short spec means what the defaults say."""
    spec = parse_spec(GOOD, "my.toml")
    assert spec.route.tiers == ("smollm2-135m",)
    assert (spec.gate.mode, spec.gate.threshold) == ("keep_all", 0.8)
    assert spec.policy.data_class == "local_only"
    assert (spec.input.id, spec.input.keep, spec.input.header) == (None, (), True)
    assert spec.input.max_text_chars == 1_000_000


@pytest.mark.parametrize(
    ("section", "line", "key", "suggestion"),
    [
        ("", 'nam = "x"', "nam", "name"),
        ("task", 'instructions = "x"', "task.instructions", "instruction"),
        ("input", 'txt = "x"', "input.txt", "text"),
        ("route", 'tier = ["x"]', "route.tier", "tiers"),
        ("gate", "treshold = 0.5", "gate.treshold", "threshold"),
        ("policy", 'dataclass = "open"', "policy.dataclass", "data_class"),
        ("policy", "retention_day = 3", "policy.retention_day", "retention_days"),
    ],
)
def test_misspelt_keys_suggest(section: str, line: str, key: str, suggestion: str) -> None:
    """A key that is nearly one of ours is named with its line and the key meant."""
    text = with_line(section, line)
    found = complain(text)
    assert (found["code"], found["key"], found["suggestion"]) == (
        "spec_key_misspelt",
        key,
        suggestion,
    )
    assert text.splitlines()[found["line"] - 1] == line


@pytest.mark.parametrize(
    ("key", "wrong"), [("name", "nmae"), ("labels", "lables"), ("text", "texts"), ("kind", "knd")]
)
def test_a_misspelt_key_that_is_needed_suggests_too(key: str, wrong: str) -> None:
    """A needed key that is misspelt is called misspelt, not missing."""
    text = GOOD.replace(f"{key} =", f"{wrong} =")
    found = complain(text)
    assert (found["code"], found["suggestion"]) == ("spec_key_misspelt", key)
    assert wrong in text.splitlines()[found["line"] - 1]


def test_a_misspelt_table_suggests() -> None:
    """A misspelt table is named by its own line."""
    found = complain(GOOD.replace("[input]", "[inputs]"))
    assert (found["code"], found["suggestion"], found["line"]) == ("spec_key_misspelt", "input", 5)


def test_an_unknown_key_lists_what_is_known() -> None:
    """A key like none of ours names those that are known there."""
    found = complain(with_line("gate", "zzz = 1"))
    assert (found["code"], found["key"], found["line"]) == ("spec_key_unknown", "gate.zzz", 9)
    assert {"mode", "threshold", "target"} <= set(found["known"].split(", "))
    found = complain(FULL.replace('name = "b"', 'name = "b"\nqqqqq = 1'))
    assert (found["key"], found["known"]) == ("task.labels.1.qqqqq", "description, examples, name")


@pytest.mark.parametrize(
    ("section", "key"), [("", "name"), ("task", "kind"), ("task", "labels"), ("input", "text")]
)
def test_missing_keys_are_named(section: str, key: str) -> None:
    """A needed key that is not there is named, with the line of its table."""
    lines = [line for line in GOOD.splitlines() if not line.startswith(f"{key} =")]
    found = complain("\n".join(lines))
    assert found["code"] == "spec_key_missing"
    assert found["key"] == (f"{section}.{key}" if section else key)
    assert lines[found["line"] - 1] == (f"[{section}]" if section else lines[0])


@pytest.mark.parametrize("table", ["task", "input"])
def test_missing_tables_are_named(table: str) -> None:
    """Without a needed table the table is missing, not the keys in it."""
    text = '[task]\nkind = "classify"\nlabels = ["a", "b"]\n' if table == "input" else ""
    text = 'name = "x"\n' + text + ('[input]\ntext = "t"\n' if table == "task" else "")
    found = complain(text)
    assert (found["code"], found["key"]) == ("spec_key_missing", table)


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("gate", 'mode = "sometimes"'),
        ("gate", "threshold = 1.5"),
        ("gate", 'threshold = "high"'),
        ("gate", "threshold = nan"),
        ("route", "tiers = []"),
        ("route", 'tiers = ["../x"]'),
        ("route", 'tiers = "one"'),
        ("input", "max_text_chars = 0"),
        ("input", "header = 1"),
        ("input", 'delimiter = ";;"'),
        ("input", "keep = [1]"),
        ("policy", 'data_class = "secret"'),
        ("", "tags = { a = 1 }"),
    ],
)
def test_wrong_values_are_named(section: str, line: str) -> None:
    """A value of a wrong kind or outside its limits is named with its line and a reason."""
    text = with_line(section, line)
    found = complain(text)
    assert found["code"] == "spec_value_wrong"
    assert found["key"].startswith(f"{section}." if section else "tags")
    assert text.splitlines()[found["line"] - 1] == line
    assert found["problem"]


@pytest.mark.parametrize(
    "labels", ['["a"]', "[]", '["a", "a"]', '["Ａ", "A"]', '["a", " "]', '"a"', "[1, 2]"]
)
def test_labels_must_differ(labels: str) -> None:
    """Fewer than two labels, equal ones (also in full width), empty or no words are refused."""
    found = complain(GOOD.replace('["a", "b"]', labels))
    assert found["code"] == "spec_value_wrong"
    assert found["key"].startswith("task")
    assert found["line"] in (2, 4)


@pytest.mark.parametrize(
    "text",
    [
        "name = ",
        "[task",
        'name = "a"\nname = "b"',
        "\0",
        "a = " + "[" * 5000,
        "[" + "a." * 2000 + "b]",
    ],
)
def test_what_is_no_toml(text: str) -> None:
    """A text that is no TOML is refused with the place."""
    found = complain(text)
    assert found["code"] == "spec_not_toml"
    assert "\n" not in found["problem"]


def test_unreadable_files(tmp_path: Path) -> None:
    """A file that is missing, a folder or not UTF-8 is named; a byte order mark is no harm."""
    path = tmp_path / "my.toml"
    for place, code in ((path, "spec_unreadable"), (tmp_path, "spec_unreadable")):
        with pytest.raises(SpecError) as caught:
            read_spec(place)
        assert (caught.value.code, caught.value.params["file"]) == (code, str(place))
    path.write_bytes('name = "返金"'.encode("cp932"))
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    assert caught.value.code == "spec_not_utf8"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert read_spec(path) == parse_spec(GOOD, "my.toml")


def test_the_hash_is_of_the_meaning() -> None:
    """Order of keys, spelling of labels, comments and defaults written out change nothing."""
    spec = parse_spec(GOOD, "my.toml")
    turned = """# a comment
[policy]
data_class = "local_only"
[input]
header = true
text = "body"
[task]
labels = [{ name = "a" }, { description = "", name = "b", examples = [] }]
kind = "classify"
"""
    other = parse_spec('name = "mine"\n' + turned, "elsewhere.toml")
    assert other == spec
    assert other.hash() == spec.hash()
    whole = parse_spec(FULL.replace("threshold = 1\n", "threshold = 1.0\n"), "x")
    assert whole.hash() == parse_spec(FULL, "x").hash()


@pytest.mark.parametrize(
    ("old", "new"),
    [('"mine"', '"yours"'), ('["a", "b"]', '["b", "a"]'), ('"body"', '"other"')],
)
def test_another_meaning_has_another_hash(old: str, new: str) -> None:
    """Name, labels and their order, and columns are part of the meaning."""
    changed = parse_spec(GOOD.replace(old, new), "my.toml")
    assert changed.hash() != parse_spec(GOOD, "my.toml").hash()


@given(
    st.lists(st.text(min_size=1, max_size=5), min_size=2, max_size=5),
    st.floats(0, 1),
)
def test_a_stored_spec_is_restored(labels: list[str], threshold: float) -> None:
    """A spec that went through JSON is the same spec with the same hash."""
    spec = parse_spec(FULL, "my.toml")
    data = {**spec.canonical(), "gate": {"mode": "threshold", "threshold": threshold}}
    data["task"]["labels"] = [
        {"name": f"{number}{label}", "description": "", "examples": [label]}
        for number, label in enumerate(labels)
    ]
    changed = restore_spec(data)
    stored: dict[str, Any] = json.loads(json.dumps(changed.canonical()))
    assert restore_spec(stored) == changed
    assert restore_spec(stored).hash() == changed.hash()
    assert isinstance(changed, Spec)


@pytest.mark.parametrize("mode", ["", 'mode = "keep_all"', 'mode = "escalate_all"'])
def test_a_threshold_nobody_looks_at_is_refused(mode: str) -> None:
    """A threshold without the mode that uses it would be believed to be a gate."""
    text = f"{GOOD.split('[gate]', maxsplit=1)[0]}\n[gate]\n{mode}\nthreshold = 0.9\n"
    assert complain(text)["code"] == "spec_threshold_unused"


def test_a_name_may_be_japanese() -> None:
    """A spec's name is words for people, in any script."""
    first = next(line for line in GOOD.splitlines() if line.startswith("name"))
    assert (
        parse_spec(GOOD.replace(first, 'name = "問い合わせ 分類"'), "x").name == "問い合わせ 分類"
    )


@pytest.mark.parametrize("line", ['labels = ["a\\u0000", "b"]', 'instruction = "\\u0000"'])
def test_what_no_database_keeps_is_refused(line: str) -> None:
    """A NUL would be refused when the batch is handed in, by a database and in its words."""
    text = GOOD.replace(
        'labels = ["a", "b"]', line if "labels" in line else f'labels = ["a", "b"]\n{line}'
    )
    found = complain(text)
    assert (found["code"], found["key"]) == (
        "spec_value_wrong",
        f"task.{line.split(maxsplit=1)[0]}",
    )


def test_half_a_character_is_refused() -> None:
    """From Python a spec can hold what no file can."""
    task = {"kind": "summarize", "examples": [{"text": "x", "answer": "\ud800"}]}
    with pytest.raises(SpecError) as caught:
        build_spec({"name": "mine", "task": task, "input": {"text": "body"}})
    assert caught.value.params["key"] == "task.examples"
